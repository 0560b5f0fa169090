# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's side of the ports of a guest: runs commands in it, receives its kernel log and what it captures.

Each port is a unix stream socket that QEMU connects to. Nothing is ever taken from the console: it may be lost,
mixed and cut. Every wait has a bound, and ends at once when the guest is gone.
"""

import contextlib
import shlex
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from omatic import log
from omatic.errors import RehearsalFailed

_PATIENCE = 300.0
"""The bound in seconds where the scenario names none: generous, because machines are slow and shared."""


class GuestGone(RehearsalFailed):
    """The guest panicked, powered off or stopped answering in the middle of the scenario."""


@dataclass(frozen=True, slots=True)
class Said:
    """How a command in the guest ended, and what it wrote."""

    status: int
    output: str


class Port:
    """One virtio-serial port: a listening socket that QEMU connects to when it starts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(1)
        self._stream: socket.socket | None = None

    def accept(self, alive: Callable[[], bool], patience: float) -> None:
        """Wait for QEMU; GuestGone if it ends first."""
        self._listener.settimeout(0.2)
        end = time.monotonic() + patience
        while time.monotonic() < end and alive():
            with contextlib.suppress(TimeoutError):
                self._stream, _ = self._listener.accept()
                self._stream.settimeout(0.5)
                return
        raise GuestGone("QEMU did not open its ports", hint="see the console log")

    def send(self, data: bytes) -> None:
        """Write everything."""
        assert self._stream is not None
        self._stream.sendall(data)

    def receive(self) -> bytes | None:
        """Return some bytes, b"" at the end, or None if nothing came for half a second."""
        assert self._stream is not None
        try:
            return self._stream.recv(1 << 16)
        except TimeoutError:
            return None
        except ConnectionError:
            return b""

    def close(self) -> None:
        """Close both sockets."""
        for each in (self._stream, self._listener):
            if each is not None:
                each.close()


class Collector:
    """Reads a port to its end in a thread; what has come so far can be looked at at any time."""

    def __init__(self, port: Port, keep: Path | None = None) -> None:
        self._port = port
        self._keep = keep
        self._data = bytearray()
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Stop reading; what has come stays."""
        self._ended = True
        self._thread.join(10)

    def bytes_from(self, offset: int) -> bytes:
        """Return what has come after `offset`."""
        with self._changed:
            return bytes(self._data[offset:])

    def text(self) -> str:
        """Return everything as text."""
        return self.bytes_from(0).decode(errors="replace")

    def wait_for(self, needle: bytes, patience: float) -> bool:
        """Wait until `needle` has come; False if the port ended or patience did."""
        end = time.monotonic() + patience
        with self._changed:
            while needle not in self._data:
                if self._ended or time.monotonic() > end:
                    return needle in self._data
                self._changed.wait(0.5)
            return True

    def _run(self) -> None:
        while not self._ended:
            data = self._port.receive()
            if data == b"":
                break
            if data:
                with self._changed:
                    self._data += data
                    self._changed.notify_all()
                if self._keep is not None:
                    with self._keep.open("ab") as file:
                        file.write(data)
        with self._changed:
            self._ended = True
            self._changed.notify_all()


class Guest:
    """Runs commands in a guest, one after the other, over its control port."""

    def __init__(self, port: Port, alive: Callable[[], bool]) -> None:
        self._port = port
        self._alive = alive
        self._buffer = bytearray()
        self._number = 0

    def wait_until_up(self, patience: float) -> None:
        """Wait for the agent's greeting."""
        self._line("the guest did not come up", patience)

    def run(self, command: str, *, patience: float = _PATIENCE) -> Said:
        """Run one line of shell in the guest and return how it ended; GuestGone if the guest does not answer."""
        assert "\n" not in command
        self._number += 1
        log.debug(f"guest$ {command}")
        self._port.send(f"{self._number} {command}\n".encode())
        what = f"the guest did not answer to '{command}'"
        number, status, size = map(int, self._line(what, patience).split())
        assert number == self._number, f"answer {number} to command {self._number}"
        output = self._take(size, what, patience).decode(errors="replace")
        log.debug("".join(f"guest| {line}\n" for line in output.splitlines()).rstrip() or f"guest| ({status})")
        return Said(status, output)

    def must(self, command: str, *, patience: float = _PATIENCE) -> str:
        """Run a command that has to succeed and return what it wrote."""
        said = self.run(command, patience=patience)
        if said.status != 0:
            raise CommandFailed(command, said)
        return said.output

    def power_off(self) -> None:
        """Ask the guest to power off; it does not answer any more."""
        self._number += 1
        with contextlib.suppress(OSError):
            self._port.send(f"{self._number} poweroff -f\n".encode())

    def _line(self, what: str, patience: float) -> str:
        self._fill(lambda: b"\n" in self._buffer, what, patience)
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer[:] = rest
        return line.decode(errors="replace")

    def _take(self, size: int, what: str, patience: float) -> bytes:
        self._fill(lambda: len(self._buffer) >= size, what, patience)
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _fill(self, enough: Callable[[], bool], what: str, patience: float) -> None:
        end = time.monotonic() + patience
        while not enough():
            data = self._port.receive()
            if data == b"" or (data is None and not self._alive()):
                raise GuestGone(f"{what}: the virtual machine ended", hint="see the kernel log of the guest")
            if data:
                self._buffer += data
            elif time.monotonic() > end:
                raise GuestGone(f"{what} within {patience:.0f} s", hint="see the kernel log of the guest")


class CommandFailed(RehearsalFailed):
    """A command in the guest failed: what it was, and what it said."""

    def __init__(self, command: str, said: Said) -> None:
        lines = said.output.strip().splitlines()[-12:]
        super().__init__(
            f"in the guest, '{command}' ended with status {said.status}" + (f": {lines[-1]}" if lines else ""),
            hint="see the kernel log of the guest",
            details=lines,
        )
        self.command = command
        self.said = said


def quote(text: str) -> str:
    """Return a word that the guest's shell takes literally."""
    return shlex.quote(text)
