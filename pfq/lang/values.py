# SPDX-License-Identifier: GPL-2.0-or-later
"""Plain arguments: from what people write to what the kernel is given, or an error that says what was expected.

Numbers are checked against their type's range and the argument's own; prefixes come as "10.0.0.0/8", as objects of
`ipaddress` or as (address, length), and lose the bits behind their length.
"""

import ipaddress
import re
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Any

from pfq.lang import types
from pfq.lang.types import Con, ListOf, Type

Prefix4 = IPv4Network | IPv4Interface | IPv4Address | str | tuple[str | IPv4Address, int]
Prefix6 = IPv6Network | IPv6Interface | IPv6Address | str | tuple[str | IPv6Address, int]
Address4 = IPv4Address | str | int
"""What can be written for a prefix or an address. A whole number is one in network order, as PFQ has it."""

MAX_LIST = 65536
MAX_STRING = 4096


@dataclass(frozen=True, slots=True)
class Misfit(Exception):
    """A value that an argument cannot take: what was got instead, and a hint."""

    got: str
    hint: str


Value = int | str | IPv4Address | IPv4Network | IPv6Network | tuple["Value", ...]
"""A plain argument, checked."""


def coerce(kind: Type, value: Any, limit: tuple[int, int] | None = None) -> Value:
    """Return a value as one of a type. Raises Misfit."""
    if isinstance(kind, ListOf):
        if isinstance(value, str | bytes) or not isinstance(value, Sequence):
            raise Misfit(said(value), "write a list, such as [1, 2]")
        if len(value) > MAX_LIST:
            raise Misfit(f"a list of {len(value)}", f"lists have at most {MAX_LIST} elements")
        return tuple(coerce(kind.element, element, limit) for element in value)
    assert isinstance(kind, Con)
    match kind.name:
        case "String":
            return _string(value)
        case "Device":
            return _device(value)
        case "MAC":
            return _mac(value)
        case "CIDR":
            return _prefix4(value)
        case "CIDR6":
            return _prefix6(value)
        case "IPv4":
            return _address4(value)
    return _number(kind.name, value, limit)


def said(value: object) -> str:
    """Return what a value is, for messages."""
    if isinstance(value, str):
        return f"the string {quote(value)}"
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, int):
        return f"the number {value}"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, IPv4Address | IPv4Network | IPv6Address | IPv6Network):
        return f"{type(value).__name__} {value}"
    return f"an object of type {type(value).__name__}"


def quote(text: str) -> str:
    """Return a string as pfq-lang writes it."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(escapes.get(c, c if c.isprintable() else f"\\x{ord(c):x}\\&") for c in text) + '"'


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise Misfit(said(value), 'write a string, such as "eth0"')
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise Misfit("a string with half a surrogate pair", "strings are Unicode") from None
    if not value or "\0" in value or size > MAX_STRING:
        what = "an empty string" if not value else "a string with a NUL" if "\0" in value else f"{size} bytes"
        raise Misfit(what, f"strings have 1 to {MAX_STRING} bytes, none of them 0")
    return value


def _device(value: Any) -> str:
    name = _string(value)
    if len(name.encode()) > 15 or name in (".", "..") or any(c in "/:" or c.isspace() for c in name):
        raise Misfit(said(value), 'names of devices have at most 15 bytes, without blanks, "/" and ":"')
    return name


def _mac(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}", value):
        raise Misfit(said(value), 'write a MAC address, such as "02:00:00:00:00:01"')
    return value.lower()


def _number(name: str, value: Any, limit: tuple[int, int] | None) -> int:
    low, high = limit or types.INTEGERS[name]
    if isinstance(value, bool) or not isinstance(value, int):
        raise Misfit(said(value), "write a number, such as 80 or 0x50")
    if not low <= value <= high:
        raise Misfit(said(value), f"give a number from {low} to {high}")
    return value


def _address4(value: Any) -> IPv4Address:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32:
        return IPv4Address(value.to_bytes(4, sys.byteorder))
    if isinstance(value, IPv4Address) and not isinstance(value, IPv4Interface):
        return value
    try:
        assert isinstance(value, str)
        return IPv4Address(value)
    except (ValueError, AssertionError):
        raise Misfit(said(value), 'write an IPv4 address, such as "192.0.2.1"') from None


def _prefix4(value: Any) -> IPv4Network:
    if isinstance(value, IPv4Network):
        return value
    given = value if isinstance(value, tuple) and len(value) == 2 else (value,)
    if isinstance(given[0], str | IPv4Address | IPv4Interface):
        try:
            return ipaddress.IPv4Network(value if len(given) == 1 else given, strict=False)
        except (ValueError, TypeError):
            pass
    raise Misfit(said(value), _other_family(value) or 'write an IPv4 prefix, such as "192.0.2.0/24"')


def _prefix6(value: Any) -> IPv6Network:
    if isinstance(value, IPv6Network):
        return value
    given = value if isinstance(value, tuple) and len(value) == 2 else (value,)
    if isinstance(given[0], str | IPv6Address | IPv6Interface) and "%" not in str(given[0]):
        try:
            return ipaddress.IPv6Network(value if len(given) == 1 else given, strict=False)
        except (ValueError, TypeError):
            pass
    raise Misfit(said(value), _other_family(value) or 'write an IPv6 prefix, such as "2001:db8::/32"')


def _other_family(value: Any) -> str:
    try:
        version = ipaddress.ip_interface(value).version
    except (ValueError, TypeError):
        return ""
    return f"that is IPv{version}: there are addr and has_addr for IPv4, addr6 and has_addr6 for IPv6"


def pack(kind: Type, value: Value) -> bytes:
    """Return a plain value's bytes in memory; strings and lists have none of their own."""
    assert isinstance(kind, Con)
    if isinstance(value, IPv4Address):
        return bytes(value.packed)
    if isinstance(value, IPv4Network):
        return bytes(value.network_address.packed + struct.pack("=I", value.prefixlen))
    if isinstance(value, IPv6Network):
        return bytes(value.network_address.packed + bytes([value.prefixlen]))
    assert isinstance(value, int)
    size = types.SIZES[kind.name]
    return (value & ((1 << 8 * size) - 1)).to_bytes(size, sys.byteorder)


def show(value: Value) -> str:
    """Return a value as pfq-lang writes it."""
    if isinstance(value, tuple):
        return "[" + ", ".join(show(element) for element in value) + "]"
    if isinstance(value, int):
        return f"({value})" if value < 0 else str(value)
    return quote(str(value))
