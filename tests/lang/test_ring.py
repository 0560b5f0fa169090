# SPDX-License-Identifier: GPL-2.0-or-later
"""The receive ring, with a producer that does what the kernel does; and the client, where there is no kernel module."""

import asyncio
import mmap
import re
import socket as std_socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from pfq import atomic, client, socket
from pfq.errors import CompileError, SocketError, UsageError
from pfq.lang.prelude import ip
from pfq.ring import Batch, Ring

ROOT = Path(__file__).resolve().parents[2]
SLOTS, CAPLEN = 4, 64
SLOT = 96


class Kernel:
    """The other side of the ring."""

    def __init__(self, version: int = 0) -> None:
        self.memory = mmap.mmap(-1, 2048 + 2 * SLOTS * SLOT)
        struct.pack_into("=QIII", self.memory, 0, version << 32, SLOTS, SLOTS * SLOT, SLOT)
        for half in (0, 1):
            for slot in range(SLOTS):
                struct.pack_into("=I", self.memory, self.place(half, slot) + 28, 1 - half)

    def place(self, half: int, slot: int) -> int:
        """Return where a slot is."""
        return 2048 + (half * SLOTS + slot) * SLOT

    def put(self, data: bytes, *, commit: bool = True) -> None:
        """Store a frame, if there is room."""
        (seen,) = struct.unpack_from("=Q", self.memory)
        struct.pack_into("=Q", self.memory, 0, seen + 1)
        version, slot = seen >> 32, seen & 0xFFFFFFFF
        if slot >= SLOTS:
            return
        at = self.place(version & 1, slot)
        header = (5, 6, len(data), 1000 + len(data), 7, 8, 9, 0x6005, 3)
        struct.pack_into("=IIHHiIIHH", self.memory, at, *header)
        self.memory[at + 32 : at + 32 + len(data)] = data
        if commit:
            struct.pack_into("=I", self.memory, at + 28, version)


def datas(batch: Batch) -> list[bytes]:
    """Return the frames of a batch."""
    return [bytes(packet.data) for packet in batch]


@pytest.mark.parametrize("version", [0, 1, 7, 2**32 - 2, 2**32 - 1])
def test_halves_take_turns(version: int) -> None:
    """Nothing is lost or read twice, and what was read stays until the next read, also where versions wrap."""
    kernel = Kernel(version)
    ring = Ring(kernel.memory)
    assert not ring.read() and (ring.slots, ring.slot_size) == (SLOTS, SLOT)
    for turn in range(6):
        kernel.put(b"a%d" % turn)
        kernel.put(b"b%d" % turn)
        batch = ring.read()
        kernel.put(b"c%d" % turn)
        assert datas(batch) == [b"a%d" % turn, b"b%d" % turn]
        assert datas(ring.read()) == [b"c%d" % turn]
        assert not ring.read()


def test_what_is_known_of_a_packet() -> None:
    """All fields of the header; data is a view."""
    kernel = Kernel()
    ring = Ring(kernel.memory)
    kernel.put(b"frame")
    (packet,) = batch = ring.read()
    assert (packet.length, packet.time, packet.ifindex) == (1005, 5_000_000_006, 7)
    assert (packet.mark, packet.state, packet.vlan, packet.queue) == (8, 9, 0x6005, 3)
    kernel.memory[kernel.place(0, 0) + 32] = ord("F")
    assert bytes(packet.data) == b"Frame" and batch[0] == batch[-1] == batch[:1][0]
    with pytest.raises(IndexError):
        batch[1]


def test_more_than_there_is_room_for() -> None:
    """The rest is lost, and nothing else."""
    kernel = Kernel()
    ring = Ring(kernel.memory)
    for number in range(9):
        kernel.put(bytes([number]))
    assert datas(ring.read()) == [bytes([number]) for number in range(SLOTS)]


def test_a_slot_that_is_being_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader waits for it, but not for ever."""
    monkeypatch.setattr("pfq.ring._PATIENCE", 0.01)
    kernel = Kernel()
    ring = Ring(kernel.memory)
    kernel.put(b"late", commit=False)
    (seen,) = struct.unpack_from("=I", kernel.memory, kernel.place(0, 0) + 28)
    batch = ring.read()
    assert seen == 1
    with pytest.raises(SocketError, match="does not finish a frame"):
        list(batch)
    struct.pack_into("=I", kernel.memory, kernel.place(0, 0) + 28, 0)
    assert datas(batch) == [b"late"]


def test_headers_for_numpy() -> None:
    """A column for each field, in the ring."""
    numpy = pytest.importorskip("numpy", reason="numpy is optional")
    kernel = Kernel()
    ring = Ring(kernel.memory)
    kernel.put(b"one")
    kernel.put(b"three")
    headers = ring.read().headers()
    assert list(headers["caplen"]) == [3, 5] and isinstance(headers, numpy.ndarray)


def test_atomics() -> None:
    """Exchange gives back what was there."""
    import ctypes

    word = ctypes.c_uint64(5 << 32 | 3)
    assert atomic.exchange64(ctypes.addressof(word), 2**64 - 1) == 5 << 32 | 3
    assert atomic.load64(ctypes.addressof(word)) == 2**64 - 1 and atomic.load32(ctypes.addressof(word)) == 2**32 - 1


def test_closing() -> None:
    """Packets that are still held keep the memory; the ring does not."""
    kernel = Kernel()
    ring = Ring(kernel.memory)
    kernel.put(b"held")
    (packet,) = ring.read()
    ring.close()
    with pytest.raises(BufferError):
        kernel.memory.close()
    assert bytes(packet.data) == b"held"
    del packet
    kernel.memory.close()


def test_asyncio() -> None:
    """Batches come when the descriptor is ready, and other tasks run meanwhile."""
    kernel = Kernel()
    capture = client.Capture()
    ours, theirs = std_socket.socketpair()
    # A descriptor that can be made ready stands in for the one of the kernel's socket.
    capture._socket, capture._ring = ours, Ring(kernel.memory)  # type: ignore[assignment]

    async def come() -> None:
        for number in range(3):
            await asyncio.sleep(0)
            kernel.put(b"%d" % number)
            theirs.send(b"x")

    async def read() -> list[bytes]:
        coming, found = asyncio.create_task(come()), []
        async for batch in capture.batches():
            found += datas(batch)
            if len(found) == 3:
                break
        await coming
        return found

    with ours, theirs:
        assert asyncio.run(read()) == [b"0", b"1", b"2"]


def test_mistakes() -> None:
    """What cannot be captured is refused before a socket is opened."""
    for wrong in ({"caplen": 0}, {"slots": 10**7}):
        with pytest.raises(UsageError, match="no capture of"):
            client.Capture("eth0", **wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="is no program"):
        client.Capture("eth0", program=5)  # type: ignore[arg-type]
    with pytest.raises(CompileError):
        client.Capture("eth0", program="main = nothing")
    with pytest.raises(UsageError, match="not running"):
        client.Capture("eth0", program=ip).read()


def test_numbers_are_the_headers() -> None:
    """The options have the numbers of linux/pf_q.h."""
    header = (ROOT / "kernel/include/uapi/linux/pf_q.h").read_text()
    numbers = dict(re.findall(r"^#define\s+Q_(SO_\w+)\s+(\d+)", header, re.MULTILINE))
    for name, number in vars(socket).items():
        if name.startswith("SO_") and isinstance(number, int):
            assert int(numbers[name]) == number, name


def test_without_the_module() -> None:
    """The error says what to do; nothing is left open."""
    code = "from pfq.client import Capture\nfrom pfq.errors import SocketError\n"
    code += "try:\n    Capture('lo').start()\nexcept SocketError as error:\n    print(error.hint)\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "modprobe pfq" in done.stdout or "root" in done.stdout
