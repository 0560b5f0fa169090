# SPDX-License-Identifier: GPL-2.0-or-later
"""The memory that a PFQ socket shares with the kernel: its receive ring, read without copying.

The ring has two halves. The kernel fills one; a read has it go over to the other, and what is in the first is the
reader's until its next read. linux/pf_q.h has the protocol.
"""

import ctypes
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

from pfq import atomic
from pfq.errors import SocketError, ToolMissing

_HALVES = 2048
_HEADER = struct.Struct("=IIHHiIIHHI")
_COMMIT = 28
_LEN = 8
_PATIENCE = 5.0
"""Seconds for the kernel to fill a slot that it has reserved, which takes it less than a microsecond."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A captured frame. `data` is in the ring: it is good until the next read; bytes(data) is a copy.

    `time` is in nanoseconds since 1970 (0 if timestamps are off), `length` that on the wire, `vlan` the tag that the
    NIC took out of the frame (0 if none), `mark` and `state` what a program has set.
    """

    data: memoryview
    length: int
    time: int
    ifindex: int
    queue: int
    vlan: int
    mark: int
    state: int


class Batch(Sequence[Packet]):
    """What one read has found."""

    def __init__(self, half: memoryview, address: int, version: int, count: int, slot: int) -> None:
        self._half = half
        self._address = address
        self._version = version
        self._count = count
        self._slot = slot

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Packet: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Packet]: ...

    def __getitem__(self, index: int | slice) -> Packet | Sequence[Packet]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(self._count))]
        if not -self._count <= index < self._count:
            raise IndexError(index)
        return self._packet(index % self._count)

    def __iter__(self) -> Iterator[Packet]:
        return map(self._packet, range(self._count))

    def _packet(self, index: int) -> Packet:
        at = index * self._slot
        self._wait(at)
        sec, nsec, caplen, length, ifindex, mark, state, vlan, queue, _ = _HEADER.unpack_from(self._half, at)
        start = at + _HEADER.size
        data = self._half[start : start + min(caplen, self._slot - _HEADER.size)]
        return Packet(data, length, sec * 10**9 + nsec, ifindex, queue, vlan, mark, state)

    def _wait(self, at: int) -> None:
        """Wait until the kernel has filled a slot."""
        if atomic.load32(self._address + at + _COMMIT) == self._version:
            return
        end = time.monotonic() + _PATIENCE
        while atomic.load32(self._address + at + _COMMIT) != self._version:
            if time.monotonic() > end:
                raise SocketError("the kernel does not finish a frame", hint="the socket may have been closed")
            time.sleep(0)

    def headers(self) -> Any:
        """Return the headers as a structured array of numpy, in the ring. Raises ToolMissing without numpy."""
        try:
            import numpy as np
        except ImportError:
            raise ToolMissing("numpy is not installed", hint="pip install numpy, or go through the packets") from None
        for index in range(self._count):
            self._wait(index * self._slot)
        fields: tuple[tuple[str, int, str], ...] = (
            ("sec", 0, "u4"),
            ("nsec", 4, "u4"),
            ("caplen", 8, "u2"),
            ("length", 10, "u2"),
            ("ifindex", 12, "i4"),
        )
        fields += (("mark", 16, "u4"), ("state", 20, "u4"), ("vlan", 24, "u2"), ("queue", 26, "u2"))
        names, offsets, formats = zip(*fields, strict=True)
        kind = np.dtype({"names": names, "offsets": offsets, "formats": formats, "itemsize": self._slot})
        return np.frombuffer(self._half, kind, self._count)


class Ring:
    """The receive ring in shared memory (a writable buffer), of which there is one reader."""

    def __init__(self, memory: Any) -> None:
        self._view = memoryview(memory)
        self._size: int
        pinned = ctypes.c_char.from_buffer(memory)
        self._address = ctypes.addressof(pinned)
        self._pinned: ctypes.c_char | None = pinned
        self.slots: int
        self.slot_size: int
        self.slots, self._size, self.slot_size = struct.unpack_from("=III", self._view, _LEN)
        self._empty = Batch(self._view[:0], self._address, 0, 0, self.slot_size)

    def read(self) -> Batch:
        """Return what has come since the last read, and have the kernel go over to the other half."""
        seen = atomic.load64(self._address)
        if not seen & 0xFFFFFFFF:
            return self._empty
        version = seen >> 32
        following = (version + 1) & 0xFFFFFFFF
        if following in (0, 1):
            self._forget(following & 1, version & 1)
        count = atomic.exchange64(self._address, following << 32) & 0xFFFFFFFF
        start = self._start(version & 1)
        half = self._view[start : start + self.slots * self.slot_size]
        return Batch(half, self._address + start, version, min(count, self.slots), self.slot_size)

    def _start(self, half: int) -> int:
        return _HALVES + half * self._size

    def _forget(self, half: int, commit: int) -> None:
        """Have no slot of a half look as if it was of a version that is yet to come."""
        for slot in range(self.slots):
            struct.pack_into("=I", self._view, self._start(half) + slot * self.slot_size + _COMMIT, commit)

    def close(self) -> None:
        """Let go of the memory; views of packets keep theirs."""
        self._pinned = None
        self._empty = Batch(memoryview(b""), 0, 0, 0, self.slot_size)
        self._view.release()
