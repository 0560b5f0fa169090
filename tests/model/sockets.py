# SPDX-License-Identifier: GPL-2.0-or-later
"""Sockets, and the namespaces in which they have their numbers."""

from dataclasses import dataclass, field

from tests.model import sizes
from tests.model.abi import MAX_SOCKETS
from tests.model.groups import Groups
from tests.model.memory import Shared


@dataclass(slots=True)
class Socket:
    """One socket: what its options are, its memory if it is enabled, and how many descriptors and mappings hold it."""

    serial: int
    space: "Namespace"
    number: int
    rx_len: int = sizes.MAX_SLOT - sizes.HEADER
    tx_len: int = sizes.MAX_SLOT - sizes.HEADER
    rx_slots: int = 0
    tx_slots: int = 0
    weight: int = 1
    tstamp: int = 0
    asynchronous: int = 0
    memory: Shared | None = None
    holders: int = 0

    def enable(self) -> None:
        """Give it memory."""
        self.memory = Shared(self.rx_slots, self.rx_len, self.tx_slots, self.tx_len)

    def shared_size(self) -> int:
        """Return how much memory it takes."""
        return sizes.shared(self.rx_slots, self.rx_len, self.tx_slots, self.tx_len)

    def disable(self) -> None:
        """Take groups, bindings and memory away. Whether groups without a member go as well is not said."""
        self.space.groups.leave_all(self.serial)
        self.asynchronous = 0
        self.memory = None


@dataclass(slots=True)
class Namespace:
    """A network namespace: its sockets by number, its groups, its devices."""

    devices: frozenset[int]
    sockets: dict[int, Socket] = field(default_factory=dict)
    groups: Groups = field(default_factory=Groups)

    def lowest_free(self) -> int | None:
        """Return the number that the next socket gets."""
        return next((number for number in range(MAX_SOCKETS) if number not in self.sockets), None)

    def close(self, socket: Socket) -> None:
        """End a socket that nothing holds any more."""
        self.groups.leave_all(socket.serial)
        self.groups.free_empty()
        del self.sockets[socket.number]
