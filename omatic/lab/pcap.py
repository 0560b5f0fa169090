# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes and reads pcap files, with micro- or nanoseconds, of either byte order.

Reading works on a growing stream of bytes as well as on a whole file: what is not complete yet is kept for later.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_NANO = 0xA1B23C4D
_MICRO = 0xA1B2C3D4
_ETHERNET = 1
_HEADER = 24


class PcapError(ValueError):
    """The bytes are not a pcap file of Ethernet frames."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One captured frame: when, in nanoseconds since 1970, its captured bytes, and its length on the wire."""

    time: int
    data: bytes
    length: int


def write(frames: Iterable[bytes], *, start: int = 0, step: int = 1_000) -> bytes:
    """Return a nanosecond pcap file of these frames, `step` nanoseconds apart."""
    parts = [struct.pack("<IHHiIII", _NANO, 2, 4, 0, 0, 262_144, _ETHERNET)]
    for number, frame in enumerate(frames):
        seconds, nanoseconds = divmod(start + number * step, 10**9)
        parts.append(struct.pack("<IIII", seconds, nanoseconds, len(frame), len(frame)) + frame)
    return b"".join(parts)


def read(data: bytes) -> tuple[Packet, ...]:
    """Return all packets of a file; PcapError if it is cut off or not a pcap file."""
    reader = Reader()
    packets = tuple(reader.feed(data))
    if reader.pending or not reader.started:
        raise PcapError(f"the pcap file ends in the middle of a record ({reader.pending} bytes left over)")
    return packets


class Reader:
    """Takes a pcap stream piece by piece."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._record: struct.Struct | None = None
        self._scale = 1

    @property
    def started(self) -> bool:
        """Whether the file header has been seen."""
        return self._record is not None

    @property
    def pending(self) -> int:
        """How many bytes wait for the rest of their record."""
        return len(self._rest)

    def feed(self, data: bytes) -> Iterator[Packet]:
        """Take the next bytes and yield the packets that are complete now."""
        self._rest += data
        if self._record is None:
            if len(self._rest) < _HEADER:
                return
            self._start(bytes(self._rest[:_HEADER]))
            del self._rest[:_HEADER]
        assert self._record is not None
        at = 0
        while len(self._rest) - at >= self._record.size:
            seconds, fraction, captured, length = self._record.unpack_from(self._rest, at)
            end = at + self._record.size + captured
            if captured > 262_144:
                raise PcapError(f"a record of {captured} bytes cannot be")
            if len(self._rest) < end:
                break
            packet = bytes(self._rest[at + self._record.size : end])
            yield Packet(seconds * 10**9 + fraction * self._scale, packet, length)
            at = end
        del self._rest[:at]

    def _start(self, header: bytes) -> None:
        for order in "<>":
            magic = struct.unpack_from(f"{order}I", header)[0]
            if magic in (_NANO, _MICRO):
                (link,) = struct.unpack_from(f"{order}I", header, 20)
                if link != _ETHERNET:
                    raise PcapError(f"link type {link} is not Ethernet")
                self._record = struct.Struct(f"{order}IIII")
                self._scale = 1 if magic == _NANO else 1_000
                return
        raise PcapError("this is not a pcap file")
