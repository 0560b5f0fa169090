# SPDX-License-Identifier: GPL-2.0-or-later
"""Read captures: pcap of both byte orders, in micro- and nanoseconds, and pcapng. Ethernet only."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pfq.errors import BadData, Unreadable

_PCAP = {
    b"\xd4\xc3\xb2\xa1": ("<", 10**3), b"\xa1\xb2\xc3\xd4": (">", 10**3),
    b"\x4d\x3c\xb2\xa1": ("<", 1), b"\xa1\xb2\x3c\x4d": (">", 1),
}  # fmt: skip
_PCAPNG = b"\x0a\x0d\x0d\x0a"
_ETHERNET = 1
_MAX_FRAME = 256 * 1024
_INTERFACE, _SIMPLE, _ENHANCED = 1, 3, 6
_RESOLUTION = 9


@dataclass(frozen=True, slots=True)
class Frame:
    """A captured frame, its length on the wire, and when it came (nanoseconds since 1970; 0 if not known)."""

    data: bytes
    length: int
    time: int


def read(path: Path) -> Iterator[Frame]:
    """Yield the frames of a capture. Raises Unreadable or BadData."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path}: {(error.strerror or str(error)).lower()}", hint="give a capture file") from None
    return parse(data, str(path))


def parse(data: bytes, name: str = "capture") -> Iterator[Frame]:
    """Yield the frames of a capture in memory. Raises BadData."""
    if data[:4] in _PCAP:
        return _pcap(data, name)
    if data[:4] == _PCAPNG:
        return _pcapng(data, name)
    raise BadData(f"{name} is no capture", hint="captures are pcap or pcapng, as tcpdump -w and pfq-capture -w write")


def _short(name: str) -> BadData:
    return BadData(f"{name} ends in the middle of a frame", hint="it was cut off while being written or copied")


def _link(name: str, kind: int) -> None:
    if kind != _ETHERNET:
        raise BadData(
            f"{name} is of link type {kind}, not Ethernet", hint="capture on an Ethernet device, not on 'any'"
        )


def _pcap(data: bytes, name: str) -> Iterator[Frame]:
    order, unit = _PCAP[data[:4]]
    if len(data) < 24:
        raise _short(name)
    _link(name, struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF)
    at = 24
    while at < len(data):
        if len(data) < at + 16:
            raise _short(name)
        seconds, fraction, size, length = struct.unpack_from(order + "4I", data, at)
        if size > _MAX_FRAME or len(data) < at + 16 + size:
            raise _short(name)
        yield Frame(data[at + 16 : at + 16 + size], length, seconds * 10**9 + fraction * unit)
        at += 16 + size


def _pcapng(data: bytes, name: str) -> Iterator[Frame]:
    at, order = 0, "<"
    units: list[int] = []
    while at < len(data):
        if len(data) < at + 12:
            raise _short(name)
        if data[at : at + 4] == _PCAPNG:
            order, units = ("<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"), []
        kind, size = struct.unpack_from(order + "2I", data, at)
        if size < 12 or size % 4 or len(data) < at + size:
            raise _short(name)
        block = data[at + 8 : at + size - 4]
        if kind == _INTERFACE and len(block) >= 8:
            _link(name, struct.unpack_from(order + "H", block)[0])
            units.append(_unit(block, order))
        elif kind == _ENHANCED and len(block) >= 20:
            interface, high, low, caplen, length = struct.unpack_from(order + "5I", block)
            if interface >= len(units) or len(block) < 20 + caplen:
                raise _short(name)
            yield Frame(block[20 : 20 + caplen], length, ((high << 32) + low) * 10**9 // units[interface])
        elif kind == _SIMPLE and len(block) >= 4:
            (length,) = struct.unpack_from(order + "I", block)
            yield Frame(block[4 : 4 + length], length, 0)
        at += size


def _unit(block: bytes, order: str) -> int:
    """Return how many of an interface's units of time are a second."""
    at = 8
    while at + 4 <= len(block):
        code, size = struct.unpack_from(order + "2H", block, at)
        if code == _RESOLUTION and size >= 1 and at + 4 < len(block):
            power = block[at + 4]
            return int(2 ** (power & 0x7F)) if power & 0x80 else int(10**power)
        at += 4 + (size + 3) // 4 * 4
    return 10**6
