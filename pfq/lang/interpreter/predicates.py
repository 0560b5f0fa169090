# SPDX-License-Identifier: GPL-2.0-or-later
"""Predicates and their combinators."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from pfq.lang.interpreter.evaluation import Evaluation, Say
from pfq.lang.interpreter.headers import ICMP, ICMPV6, TCP, UDP
from pfq.lang.node import Chain

_ALL = IPv4Address("255.255.255.255")
_GROUPS = IPv4Network("224.0.0.0/4")


def _compare(test: Callable[[int, int], bool]) -> Say:
    def compared(e: Evaluation, prop: Chain, value: int) -> bool:
        found = e.value(prop)
        return found is not None and test(found, value)

    return compared


def ends4(e: Evaluation) -> tuple[IPv4Address, IPv4Address] | None:
    """Return the IPv4 addresses."""
    ip = e.network
    return (IPv4Address(ip.source), IPv4Address(ip.destination)) if ip and ip.version == 4 else None


def _either4(e: Evaluation, test: Callable[[IPv4Address], bool]) -> bool:
    ends = ends4(e)
    return ends is not None and e.either(test(ends[0]), test(ends[1]))


def _addr(which: str) -> Say:
    def within(e: Evaluation, prefix: IPv4Network | IPv6Network) -> bool:
        ip = e.network
        if ip is None or ip.version != prefix.version:
            return False
        make = IPv4Address if ip.version == 4 else IPv6Address
        source, destination = make(ip.source) in prefix, make(ip.destination) in prefix
        return {"source": source, "destination": destination, "either": e.either(source, destination)}[which]

    return within


def _has_port(e: Evaluation, port: int) -> bool:
    ports = e.ports()
    return ports is not None and e.either(ports[0] == port, ports[1] == port)


def _port_of(end: int) -> Say:
    def has(e: Evaluation, port: int) -> bool:
        ports = e.ports()
        return ports is not None and ports[end] == port

    return has


def _is_broadcast(e: Evaluation) -> bool:
    data = e.packet.data
    return e.link is not None and e.either(data[6:12] == b"\xff" * 6, data[0:6] == b"\xff" * 6)


def _is_multicast(e: Evaluation) -> bool:
    data = e.packet.data
    return e.link is not None and e.either(bool(data[6] & 1), bool(data[0] & 1))


def _is_ip_host(e: Evaluation) -> bool:
    return _either4(e, lambda address: address in e.packet.addresses)


def _is_incoming_host(e: Evaluation) -> bool:
    return (e.link is not None and bool(e.packet.data[0] & 1)) or _is_ip_host(e)


def _version(wanted: int) -> Say:
    def is_it(e: Evaluation) -> bool:
        ip = e.network
        return ip is not None and ip.version == wanted

    return is_it


def _fragment(test: Callable[[int, bool], bool]) -> Say:
    def is_it(e: Evaluation) -> bool:
        ip = e.network
        return ip is not None and test(ip.offset, ip.more)

    return is_it


def _is_l4_proto(e: Evaluation, protocol: int) -> bool:
    ip = e.network
    return ip is not None and ip.protocol == protocol


def _not(e: Evaluation, predicate: Chain) -> bool:
    return not e.ask(predicate)


PREDICATES: dict[str, Say] = {
    "less": _compare(lambda found, value: found < value),
    "less_eq": _compare(lambda found, value: found <= value),
    "greater": _compare(lambda found, value: found > value),
    "greater_eq": _compare(lambda found, value: found >= value),
    "equal": _compare(lambda found, value: found == value),
    "not_equal": _compare(lambda found, value: found != value),
    "any_bit": _compare(lambda found, mask: bool(found & mask)),
    "all_bit": _compare(lambda found, mask: found & mask == mask),
    "is_ip": _version(4),
    "is_ip6": _version(6),
    "is_tcp": lambda e: e.has_transport(TCP),
    "is_udp": lambda e: e.has_transport(UDP),
    "is_icmp": lambda e: e.has_transport(ICMP, ICMPV6),
    "is_flow": lambda e: e.has_transport(TCP, UDP),
    "has_vlan": lambda e: e.vid != 0,
    "is_frag": _fragment(lambda offset, more: more or offset != 0),
    "is_first_frag": _fragment(lambda offset, more: more and offset == 0),
    "is_more_frag": _fragment(lambda offset, _more: offset != 0),
    "is_l3_proto": lambda e, ethertype: e.ethertype == ethertype,
    "is_l4_proto": _is_l4_proto,
    "has_port": _has_port,
    "has_src_port": _port_of(0),
    "has_dst_port": _port_of(1),
    "has_vid": lambda e, vid: e.vid == vid,
    "has_mark": lambda e, mark: e.mark == mark,
    "has_state": lambda e, state: e.state == state,
    "has_addr": _addr("either"),
    "has_src_addr": _addr("source"),
    "has_dst_addr": _addr("destination"),
    "has_addr6": _addr("either"),
    "has_src_addr6": _addr("source"),
    "has_dst_addr6": _addr("destination"),
    "is_broadcast": _is_broadcast,
    "is_multicast": _is_multicast,
    "is_ip_broadcast": lambda e: _either4(e, lambda address: address == _ALL),
    "is_ip_multicast": lambda e: _either4(e, lambda address: address in _GROUPS),
    "is_ip_host": _is_ip_host,
    "is_incoming_host": _is_incoming_host,
    "or": lambda e, left, right: e.ask(left) or e.ask(right),
    "and": lambda e, left, right: e.ask(left) and e.ask(right),
    "xor": lambda e, left, right: e.ask(left) != e.ask(right),
    "not": _not,
}
