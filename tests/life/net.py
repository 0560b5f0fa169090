# SPDX-License-Identifier: GPL-2.0-or-later
"""The networks of the rig: one small one for each NIC, made by QEMU, and TCP sessions from the host into the guest."""

import socket
from dataclasses import dataclass

from omatic.lab import machine

_ECHO = 7


@dataclass(frozen=True, slots=True)
class Forward:
    """NIC `number`'s network, and the host's port that leads to the guest's echo server in it."""

    number: int
    port: int

    @property
    def name(self) -> str:
        """QEMU's name of it."""
        return f"n{self.number}"

    @property
    def mac(self) -> str:
        """The NIC's address."""
        return machine.address(self.number).hex(":")

    @property
    def address(self) -> str:
        """The guest's address."""
        return f"10.0.{2 + self.number}.15"

    @property
    def gateway(self) -> str:
        """What answers pings."""
        return f"10.0.{2 + self.number}.2"

    def netdev(self) -> str:
        """Return QEMU's description; nothing beyond the gateway can be reached."""
        forward = f"hostfwd=tcp:127.0.0.1:{self.port}-{self.address}:{_ECHO}"
        return f"user,id={self.name},net=10.0.{2 + self.number}.0/24,ipv6=off,restrict=on,{forward}"


class Session:
    """A TCP session from the host to the guest's echo server: one line there, the same line back."""

    def __init__(self, port: int, patience: float = 60.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=patience)
        self._count = 0

    def works(self, patience: float = 60.0) -> bool:
        """Tell whether the session still carries data, both ways."""
        self._count += 1
        line = f"line {self._count}\n".encode()
        self._socket.settimeout(patience)
        got = b""
        try:
            self._socket.sendall(line)
            while len(got) < len(line) and (data := self._socket.recv(len(line) - len(got))):
                got += data
        except OSError:
            return False
        return got == line

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def free_port() -> int:
    """Return a TCP port of this host that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        assert isinstance(port, int)
        return port
