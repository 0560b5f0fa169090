# SPDX-License-Identifier: GPL-2.0-or-later
"""Network settings as the kernel itself words them: whole messages, dumped and given back.

What is only kept and put back is never decoded: attributes that we do not know survive, too. The watchdog restores
with this alone, so it needs nothing but a socket and `struct`. Who has to understand links uses pyroute2 (`carriers`).
"""

import os
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType

LINK, ADDRESS, ROUTE, NEIGHBOUR, RULE, QDISC = 16, 20, 24, 28, 32, 36
"""RTM_NEWLINK and so on; the next number is RTM_DEL..., the one after it RTM_GET..."""

SET = 19
"""RTM_SETLINK: change a link that is there."""

CREATE, EXCLUSIVE, REPLACE, APPEND = 0x400, 0x200, 0x100, 0x800
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
_ERROR, _DONE = 2, 3
_SOL_NETLINK, _EXT_ACK, _CAP_ACK = 270, 11, 10
_MESSAGE_ATTRIBUTE = 1
_TYPE_MASK = 0x3FFF
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")

HEADERS = {LINK: 16, SET: 16, ADDRESS: 8, ROUTE: 12, NEIGHBOUR: 12, RULE: 12, QDISC: 20}
"""How many bytes come before the attributes of a message."""

Index = Callable[[int], int]
"""Translates the number of a device."""

Attributes = list[tuple[int, bytes]]


class Refused(OSError):
    """The kernel refused a request; the text is its own explanation where it gave one."""


class Netlink:
    """A connection to the kernel's table of links, addresses and routes."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        for option in (_EXT_ACK, _CAP_ACK):
            self._socket.setsockopt(_SOL_NETLINK, option, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.settimeout(20.0)
        self._sequence = 0

    def __enter__(self) -> "Netlink":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._socket.close()

    def dump(self, kind: int, header: bytes) -> list[bytes]:
        """Return the bodies of all messages of a kind (LINK, ROUTE...); `header` may restrict them."""
        return [body for found, body in self._ask(kind + 2, _DUMP, header) if found == kind]

    def change(self, kind: int, flags: int, body: bytes) -> None:
        """Ask for a change and wait until it is done; Refused if the kernel does not want to."""
        for _ in self._ask(kind, _ACK | flags, body):
            pass

    def _ask(self, kind: int, flags: int, body: bytes) -> Iterator[tuple[int, bytes]]:
        self._sequence += 1
        self._socket.send(_HEADER.pack(_HEADER.size + len(body), kind, flags | _REQUEST, self._sequence, 0) + body)
        while True:
            data = self._socket.recv(1 << 18)
            while len(data) >= _HEADER.size:
                length, found, found_flags, sequence, _ = _HEADER.unpack_from(data)
                content, data = data[_HEADER.size : length], data[(length + 3) & ~3 :]
                if sequence != self._sequence:
                    continue
                if found in (_ERROR, _DONE):
                    _judge(content, found_flags)
                    return
                yield found, content


def _judge(content: bytes, flags: int) -> None:
    code = -struct.unpack_from("=i", content)[0] if len(content) >= 4 else 0
    if code > 0:
        # After the code of an error comes the header of the request, then the explanation.
        told = dict(attributes(content[4 + _HEADER.size :])) if flags & 0x200 else {}
        why = told.get(_MESSAGE_ATTRIBUTE, b"").rstrip(b"\0").decode(errors="replace")
        raise Refused(code, why or os.strerror(code))


def attributes(data: bytes) -> Attributes:
    """Return the attributes in a piece of a message, in their order."""
    found = []
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if length < _ATTRIBUTE.size:
            break
        found.append((kind & _TYPE_MASK, data[_ATTRIBUTE.size : length]))
        data = data[(length + 3) & ~3 :]
    return found


def pack(items: Iterable[tuple[int, bytes]]) -> bytes:
    """Return attributes as they go into a message."""
    return b"".join(
        _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4) for kind, value in items
    )


def number(value: bytes) -> int:
    """Return an attribute that is a number of 1, 2, 4 or 8 bytes."""
    return int.from_bytes(value[:8], "little" if struct.pack("=H", 1)[0] else "big")


def text(value: bytes) -> str:
    """Return an attribute that is a string."""
    return value.rstrip(b"\0").decode(errors="replace")


def u32(value: int) -> bytes:
    """Return a number as an attribute's value."""
    return struct.pack("=I", value)


# --- the numbers of devices inside messages

_OIF, _IIF, _MULTIPATH = 4, 3, 9
_HOP = struct.Struct("=HBBi")
_HOP_KEEP = 0x04
"""RTNH_F_ONLINK: the one flag of a hop that is a setting; dead, linkdown and offload are observations."""


def device(body: bytes) -> int:
    """Return the number of the device of an address, neighbour, qdisc or link."""
    found: int = struct.unpack_from("=i", body, 4)[0]
    return found


def devices(body: bytes) -> set[int]:
    """Return the numbers of the devices that a route leads through."""
    found = set()
    for kind, value in attributes(body[HEADERS[ROUTE] :]):
        if kind == _OIF:
            found.add(number(value))
        elif kind == _MULTIPATH:
            found.update(hop[2] for hop in _hops(value))
    return found


def _hops(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    while len(data) >= _HOP.size:
        length, flags, weight, index = _HOP.unpack_from(data)
        if length < _HOP.size:
            return
        yield flags, weight, index, data[_HOP.size : length]
        data = data[(length + 3) & ~3 :]


def reindex(kind: int, body: bytes, to: Index) -> bytes:
    """Return a message with the numbers of its devices translated, and without a route's observations."""
    if kind == RULE:
        return body
    if kind != ROUTE:
        return body[:4] + struct.pack("=i", to(device(body))) + body[8:]
    size = HEADERS[ROUTE]
    items = [(each, _translated(each, value, to)) for each, value in attributes(body[size:])]
    flags = struct.unpack_from("=I", body, 8)[0] & _HOP_KEEP
    return body[:8] + struct.pack("=I", flags) + pack(items)


def _translated(kind: int, value: bytes, to: Index) -> bytes:
    if kind in (_OIF, _IIF):
        return u32(to(number(value)))
    if kind == _MULTIPATH:
        return b"".join(
            _HOP.pack(_HOP.size + len(rest), flags & _HOP_KEEP, weight, to(index)) + rest
            for flags, weight, index, rest in _hops(value)
        )
    return value
