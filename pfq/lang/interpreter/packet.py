# SPDX-License-Identifier: GPL-2.0-or-later
"""What an evaluation starts from and ends with."""

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address

CLASS_DEFAULT = 1
CLASS_ANY = (1 << 63) - 1
"""Sets of classes: the first one; all but the controlling one, which is the last."""


class Fanout(IntEnum):
    """What a group does with a packet, with the numbers of the kernel."""

    DROP = 0
    COPY = 1
    STEER = 2
    DOUBLE = 3


@dataclass(frozen=True, slots=True)
class Packet:
    """A frame from its Ethernet header on, and what the kernel knows of it.

    `vlan` is the tag that the NIC took out of the frame; `rss` the NIC's hash; `number` how many packets the processor
    has seen before; `addresses` the receiving device's primary IPv4 addresses.
    """

    data: bytes
    device: str = "eth0"
    ifindex: int = 1
    queue: int = 0
    vlan: int | None = None
    rss: int = 0
    mark: int = 0
    number: int = 0
    addresses: tuple[IPv4Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a group does with a packet. What does not apply is 0: all of it for DROP, hashes for COPY."""

    type: Fanout
    class_mask: int = 0
    hash: int = 0
    hash2: int = 0
    state: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verdict, and what happened beside it: a later drop undoes nothing of that. `met` are the functions run."""

    verdict: Verdict
    to_kernel: bool = False
    mark: int = 0
    counters: tuple[tuple[int, int], ...] = ()
    forwards: tuple[tuple[str, bytes], ...] = ()
    log: tuple[str, ...] = ()
    met: tuple[str, ...] = ()
