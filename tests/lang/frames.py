# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames of every kind that the language knows, made by scapy: the interpreter has no part in it."""

import random
from typing import Any

from scapy.contrib.gtp import GTP_U_Header
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
)
from scapy.layers.l2 import ARP, GRE, Dot1AD, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

A, B = "192.168.0.1", "10.1.2.3"
A6, B6 = "2001:db8::1", "fe80::2"
MACS: dict[str, Any] = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}


def ether() -> Packet:
    """Return an Ethernet header."""
    return Ether(**MACS)


def inside(seed: int = 0) -> dict[str, Packet]:
    """Return IP packets by what they are."""
    rng = random.Random(seed)
    sport, dport = rng.choice([(1234, 80), (80, 4321), (53, 53)])
    ports: dict[str, Any] = {"sport": sport, "dport": dport}
    source, destination = rng.sample([A, B, "172.16.5.5", "255.255.255.255", "239.1.1.1"], 2)
    ip, ip6 = IP(src=source, dst=destination, ttl=rng.randint(1, 255), tos=rng.randint(0, 255)), IPv6(src=A6, dst=B6)
    return {
        "tcp": ip / TCP(**ports),
        "udp": ip / UDP(**ports) / Raw(b"x" * 20),
        "icmp": ip / ICMP(type=8, code=0) / Raw(b"ping"),
        "options": IP(src=A, dst=B, options=[b"\x94\x04\0\0"]) / TCP(**ports),
        "first": IP(src=A, dst=B, flags="MF") / UDP(**ports) / Raw(b"x" * 24),
        "later": IP(src=A, dst=B, frag=5, proto=17) / Raw(b"y" * 32),
        "other": IP(src=A, dst=B, proto=89) / Raw(b"z" * 30),
        "tcp6": ip6 / TCP(**ports),
        "udp6": ip6 / UDP(**ports) / Raw(b"x" * 20),
        "icmp6": ip6 / ICMPv6EchoRequest(data=b"ping"),
    }


def extended() -> dict[str, Packet]:
    """Return IPv6 packets with extension headers."""
    ip6, udp = IPv6(src=A6, dst=B6), UDP(sport=1111, dport=2222) / Raw(b"x" * 16)
    return {
        "hop": ip6 / IPv6ExtHdrHopByHop() / udp,
        "two": ip6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / udp,
        "first6": ip6 / IPv6ExtHdrFragment(m=1, offset=0, nh=17) / udp,
        "later6": ip6 / IPv6ExtHdrFragment(m=0, offset=4, nh=17) / Raw(b"x" * 32),
        "whole6": ip6 / IPv6ExtHdrFragment(m=0, offset=0, nh=17) / udp,
        "many": _many(ip6, 8) / udp,
        "too many": _many(ip6, 9) / udp,
    }


def _many(ip6: Packet, count: int) -> Packet:
    for _ in range(count):
        ip6 = ip6 / IPv6ExtHdrDestOpt()
    return ip6


def tunnels(inner: Packet, framed: bool = True) -> dict[str, Packet]:
    """Return an IP packet inside of each tunnel."""
    outer = IP(src="203.0.113.1", dst="203.0.113.2")
    made: dict[str, Packet] = {
        "ipip": outer / inner,
        "gre": outer / GRE() / inner,
        "gre key": outer / GRE(key_present=1, key=7, seqnum_present=1, chksum_present=1) / inner,
        "gre bridged": outer / GRE(proto=0x6558) / ether() / inner,
        "gtp": outer / UDP(sport=2152, dport=2152) / GTP_U_Header(teid=1, gtp_type=255) / inner,
        "vxlan": outer / UDP(sport=5000, dport=4789) / VXLAN(vni=7) / ether() / inner,
        "vxlan tagged": outer / UDP(sport=5000, dport=4789) / VXLAN(vni=7) / ether() / Dot1Q(vlan=3) / inner,
    }
    return {name: ether() / packet for name, packet in made.items()} if framed else made


def tagged(packet: Packet) -> dict[str, Packet]:
    """Return an IP packet behind VLAN tags."""
    return {
        "vlan": ether() / Dot1Q(vlan=5) / packet,
        "qinq": ether() / Dot1AD(vlan=7) / Dot1Q(vlan=5) / packet,
        "three": ether() / Dot1AD(vlan=7) / Dot1Q(vlan=5) / Dot1Q(vlan=9) / packet,
    }


def all_frames() -> list[bytes]:
    """Return a frame of every kind."""
    packets = [ether() / packet for packet in [*inside().values(), *extended().values()]]
    packets += [*tunnels(inside()["tcp"]).values(), *tunnels(inside()["udp6"]).values()]
    packets += [*tagged(inside()["udp"]).values(), ether() / ARP(), Ether(src=MACS["src"]) / inside()["udp"]]
    return [bytes(packet) for packet in packets]
