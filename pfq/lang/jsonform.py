# SPDX-License-Identifier: GPL-2.0-or-later
"""The JSON form of a program, which libpfq and other programs of PFQ read and write.

An array of {"funIndex", "funSymbol", "funLink", "funArgs": 8 x (null or {"argType", "argValue"})}. An IPv4 address is a
number there: the one that its four bytes are in this machine's memory. CIDR6 is an extension: its addresses are text.
"""

import json
import sys
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Any

from pfq.errors import BadData
from pfq.lang import values
from pfq.lang.rows import MAX_ARGS, Loose, Ref, Row, flatten, gather
from pfq.lang.term import Function
from pfq.lang.types import ListOf, Type

_NAMES = {"CInt": "Int", "Device": "String", "MAC": "String"}
_INTEGERS = {"int"} | {f"{sign}{bits}" for sign in ("int", "word") for bits in (8, 16, 32, 64)}


def dumps(program: Function) -> str:
    """Return a program's JSON, on one line."""
    return json.dumps(to_json(program), separators=(",", ":"))


def to_json(program: Function) -> list[dict[str, Any]]:
    """Return a program as what JSON is made of."""
    return [_row(index, row) for index, row in enumerate(flatten(program))]


def _row(index: int, row: Row) -> dict[str, Any]:
    args: list[Any] = [_argument(kind, arg) for kind, arg in zip(row.entry.parameters, row.args, strict=True)]
    args += [None] * (MAX_ARGS - len(args))
    return {"funIndex": index, "funSymbol": row.entry.symbol, "funLink": row.next, "funArgs": args}


def _argument(kind: Type, arg: "values.Value | Ref") -> dict[str, Any]:
    if isinstance(arg, Ref):
        return {"argType": "Fun", "argValue": arg.index}
    if isinstance(kind, ListOf):
        name = str(kind.element)
        assert isinstance(arg, tuple)
        return {"argType": f"[{_NAMES.get(name, name)}]", "argValue": [_plain(each) for each in arg]}
    return {"argType": _NAMES.get(str(kind), str(kind)), "argValue": _plain(arg)}


def _plain(value: values.Value) -> Any:
    match value:
        case IPv4Address():
            return {"getHostAddress": int.from_bytes(value.packed, sys.byteorder)}
        case IPv4Network():
            return {"getNetworkPair": [_plain(value.network_address), value.prefixlen]}
        case IPv6Network():
            return {"getNetworkPair6": [str(value.network_address), value.prefixlen]}
    return value


def loads(text: str | bytes) -> Function:
    """Return the program that JSON says. Raises BadData or ProgramError."""
    try:
        return from_json(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise BadData(f"this is not JSON: {error}", hint="pfq-lang --json writes programs as JSON") from None


def from_json(data: Any) -> Function:
    """Return the program that the objects of a JSON text are. Raises BadData or ProgramError."""
    if not isinstance(data, list) or not data:
        raise BadData("a program in JSON is an array of functions", hint="pfq-lang --json writes such")
    return gather([_loose(index, each) for index, each in enumerate(data)])


def _loose(index: int, data: Any) -> Loose:
    try:
        symbol, link, args, own = data["funSymbol"], data["funLink"], data["funArgs"], data.get("funIndex", index)
        if not (isinstance(symbol, str) and isinstance(link, int) and isinstance(args, list) and own == index):
            raise TypeError
        return Loose(symbol, tuple(_read(arg["argType"], arg["argValue"]) for arg in args if arg is not None), link)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BadData(
            f"function {index} of the JSON is not well-formed ({type(error).__name__}: {error})",
            hint="it has funIndex (its place), funSymbol, funLink and funArgs, of argType and argValue each",
        ) from None


def _read(kind: str, value: Any) -> Any:
    name = kind.strip().lower()
    if name.startswith("[") and name.endswith("]"):
        if not isinstance(value, list):
            raise TypeError(f"{kind} is no list")
        return [_read(name[1:-1], each) for each in value]
    if name in _INTEGERS or name == "fun":
        if isinstance(value, bool) or int(value) != value:
            raise TypeError(f"{value!r} is no {kind}")
        return Ref(int(value)) if name == "fun" else int(value)
    match name:
        case "string":
            return value
        case "ipv4":
            return _address(value)
        case "cidr":
            address, length = value["getNetworkPair"]
            return IPv4Network((_address(address), length), strict=False)
        case "cidr6":
            address, length = value["getNetworkPair6"]
            return IPv6Network((address, length), strict=False)
    raise TypeError(f"there is no argType {kind!r}")


def _address(value: Any) -> IPv4Address:
    return IPv4Address(int(value["getHostAddress"]).to_bytes(4, sys.byteorder))
