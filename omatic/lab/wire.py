# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's end of an Ethernet cable: a unix datagram socket on which one datagram is one frame.

Unix datagram sockets block when the reader is slow, so a sender that waits loses nothing. What the guest sends is
read by a thread at all times, because QEMU would otherwise throw frames away that the socket has no room for.
"""

import collections
import contextlib
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

_ROOM = 1 << 20
_KEEP = 4096


class WireStuck(OSError):
    """The guest took no frame for too long."""


class Wire:
    """One end of a cable; `name` is the id of the netdev at the other end."""

    def __init__(self, folder: Path, name: str) -> None:
        here, self._there = self.paths(folder, name)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(here))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
        self._socket.settimeout(0.5)
        self._received: collections.deque[bytes] = collections.deque(maxlen=_KEEP)
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @staticmethod
    def paths(folder: Path, name: str) -> tuple[Path, Path]:
        """Return the socket paths of the host's end and of QEMU's end."""
        return folder / f"{name}.host", folder / f"{name}.qemu"

    def send(self, frame: bytes, *, patience: float = 120.0, stop: Callable[[], bool] = lambda: False) -> bool:
        """Send one frame, waiting until there is room; False if `stop` said so first, WireStuck if patience ended."""
        end = time.monotonic() + patience
        while not stop():
            try:
                self._socket.sendto(frame, str(self._there))
                return True
            except TimeoutError:
                if time.monotonic() > end:
                    raise WireStuck(f"the guest took no frame for {patience:.0f} s") from None
        return False

    def forget(self) -> None:
        """Drop what has been received so far."""
        with self._changed:
            self._received.clear()

    def expect(self, wanted: Callable[[bytes], bool], patience: float) -> bytes | None:
        """Return the next received frame that is wanted, dropping others; None when patience ends."""
        end = time.monotonic() + patience
        with self._changed:
            while True:
                while self._received:
                    frame = self._received.popleft()
                    if wanted(frame):
                        return frame
                left = end - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(min(left, 0.5))

    def close(self) -> None:
        """End the reader and close the socket."""
        self._closed = True
        self._thread.join(10)
        self._socket.close()

    def _run(self) -> None:
        while not self._closed:
            with contextlib.suppress(TimeoutError):
                frame = self._socket.recv(65536)
                with self._changed:
                    self._received.append(frame)
                    self._changed.notify_all()
