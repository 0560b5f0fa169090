# SPDX-License-Identifier: GPL-2.0-or-later
"""The state of an evaluation: the monad's rules, and what functions may look at and change."""

from collections.abc import Callable, Mapping
from enum import Flag

from pfq.lang.interpreter import headers
from pfq.lang.interpreter.headers import Link, Network
from pfq.lang.interpreter.packet import CLASS_ANY, CLASS_DEFAULT, Fanout, Packet
from pfq.lang.node import Chain

MAX_FORWARDS = 16
"""Copies that go out of devices per packet; more are discarded."""


class Ends(Flag):
    """Which ends of a packet functions look at that could look at both."""

    SOURCE = 1
    DESTINATION = 2
    BOTH = 3


class Evaluation:
    """One program on one packet. Families give functions, which act; predicates, which say; and properties."""

    def __init__(self, packet: Packet, families: "Built") -> None:
        self.packet = packet
        self._built = families
        self.fanout = (Fanout.COPY, CLASS_DEFAULT, 0, 0)
        self.state = 0
        self.mark = packet.mark
        self.ends = Ends.BOTH
        self.shift = 0
        self.to_kernel = False
        self.counters: dict[int, int] = {}
        self.forwards: list[tuple[str, bytes]] = []
        self.log: list[str] = []
        self.met: list[str] = []
        self.link: Link | None = headers.link(packet.data)
        self._networks: list[Network | None] = []

    # --- evaluation

    def run(self, chain: Chain) -> None:
        """Run functions one after the other, until one drops."""
        for node in chain.nodes:
            self.met.append(node.entry.symbol)
            self._built.functions[node.entry.symbol](self, *node.args)
            if self.dropped:
                break

    def ask(self, chain: Chain) -> bool:
        """Return what a predicate says."""
        node = chain.nodes[0]
        return self._built.predicates[node.entry.symbol](self, *node.args)

    def value(self, chain: Chain) -> int | None:
        """Return a property; None if the packet lacks it."""
        node = chain.nodes[0]
        return self._built.properties[node.entry.symbol](self, *node.args)

    # --- what becomes of the packet

    @property
    def dropped(self) -> bool:
        """Whether the last function dropped."""
        return self.fanout[0] is Fanout.DROP

    def _become(self, kind: Fanout, hashes: tuple[int, int] | None = None, classes: int | None = None) -> None:
        _, mask, *old = self.fanout
        first, second = hashes or old
        self.fanout = (kind, mask if classes is None else classes, first & 0xFFFFFFFF, second & 0xFFFFFFFF)

    def drop(self) -> None:
        """End the chain; no reader gets the packet."""
        self._become(Fanout.DROP)

    def copy(self) -> None:
        """Every eligible reader gets the packet."""
        self._become(Fanout.COPY)

    def broadcast(self) -> None:
        """Every reader gets the packet, whatever its class."""
        self._become(Fanout.COPY, classes=CLASS_ANY)

    def steer(self, hashed: int) -> None:
        """One reader gets the packet."""
        self._become(Fanout.STEER, (hashed, 0))

    def double(self, first: int, second: int) -> None:
        """One or two readers get the packet."""
        self._become(Fanout.DOUBLE, (first, second))

    def classify(self, number: int) -> None:
        """Have the readers of one class eligible."""
        self._become(self.fanout[0], classes=1 << number)

    def forward(self, device: str) -> None:
        """Send a copy out of a device."""
        if len(self.forwards) < MAX_FORWARDS:
            self.forwards.append((device, self.packet.data))

    def count(self, counter: int, step: int) -> None:
        """Change a counter of the group."""
        self.counters[counter] = self.counters.get(counter, 0) + step

    # --- what the packet is

    @property
    def vid(self) -> int:
        """The VLAN id: of the tag that the NIC took out, else of the first one in the frame; 0 without any."""
        if self.packet.vlan is not None:
            return self.packet.vlan & 0xFFF
        return (self.link.vid or 0) if self.link else 0

    @property
    def network(self) -> Network | None:
        """The IP header, as deep as `shift` says."""
        if not self._networks:
            link = self.link
            self._networks.append(headers.network(self.packet.data, link.ethertype, link.end) if link else None)
        while len(self._networks) <= min(self.shift, headers.MAX_TUNNELS):
            outer = self._networks[-1]
            self._networks.append(headers.inner(self.packet.data, outer) if outer else None)
        return self._networks[self.shift] if self.shift <= headers.MAX_TUNNELS else None

    @property
    def ethertype(self) -> int | None:
        """The EtherType; inside of a tunnel that of the IP header there."""
        if not self.shift:
            return self.link.ethertype if self.link else None
        ip = self.network
        return None if ip is None else headers.IPV4 if ip.version == 4 else headers.IPV6

    def has_transport(self, *protocols: int) -> bool:
        """Say whether one of these protocols is there with all of its minimal header, in whatever fragment."""
        ip = self.network
        if ip is None or ip.protocol is None or ip.protocol not in protocols:
            return False
        if ip.protocol in (headers.ICMP, headers.ICMPV6) and (ip.protocol == headers.ICMP) != (ip.version == 4):
            return False
        return len(self.packet.data) >= ip.transport + headers.MINIMUM[ip.protocol]

    def transport(self, *protocols: int) -> int | None:
        """Return where the header of one of these protocols is; None if the frame does not have it."""
        ip = self.network
        return ip.transport if ip and not ip.offset and self.has_transport(*protocols) else None

    def ports(self) -> tuple[int, int] | None:
        """Return the ports of TCP or UDP."""
        at = self.transport(headers.TCP, headers.UDP)
        return None if at is None else (headers.word(self.packet.data, at), headers.word(self.packet.data, at + 2))

    def either(self, source: bool, destination: bool) -> bool:
        """Return what is true of one of the ends that count."""
        return bool(Ends.SOURCE in self.ends and source or Ends.DESTINATION in self.ends and destination)


Act = Callable[..., None]
Say = Callable[..., bool]
Get = Callable[..., int | None]


class Built:
    """The built-in functions by their symbols, of all families."""

    def __init__(
        self, functions: Mapping[str, Act], predicates: Mapping[str, Say], properties: Mapping[str, Get]
    ) -> None:
        self.functions = functions
        self.predicates = predicates
        self.properties = properties
