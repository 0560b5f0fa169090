# SPDX-License-Identifier: GPL-2.0-or-later
"""The reference interpreter, family by family, on frames that scapy made."""

import random
import sys
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet as Scapy
from scapy.packet import Raw

from pfq.lang import prelude as q
from pfq.lang import term
from pfq.lang.functions.table import TABLE
from pfq.lang.interpreter.packet import CLASS_ANY, Fanout, Outcome, Packet, Verdict
from pfq.lang.interpreter.run import ask, run, value
from pfq.lang.interpreter.steering import KEYS
from pfq.lang.prelude import ip, is_tcp, mark, steer_flow, tcp
from pfq.lang.term import Function, Predicate

from . import frames
from .programs import programs

PASS, DROP = Verdict(Fanout.COPY, 1), Verdict(Fanout.DROP)
FRAMES = frames.all_frames()


def packet(made: Scapy | bytes, **more: Any) -> Packet:
    """Return a frame as the interpreter wants it."""
    return Packet(bytes(made), **more)


def does(program: Function, made: Scapy | bytes, **more: Any) -> Outcome:
    """Return what a program does with a frame."""
    return run(program, packet(made, **more))


def passes(program: Function, made: Scapy | bytes, **more: Any) -> bool:
    """Say whether a program leaves a frame as it was, and does not drop it."""
    verdict = does(program, made, **more).verdict
    assert verdict in (PASS, DROP)
    return verdict == PASS


def native(text: str) -> int:
    """Return an IPv4 address as the machine reads it."""
    return int.from_bytes(IPv4Address(text).packed, sys.byteorder)


def wire(port: int) -> int:
    """Return a port as the machine reads it from a frame."""
    return int.from_bytes(port.to_bytes(2, "big"), sys.byteorder)


SIMPLE = frames.ether() / IP(src=frames.A, dst=frames.B, tos=0x2E, ttl=17, id=99) / TCP(sport=1234, dport=80)


# --- filters and predicates

PROTOCOLS = {
    "tcp": {"ip", "tcp", "flow"}, "udp": {"ip", "udp", "flow"}, "icmp": {"ip", "icmp"},
    "options": {"ip", "tcp", "flow"}, "first": {"ip", "udp", "flow"}, "later": {"ip", "udp", "flow"},
    "other": {"ip"}, "tcp6": {"ip6", "tcp", "flow"}, "udp6": {"ip6", "udp", "flow"}, "icmp6": {"ip6", "icmp"},
    "hop": {"ip6", "udp", "flow"}, "two": {"ip6", "udp", "flow"}, "first6": {"ip6", "udp", "flow"},
    "later6": {"ip6", "udp", "flow"}, "whole6": {"ip6", "udp", "flow"}, "many": {"ip6", "udp", "flow"},
    "too many": {"ip6"},
}  # fmt: skip


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("around", ["plain", "vlan", "qinq"])
def test_protocols(name: str, around: str) -> None:
    """What a packet is, behind up to two tags, and by filter and predicate alike."""
    inner = (frames.inside() | frames.extended())[name]
    frame = {"plain": frames.ether() / inner, **frames.tagged(inner)}[around]
    for symbol in ("ip", "ip6", "tcp", "udp", "icmp", "flow"):
        expected = symbol in PROTOCOLS[name]
        assert passes(getattr(q, symbol), frame) is expected, symbol
        assert ask(getattr(q, f"is_{symbol}"), packet(frame)) is expected, symbol


def test_three_tags_are_too_many() -> None:
    """Behind the second one nothing is looked for."""
    frame = frames.tagged(frames.inside()["tcp"])["three"]
    assert not passes(ip, frame) and passes(q.l3_proto(0x8100), frame) and passes(q.vlan, frame)


@pytest.mark.parametrize(("kind", "header"), [("tcp", 20), ("udp", 8), ("icmp", 8), ("tcp6", 20), ("icmp6", 8)])
def test_truncated(kind: str, header: int) -> None:
    """A transport header is there if its fixed part is in the frame; so is an IP header."""
    whole = bytes(frames.ether() / frames.inside()[kind])
    network = 40 if kind.endswith("6") else 20
    function = getattr(q, kind.rstrip("6"))
    assert passes(function, whole[: 14 + network + header])
    assert not passes(function, whole[: 14 + network + header - 1])
    version = q.ip6 if kind.endswith("6") else q.ip
    assert passes(version, whole[: 14 + network]) and not passes(version, whole[: 14 + network - 1])


FRAGMENTS = {
    "tcp": (False, False, False), "first": (True, True, False), "later": (True, False, True),
    "first6": (True, True, False), "later6": (True, False, True), "whole6": (False, False, False),
}  # fmt: skip


@pytest.mark.parametrize("name", FRAGMENTS)
def test_fragments(name: str) -> None:
    """Fragments of both versions; ports are those of first ones only."""
    made = frames.ether() / (frames.inside() | frames.extended())[name]
    any_, first, later = FRAGMENTS[name]
    found = [ask(p, packet(made)) for p in (q.is_frag, q.is_first_frag, q.is_more_frag)]
    assert found == [any_, first, later]
    assert passes(q.no_frag, made) is not any_ and passes(q.no_more_frag, made) is not later
    assert (value(q.udp_source, packet(made)) is None) is (later or name == "tcp")
    assert passes(q.no_frag >> q.no_more_frag, frames.ether() / ARP())


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_prefixes(data: st.DataObject) -> None:
    """Prefixes contain what ipaddress says, of either end and of the end that is asked for."""
    version = data.draw(st.sampled_from([4, 6]))
    bits = 32 if version == 4 else 128
    source, destination, base = (data.draw(st.integers(0, 2**bits - 1)) for _ in range(3))
    length = data.draw(st.integers(0, bits))
    near = data.draw(st.sampled_from([base, source, destination, source ^ 1, destination ^ (1 << bits - 1)]))
    address = IPv4Address if version == 4 else IPv6Address
    network = ip_network((address(near), length), strict=False)
    head = bytes(12) + (b"\x08\0\x45" if version == 4 else b"\x86\xdd\x60") + bytes(11 if version == 4 else 7)
    frame = packet(head + address(source).packed + address(destination).packed)
    ends = address(source) in network, address(destination) in network
    six = "" if version == 4 else "6"
    for symbol, expected in (("has_addr", any(ends)), ("has_src_addr", ends[0]), ("has_dst_addr", ends[1])):
        assert ask(getattr(q, symbol + six)(network), frame) is expected
    assert (run(getattr(q, f"addr{six}")(network), frame).verdict == PASS) is any(ends)
    assert (run(q.src(getattr(q, f"addr{six}")(network)), frame).verdict == PASS) is ends[0]
    other = q.has_addr6("::/0") if version == 4 else q.has_addr("0.0.0.0/0")
    assert not ask(other, frame)


def test_ports() -> None:
    """Either port, or the one of the end that counts."""
    udp6 = frames.ether() / frames.extended()["hop"]
    assert all(passes(q.port(n), udp6) for n in (1111, 2222)) and not passes(q.port(3333), udp6)
    assert passes(q.src_port(1111), udp6) and not passes(q.src_port(2222), udp6)
    assert passes(q.dst_port(2222), udp6) and not passes(q.dst_port(1111), udp6)
    assert passes(q.src(q.port(1111)), udp6) and not passes(q.dst(q.port(1111)), udp6)
    assert passes(q.dst(q.src(q.port(1111))), udp6) and passes(q.src(q.unit) >> q.port(2222), udp6)
    assert not passes(q.port(0), frames.ether() / frames.inside()["icmp"])


def test_links() -> None:
    """MAC addresses; and the EtherType, which is the one behind tags, and says an inner packet's version."""
    everyone, group = (
        Ether(src="02:00:00:00:00:01", dst="ff:ff:ff:ff:ff:ff"),
        Ether(src="02:00:00:00:00:01", dst="01:00:5e:00:00:01"),
    )
    for made, broad, multi in ((everyone, True, True), (group, False, True), (frames.ether(), False, False)):
        frame = made / IP()
        assert passes(q.mac_broadcast, frame) is broad and passes(q.mac_multicast, frame) is multi
        assert passes(q.incoming_host, frame) is multi
        assert not passes(q.src(q.mac_broadcast), frame) and passes(q.dst(q.mac_broadcast), frame) is broad
    assert passes(q.l3_proto(0x806), frames.ether() / ARP())
    assert passes(q.l3_proto(0x800), frames.ether() / Dot1Q(vlan=1) / IP())
    inner = frames.tunnels(frames.inside()["tcp6"])["gre"]
    assert passes(q.l3_proto(0x800), inner) and passes(q.shift(q.l3_proto(0x86DD)), inner)
    assert passes(q.l4_proto(89), frames.ether() / frames.inside()["other"])
    assert passes(q.l4_proto(17), frames.ether() / frames.extended()["two"])


def test_ip_addresses_of_meaning() -> None:
    """255.255.255.255, groups, and the device's own."""
    frame = frames.ether() / IP(src="10.0.0.1", dst="239.1.2.3")
    assert passes(q.ip_multicast, frame) and not passes(q.src(q.ip_multicast), frame)
    assert not passes(q.ip_broadcast, frame)
    assert passes(q.ip_broadcast, frames.ether() / IP(src="10.0.0.1", dst="255.255.255.255"))
    mine = (IPv4Address("10.0.0.1"),)
    assert passes(q.ip_host, frame, addresses=mine) and not passes(q.dst(q.ip_host), frame, addresses=mine)
    assert passes(q.incoming_host, frame, addresses=mine) and not passes(q.ip_host, frame)


def test_vlans() -> None:
    """The tag that the NIC took out comes first, then the outer one; 0 is none."""
    tagged = frames.tagged(frames.inside()["tcp"])
    assert passes(q.vlan, tagged["qinq"]) and ask(q.has_vid(7), packet(tagged["qinq"]))
    assert ask(q.has_vid(9), packet(tagged["qinq"], vlan=0x6009)) and not ask(
        q.has_vid(7), packet(tagged["qinq"], vlan=9)
    )
    assert ask(q.has_vid(0), packet(SIMPLE)) and not passes(q.vlan, SIMPLE)
    assert passes(q.vlan_id_filter([1, 5]), tagged["vlan"]) and not passes(q.vlan_id_filter([1]), tagged["vlan"])
    assert passes(q.vlan_id_filter([-1]), tagged["vlan"]) and not passes(q.vlan_id_filter([-1]), SIMPLE)
    assert passes(q.vlan_id_filter([0]), SIMPLE) and not passes(q.vlan_id_filter([]), SIMPLE)
    cut = bytes(tagged["vlan"])[:17]
    assert not passes(q.vlan, cut) and passes(q.l3_proto(0x8100), cut)


def test_properties() -> None:
    """Fields in host order; a packet that lacks one compares with nothing."""
    found = {
        "ip_tos": 0x2E, "ip_tot_len": 40, "ip_id": 99, "ip_frag": 0, "ip_ttl": 17, "tcp_source": 1234, "tcp_dest": 80,
        "tcp_hdrlen": 20, "udp_source": None, "udp_len": None, "icmp_type": None, "get_mark": 5, "get_state": 0,
    }  # fmt: skip
    for name, expected in found.items():
        assert value(getattr(q, name), packet(SIMPLE, mark=5)) == expected, name
    assert value(q.udp_len, packet(frames.ether() / frames.inside()["udp"])) == 28
    assert value(q.ip_frag, packet(frames.ether() / frames.inside()["first"])) == 0x2000
    assert value(q.ip_ttl, packet(frames.ether() / frames.inside()["tcp6"])) is None
    for name, kind, code in (("icmp", 8, 0), ("icmp6", 128, 0)):
        made = packet(frames.ether() / frames.inside()[name])
        assert (value(q.icmp_type, made), value(q.icmp_code, made)) == (kind, code)
    for predicate in (q.udp_len < 99, q.udp_len != 5, q.udp_len >= 0, q.any_bit(q.udp_len, 1), q.all_bit(q.udp_len, 0)):
        assert not ask(predicate, packet(SIMPLE))
    yes = (
        q.ip_ttl < 18,
        q.ip_ttl <= 17,
        q.ip_ttl == 17,
        q.ip_ttl != 3,
        q.ip_ttl > 16,
        q.ip_ttl >= 17,
        q.any_bit(q.ip_ttl, 3),
    )
    no = (q.ip_ttl < 17, q.ip_ttl == 3, q.ip_ttl != 17, q.all_bit(q.ip_ttl, 3), q.any_bit(q.ip_ttl, 2))
    assert all(ask(p, packet(SIMPLE)) for p in yes) and not any(ask(p, packet(SIMPLE)) for p in no)


def test_combinators() -> None:
    """The tables of truth."""
    true, false = q.is_ip, q.is_ip6
    for left in (True, False):
        assert ask(~(true if left else false), packet(SIMPLE)) is not left
        for right in (True, False):
            one, other = (true if left else false), (true if right else false)
            assert ask(one & other, packet(SIMPLE)) is (left and right)
            assert ask(one | other, packet(SIMPLE)) is (left or right)
            assert ask(one ^ other, packet(SIMPLE)) is (left != right)


# --- control


def test_control() -> None:
    """Choices, and what a drop in them does."""
    assert passes(q.conditional(is_tcp, q.unit, q.drop), SIMPLE)
    assert not passes(q.conditional(q.is_udp, q.unit, q.drop), SIMPLE)
    assert not passes(q.when(is_tcp, q.drop), SIMPLE) and passes(q.unless(is_tcp, q.drop), SIMPLE)
    assert passes(q.inv(q.drop), SIMPLE) and not passes(q.inv(q.unit), SIMPLE)
    assert does(q.inv(q.classify(3) >> q.drop), SIMPLE).verdict == Verdict(Fanout.COPY, 8)
    assert passes(q.filter_(is_tcp), SIMPLE)


def test_a_drop_ends_the_chain_and_undoes_nothing() -> None:
    """What comes behind does not happen; what came before has."""
    done = does(q.inc(1) >> q.forward("eth1") >> mark(7) >> q.kernel >> q.drop >> q.inc(2), SIMPLE)
    assert done.verdict == DROP and done.counters == ((1, 1),) and done.mark == 7 and done.to_kernel
    assert done.forwards == (("eth1", bytes(SIMPLE)),)
    assert done.met == ("inc", "forward", "mark", "kernel", "drop")


def test_par() -> None:
    """The first alternative that does not drop, each beginning with the fanout from before; the rest stays."""
    program = q.par3(q.classify(3) >> q.inc(1) >> q.put_state(4) >> q.drop, steer_flow, q.broadcast)
    done = does(program, SIMPLE)
    assert done.verdict.type is Fanout.STEER and done.verdict.class_mask == 1 and done.verdict.state == 4
    assert done.counters == ((1, 1),)
    assert not passes(q.par(q.drop, q.drop), SIMPLE)
    for count in range(3, 9):
        made = term.apply(TABLE[f"par{count}"], [q.drop] * (count - 1) + [q.broadcast])
        assert isinstance(made, Function) and does(made, SIMPLE).verdict.class_mask == CLASS_ANY


@pytest.mark.parametrize("inner", ["tcp", "udp6"])
def test_shift(inner: str) -> None:
    """Through each tunnel, and no further than it goes."""
    for name, frame in frames.tunnels(frames.inside()[inner]).items():
        version, other = (q.ip, q.ip6) if inner == "tcp" else (q.ip6, q.ip)
        kind = q.tcp if inner == "tcp" else q.udp
        assert passes(q.shift(version >> kind), frame), name
        assert not passes(q.shift(other), frame) and passes(q.ip, frame)
        assert passes(q.shift(q.unit) >> q.addr("203.0.113.0/24"), frame)
        assert not passes(q.shift(q.shift(version)), frame)
    assert not passes(q.shift(q.ip), SIMPLE) and passes(q.shift(q.unit), SIMPLE)


def test_tunnels_that_are_none() -> None:
    """GRE with routing or another version, GTP's signalling, VXLAN without an id, a later fragment."""
    tunnels = frames.tunnels(frames.inside()["tcp"])
    for name, at, octet in (
        ("gre", 34, 0x40),
        ("gre", 35, 1),
        ("gtp", 43, 1),
        ("gtp", 42, 0x20),
        ("vxlan", 42, 0),
        ("ipip", 21, 3),
    ):
        frame = bytearray(bytes(tunnels[name]))
        frame[at] = octet
        assert not passes(q.shift(q.ip), bytes(frame)), name


def test_deep_tunnels() -> None:
    """Eight are looked through, not nine."""
    made: Scapy = frames.inside()["tcp"]
    program: Function = tcp
    for _ in range(8):
        made, program = IP() / made, q.shift(program)
    assert passes(program, frames.ether() / made)
    assert not passes(q.shift(program), frames.ether() / IP() / made)


# --- forwarding


def test_forwarding() -> None:
    """Devices, the stack, classes."""
    data = bytes(SIMPLE)
    assert does(q.broadcast, data).verdict == Verdict(Fanout.COPY, CLASS_ANY)
    assert does(q.classify(5), data).verdict == Verdict(Fanout.COPY, 32)
    assert does(q.classify(0), data).verdict == PASS and does(q.classify(0), data).log
    assert does(q.link(["eth0", "eth1", "eth2"]), data).forwards == (("eth1", data), ("eth2", data))
    for program, out, verdict, stack in (
        (q.kernel, False, PASS, True), (q.detour, False, DROP, True),
        (q.kernel_if(is_tcp), False, PASS, True), (q.kernel_if(q.is_udp), False, PASS, False),
        (q.detour_if(is_tcp), False, DROP, True), (q.detour_if(q.is_udp), False, PASS, False),
        (q.forward("x"), True, PASS, False), (q.forwardIO("x"), True, PASS, False), (q.bridge("x"), True, DROP, False),
        (q.tee("x", is_tcp), True, PASS, False), (q.tee("x", q.is_udp), True, DROP, False),
        (q.tap("x", is_tcp), False, PASS, False), (q.tap("x", q.is_udp), True, DROP, False),
    ):  # fmt: skip
        done = does(program, data)
        assert (bool(done.forwards), done.verdict, done.to_kernel) == (out, verdict, stack), program


def test_no_more_than_sixteen_copies() -> None:
    """The rest is discarded."""
    assert len(does(q.link([f"e{n}" for n in range(30)]), SIMPLE).forwards) == 16


# --- steering


def hashes(program: Function, made: Scapy | bytes, **more: Any) -> tuple[int, ...] | None:
    """Return by what a packet is steered; nothing if it is dropped."""
    verdict = does(program, made, **more).verdict
    if verdict.type is Fanout.DROP:
        return None
    return (verdict.hash, verdict.hash2) if verdict.type is Fanout.DOUBLE else (verdict.hash,)


def test_steering_by_what_is_known() -> None:
    """Number, hash of the NIC, constant, tag."""
    assert hashes(q.steer_rrobin, SIMPLE, number=2**32 + 3) == (3,) and hashes(q.steer_rss, SIMPLE, rss=9) == (9,)
    assert hashes(q.steer_to(-1), SIMPLE) == (0xFFFFFFFF,)
    assert hashes(q.steer_vlan, SIMPLE) is None and hashes(q.steer_vlan, SIMPLE, vlan=0x8005) == (5,)


def test_steering_by_addresses() -> None:
    """The xor of addresses and ports as they stand in the frame."""
    a, b, ports = native(frames.A), native(frames.B), wire(1234) ^ wire(80)
    assert hashes(steer_flow, SIMPLE) == (a ^ b ^ ports,) and hashes(q.steer_p2p, SIMPLE) == (a ^ b,)
    assert hashes(q.double_steer_ip, SIMPLE) == (a, b)
    for name in ("first", "later"):
        assert hashes(steer_flow, frames.ether() / frames.inside()[name]) == (a ^ b,)
    everyone = frames.ether() / IP(src=frames.A, dst="255.255.255.255")
    assert does(q.steer_p2p, everyone).verdict == Verdict(Fanout.COPY, CLASS_ANY)
    for program in (steer_flow, q.steer_p2p, q.double_steer_ip):
        assert hashes(program, frames.ether() / ARP()) is None
    six = 0
    for address in (frames.A6, frames.B6):
        packed = ip_address(address).packed
        for at in range(0, 16, 4):
            six ^= int.from_bytes(packed[at : at + 4], sys.byteorder)
    assert hashes(q.steer_p2p, frames.ether() / frames.inside()["icmp6"]) == (six,)
    assert hashes(q.shift(steer_flow), frames.tunnels(SIMPLE[IP])["vxlan"]) == hashes(steer_flow, SIMPLE)


SYMMETRIC = [steer_flow, q.steer_p2p, q.steer_link, q.steer_key(0x38), q.steer_key(0x638), q.steer_key(0x1EFE)]


@pytest.mark.parametrize("program", SYMMETRIC, ids=str)
def test_both_directions_of_a_flow_go_to_one_reader(program: Function) -> None:
    """Swapping all addresses and ports changes nothing."""
    there = (
        Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:09")
        / IP(src="1.2.3.4", dst="5.6.7.8")
        / UDP(sport=1, dport=9)
    )
    back = (
        Ether(src="02:00:00:00:00:09", dst="02:00:00:00:00:01")
        / IP(src="5.6.7.8", dst="1.2.3.4")
        / UDP(sport=9, dport=1)
    )
    assert hashes(program, there) == hashes(program, back) is not None


def test_steering_by_links() -> None:
    """MAC addresses, and the gateway's other side."""
    words = [int.from_bytes(bytes(SIMPLE)[at : at + 2], sys.byteorder) for at in range(0, 12, 2)]
    to, come = words[0] ^ words[1] ^ words[2], words[3] ^ words[4] ^ words[5]
    assert hashes(q.steer_link, SIMPLE) == (to ^ come,) and hashes(q.double_steer_mac, SIMPLE) == (to, come)
    assert hashes(q.steer_local_link(frames.MACS["src"]), SIMPLE) == (to,)
    assert hashes(q.steer_local_link(frames.MACS["dst"]), SIMPLE) == (come,)
    assert hashes(q.steer_local_link("02:00:00:00:00:77"), SIMPLE) == (to, come)
    everyone = Ether(src="02:00:00:00:00:01", dst="ff:ff:ff:ff:ff:ff") / IP()
    assert does(q.steer_link, everyone).verdict.class_mask == CLASS_ANY
    assert all(
        hashes(p, b"\0" * 13) is None
        for p in (q.steer_link, q.double_steer_mac, q.steer_local_link("02:00:00:00:00:01"))
    )


def test_steering_by_where_one_is_at_home() -> None:
    """The local address, or the local subnet."""
    a, b = native(frames.A), native(frames.B)
    assert hashes(q.steer_local_ip("192.168.0.0/16"), SIMPLE) == (a,) and hashes(
        q.steer_local_ip("10.0.0.0/8"), SIMPLE
    ) == (b,)
    assert (
        hashes(q.steer_local_ip("0.0.0.0/0"), SIMPLE) == (a, b)
        and hashes(q.steer_local_ip("9.0.0.0/8"), SIMPLE) is None
    )
    assert hashes(q.steer_local_net("10.0.0.0", 8, 16), SIMPLE) == (native("10.1.0.0"),)
    assert hashes(q.steer_local_net("10.0.0.0", 8, 0), SIMPLE) == (0,)


def test_steering_by_fields() -> None:
    """Bytes counted from the Ethernet header on; who is too short is dropped."""
    data = bytes(SIMPLE)
    end = len(data)
    assert hashes(q.steer_field(26, 4), data) == (native(frames.A),) and hashes(q.steer_field(34, 2), data) == (
        wire(1234),
    )
    assert hashes(q.steer_field_symmetric(26, 30, 4), data) == (native(frames.A) ^ native(frames.B),)
    assert hashes(q.double_steer_field(34, 36, 2), data) == (wire(1234), wire(80))
    assert hashes(q.steer_field(end - 4, 4), data) is not None and hashes(q.steer_field(end - 3, 4), data) is None
    assert hashes(q.steer_field(2**32 - 1, 4), data) is None and hashes(q.double_steer_field(0, end, 1), data) is None


def test_steering_by_keys() -> None:
    """Three- and five-tuples are xors; other keys tell their fields apart; IP's fields want IP."""
    a, b = native(frames.A), native(frames.B)
    assert hashes(q.steer_key(0x38), SIMPLE) == (a ^ b ^ 6,)
    assert hashes(q.steer_key(0x638), SIMPLE) == (a ^ b ^ 6 ^ wire(1234) ^ wire(80),)
    assert hashes(q.steer_key(0), SIMPLE) == (0,) and hashes(q.steer_key(1 << 5), SIMPLE) == (5381 * 33 + 6,)
    arp = frames.ether() / ARP()
    kind = int.from_bytes(b"\x08\x06", sys.byteorder)
    assert hashes(q.steer_key(1), arp) == (5381 * 33 + kind,) and hashes(q.steer_key(1 | 1 << 3), arp) is None
    for name, bit in KEYS.items():
        assert hashes(q.steer_key(1 << bit), SIMPLE) is not None, name


# --- the rest


def test_counters_marks_and_state() -> None:
    """Each is seen by what comes later."""
    program = (
        q.inc(3)
        >> q.inc(3)
        >> q.dec(63)
        >> mark(9)
        >> q.put_state(8)
        >> q.when(q.has_mark(9) & q.has_state(8), q.broadcast)
    )
    done = does(program, SIMPLE)
    assert done.counters == ((3, 2), (63, -1)) and done.mark == 9
    assert done.verdict == Verdict(Fanout.COPY, CLASS_ANY, state=8)
    said = does(q.log_msg("here") >> q.dummy_ints([1, 2]) >> q.trace, SIMPLE).log
    assert len(said) == 3 and said[0] == "log_msg: here"


def test_bloom() -> None:
    """No address that was put in is missed, and few others are taken."""
    rng = random.Random(1)
    addresses = [str(IPv4Address(rng.getrandbits(32))) for _ in range(100)]
    program = q.bloom_filter(4096, addresses, 24)
    network = IPv4Network((addresses[0], 24), strict=False)
    for address in (addresses[0], str(network[0]), str(network[255])):
        assert passes(program, frames.ether() / IP(src="0.0.0.0", dst=address))
    strangers = [str(IPv4Address(rng.getrandbits(32))) for _ in range(300)]
    wrong = sum(
        passes(q.bloom_src_filter(4096, addresses, 24), frames.ether() / IP(src=s, dst="0.0.0.0")) for s in strangers
    )
    assert wrong < 15
    assert not passes(q.bloom_dst_filter(4096, addresses, 24), frames.ether() / IP(src=addresses[0], dst="0.0.0.1"))
    assert not passes(program, frames.ether() / frames.inside()["tcp6"])


def media(sport: int, dport: int, payload: bytes) -> Scapy:
    """Return a packet that may be voice."""
    return frames.ether() / IP(src=frames.A, dst=frames.B) / UDP(sport=sport, dport=dport) / Raw(payload)


def test_voice() -> None:
    """RTP on even ports, RTCP on odd ones, SIP on its own; media and their reports go together."""
    rtp, rtcp, sip = (
        media(5004, 6000, b"\x80\x00" + bytes(10)),
        media(5005, 6001, b"\x80\xc8" + bytes(6)),
        media(5060, 9, b""),
    )
    kinds = (("rtp", q.rtp, q.is_rtp), ("rtcp", q.rtcp, q.is_rtcp), ("sip", q.sip, q.is_sip))
    for frame, kind in ((rtp, "rtp"), (rtcp, "rtcp"), (sip, "sip")):
        for name, function, predicate in kinds:
            assert passes(function, frame) is ask(predicate, packet(frame)) is (kind == name)
        assert passes(q.voip, frame) and ask(q.is_voip, packet(frame))
    wrong: list[tuple[int, int, bytes]] = [
        (5004, 6001, b"\x80\0"),
        (1000, 6000, b"\x80\0"),
        (5004, 6000, b"\x40\0"),
        (5004, 6000, b"\x80\x50"),
    ]
    for no in [media(sport, dport, head + bytes(10)) for sport, dport, head in wrong] + [
        media(5004, 6000, bytes([128] * 11)),
        SIMPLE,
    ]:
        assert not passes(q.voip, no)
    flow = native(frames.A) ^ native(frames.B) ^ wire(5004) ^ wire(6000)
    assert hashes(q.steer_rtp, rtp) == hashes(q.steer_rtp, rtcp) == hashes(q.steer_voip, rtp) == (flow,)
    assert does(q.steer_voip, sip).verdict.class_mask == CLASS_ANY and hashes(q.steer_rtp, sip) is None


# --- whatever comes


@given(programs(2), st.binary(max_size=120) | st.sampled_from(FRAMES), st.integers(0, 200), st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_nothing_raises(program: Function, data: bytes, cut: int, number: int) -> None:
    """Any program on any bytes ends with a verdict."""
    tag = number & 0xFFFF if number & 1 else None
    done = run(program, Packet(data[:cut], number=number, rss=number & 0xFFFFFFFF, vlan=tag))
    assert done.verdict.hash < 2**32 and done.verdict.hash2 < 2**32
    assert (done.verdict == DROP) is (done.verdict.type is Fanout.DROP)


@pytest.mark.parametrize("frame", range(len(FRAMES)))
def test_no_length_is_a_surprise(frame: int) -> None:
    """Every function on every frame, cut at every third byte: not the same ones of each frame."""
    makers = [entry for entry in TABLE.values() if not entry.parameters]
    shifted = q.shift(q.par3(q.tcp, q.rtp, q.steer_key(0x1FFF)))
    for cut in range(frame % 3, len(FRAMES[frame]) + 1, 3):
        data = packet(FRAMES[frame][:cut])
        for entry in makers:
            made = term.apply(entry, ())
            if isinstance(made, Function):
                run(made, data)
            elif isinstance(made, Predicate):
                ask(made, data)
        run(shifted, data)
