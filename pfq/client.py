# SPDX-License-Identifier: GPL-2.0-or-later
"""Capture with PFQ in a few lines.

with Capture("eth1", program=ip >> tcp >> steer_flow) as capture:
    for packet in capture:
        print(packet.length, bytes(packet.data[:14]).hex())
"""

import asyncio
import contextlib
import mmap
import select
import struct
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, fields
from types import TracebackType
from typing import Any, Self

from pfq import socket
from pfq.errors import SocketError, UsageError
from pfq.lang.term import Function
from pfq.ring import Batch, Packet, Ring
from pfq.socket import Socket


@dataclass(frozen=True, slots=True)
class Stats:
    """What became of frames: counters of a socket or a group."""

    received: int
    lost: int
    dropped: int
    sent: int
    discarded: int
    failed: int
    forwarded: int
    kernel: int


class Capture:
    """A socket that captures. It begins with `with` (or start()), and ends there.

    The devices' frames come here instead of to the network stack. `group` is one to join, or None for a new one, of
    which `group` then has the number; `program` is text of pfq-lang or a function; `classes` is a set of bits.
    """

    def __init__(
        self,
        *devices: str,
        group: int | None = None,
        program: Function | str | None = None,
        caplen: int = 1518,
        slots: int = 8192,
        timestamps: bool = True,
        shared: bool = False,
        classes: int = socket.CLASS_DEFAULT,
    ) -> None:
        if not 1 <= caplen <= 65535 or not 1 <= slots <= 262144:
            raise UsageError(
                f"no capture of {caplen} bytes in {slots} slots", hint="1 to 65535 bytes, 1 to 262144 slots"
            )
        self.devices = devices
        self.group = socket.ANY if group is None else group
        self._program = _compiled(program)
        self._sizes = (caplen, slots)
        self._timestamps = timestamps
        self._policy = socket.SHARED if shared or group is not None else socket.PRIVATE
        self._classes = classes
        self._socket: Socket | None = None
        self._memory: mmap.mmap | None = None
        self._ring: Ring | None = None

    def start(self) -> Self:
        """Open the socket and begin."""
        made = self._socket = Socket()
        try:
            self._configure(made)
        except BaseException:
            self.close()
            raise
        return self

    def _configure(self, made: Socket) -> None:
        caplen, slots = self._sizes
        made.set(socket.SO_SET_RX_LEN, struct.pack("=Q", caplen), f"asking for {caplen} bytes of each frame")
        made.set(socket.SO_SET_RX_SLOTS, struct.pack("=Q", slots), f"asking for {slots} slots")
        made.set(socket.SO_SET_TX_SLOTS, struct.pack("=Q", 0), "doing without sending")
        made.set(socket.SO_SET_RX_TSTAMP, struct.pack("=i", self._timestamps), "asking for timestamps")
        made.set(socket.SO_ENABLE, bytes(24), f"allocating {slots} slots")
        (size,) = struct.unpack("=Q", made.get(socket.SO_GET_SHMEM_SIZE, bytes(8), "asking for the memory's size"))
        self._memory = mmap.mmap(made.fileno(), size)
        self._ring = Ring(self._memory)
        self.group = made.join(self.group, classes=self._classes, policy=self._policy)
        if self._program is not None:
            made.set_program(self.group, self._program)
        for device in self.devices:
            made.bind(self.group, device)

    def close(self) -> None:
        """Stop; frames go to the network stack again. Packets that are still held keep the memory."""
        if self._ring is not None:
            self._ring.close()
        if self._socket is not None:
            # The mapping keeps the socket open, and held packets the mapping: closing alone would not end it.
            with contextlib.suppress(SocketError):
                self._socket.disable()
            self._socket.close()
        if self._memory is not None:
            try:
                self._memory.close()
            except BufferError:
                # Somebody holds a packet. Python frees the memory with the last of them.
                self._memory = None
        self._ring = self._socket = self._memory = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _running(self) -> tuple[Socket, Ring]:
        if self._socket is None or self._ring is None:
            raise UsageError("the capture is not running", hint="with Capture(...) as capture: ...")
        return self._socket, self._ring

    def fileno(self) -> int:
        """Return the descriptor, which poll and asyncio take."""
        return self._running()[0].fileno()

    def read(self, timeout: float | None = None) -> Batch:
        """Return the frames that have come, or wait for some: so many seconds, 0 for not at all, None for ever."""
        made, ring = self._running()
        batch = ring.read()
        if not batch and timeout != 0:
            waiting = select.poll()
            waiting.register(made.fileno(), select.POLLIN)
            waiting.poll(None if timeout is None else timeout * 1000)
            batch = ring.read()
        return batch

    def __iter__(self) -> Iterator[Packet]:
        while True:
            yield from self.read()

    async def batches(self) -> AsyncIterator[Batch]:
        """Yield frames as they come, and let other tasks run meanwhile."""
        made, ring = self._running()
        loop = asyncio.get_running_loop()
        while True:
            batch = ring.read()
            if batch:
                yield batch
                await asyncio.sleep(0)
                continue
            ready: asyncio.Future[None] = loop.create_future()
            loop.add_reader(made.fileno(), _settle, ready)
            try:
                await ready
            finally:
                loop.remove_reader(made.fileno())

    def stats(self) -> Stats:
        """Return the socket's counters."""
        return _stats(self._running()[0].get(socket.SO_GET_STATS, bytes(64), "asking for statistics"))

    def counters(self) -> tuple[int, ...]:
        """Return the 64 counters that the group's program counts in (inc, dec)."""
        asked = struct.pack("=Q", self.group) + bytes(504)
        answer = self._running()[0].get(socket.SO_GET_GROUP_COUNTERS, asked, "asking for the group's counters")
        return struct.unpack("=64Q", answer)


def _settle(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)


def _stats(answer: bytes) -> Stats:
    return Stats(**dict(zip((field.name for field in fields(Stats)), struct.unpack("=8Q", answer), strict=True)))


def _compiled(program: Any) -> Function | None:
    if isinstance(program, str):
        from pfq.lang.compiler.build import compile_text

        return compile_text(program)
    if program is not None and not isinstance(program, Function):
        raise UsageError(f"{program!r} is no program", hint="give text of pfq-lang, or a function such as ip >> tcp")
    return program
