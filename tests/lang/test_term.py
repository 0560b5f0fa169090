# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs as Python objects: what operators make, and what every mistake is told."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Any

import pytest

from pfq.errors import ArgumentError, ProgramError
from pfq.lang import prelude as q
from pfq.lang.node import MAX_DEPTH, MAX_NODES
from pfq.lang.prelude import addr, has_port, ip, ip_ttl, is_tcp, is_udp, port, steer_flow, tcp, when
from pfq.lang.term import Term


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (ip >> tcp >> steer_flow, "ip >-> tcp >-> steer_flow"),
        (ip >> (tcp >> steer_flow), "ip >-> tcp >-> steer_flow"),
        (is_tcp & ~has_port(22) | is_udp, "is_tcp .&&. not (has_port 22) .||. is_udp"),
        (is_tcp & (has_port(22) | is_udp), "is_tcp .&&. (has_port 22 .||. is_udp)"),
        (is_tcp ^ is_udp, "is_tcp .^^. is_udp"),
        (ip_ttl < 64, "ip_ttl .< 64"),
        (64 < ip_ttl, "ip_ttl .> 64"),  # noqa: SIM300
        (64 >= ip_ttl, "ip_ttl .<= 64"),  # noqa: SIM300
        (ip_ttl != 3, "ip_ttl ./= 3"),
        (3 == ip_ttl, "ip_ttl .== 3"),  # noqa: SIM300
        ((ip_ttl > 3) & is_tcp, "(ip_ttl .> 3) .&&. is_tcp"),
        (q.any_bit(q.ip_tos, 3), "any_bit ip_tos 3"),
        (q.all_bit(q.ip_tos, 3), "all_bit ip_tos 3"),
        (when(is_tcp, ip >> steer_flow), "when is_tcp (ip >-> steer_flow)"),
        (q.conditional(is_tcp, ip, q.drop), "conditional is_tcp ip drop"),
        (q.par(ip, q.ip6), "par ip ip6"),
        (q.shift(q.src(port(80))), "shift (src (port 80))"),
        (q.inv(q.dst(tcp)), "inv (dst tcp)"),
        (addr("10.1.2.3/8"), 'addr "10.0.0.0/8"'),
        (addr(IPv4Network("10.0.0.0/8")), 'addr "10.0.0.0/8"'),
        (addr(("10.1.1.1", 16)), 'addr "10.1.0.0/16"'),
        (addr(IPv4Address("10.1.1.1")), 'addr "10.1.1.1/32"'),
        (q.addr6(IPv6Network("2001:db8::/32")), 'addr6 "2001:db8::/32"'),
        (q.vlan_id_filter([1, -1]), "vlan_id_filter [1, (-1)]"),
        (q.bloom(1024, ["10.0.0.1", 0x0100007F], 32), None),
        (q.link(["eth1", "eth2"]), 'link ["eth1", "eth2"]'),
        (q.steer_local_link("02:00:00:00:00:0A"), 'steer_local_link "02:00:00:00:00:0a"'),
        (q.log_msg('say "hi"\n'), 'log_msg "say \\"hi\\"\\n"'),
        (q.filter_(q.not_(q.or_(is_tcp, q.and_(is_udp, q.xor(is_tcp, is_udp))))), None),
    ],
)
def test_what_is_made(made: Term, text: str | None) -> None:
    """Operators and calls make what pfq-lang calls this."""
    assert text is None or str(made) == text
    assert repr(made) == f"<{type(made).__name__} {made}>"


MISTAKES: list[tuple[Callable[[], Any], str, str]] = [
    (
        lambda: ip >> is_tcp,
        "the right side of >> is a predicate (Qbuff -> Bool): is_tcp, and should be a function (Qbuff -> Action Qbuff)",
        "filter(predicate) makes a function of a predicate",
    ),
    (
        lambda: ip >> port,
        "the right side of >> is port without its arguments (Word16 -> Qbuff -> Action Qbuff), and should be "
        "a function (Qbuff -> Action Qbuff)",
        "give port its arguments: port(port)",
    ),
    (
        lambda: is_tcp & tcp,
        "the right side of & is a function (Qbuff -> Action Qbuff): tcp, and should be a predicate (Qbuff -> Bool)",
        "the predicate of that name is is_tcp",
    ),
    (
        lambda: is_tcp | ip_ttl,
        "the right side of | is a property (Qbuff -> Word64): ip_ttl, and should be a predicate (Qbuff -> Bool)",
        "compare the property with a number, as in ip_ttl < 64",
    ),
    (
        lambda: when(port(80), ip),  # type: ignore[arg-type]
        "when: argument 1 (predicate) should be a predicate (Qbuff -> Bool), and is a function "
        "(Qbuff -> Action Qbuff): port 80",
        "the predicate of that name is has_port",
    ),
    (
        lambda: port("http"),  # type: ignore[arg-type]
        'port: argument 1 (port) should be a number from 0 to 65535 (Word16), and is the string "http"',
        "write a number, such as 80 or 0x50",
    ),
    (
        lambda: port(65536),
        "port: argument 1 (port) should be a number from 0 to 65535 (Word16), and is the number 65536",
        "give a number from 0 to 65535",
    ),
    (
        lambda: port(True),
        "port: argument 1 (port) should be a number from 0 to 65535 (Word16), and is True",
        "write a number, such as 80 or 0x50",
    ),
    (
        lambda: q.classify(64),
        "classify: argument 1 (number) should be a number from 0 to 63, and is the number 64",
        "give a number from 0 to 63",
    ),
    (
        lambda: port(),  # type: ignore[call-arg]
        "port takes 1 argument, and was given 0",
        "port(port: Word16): passes TCP and UDP from or to a port",
    ),
    (
        lambda: when(is_tcp),  # type: ignore[call-arg]
        "when takes 2 arguments, and was given 1",
        "when(predicate: Qbuff -> Bool, function: Qbuff -> Action Qbuff): does something if a predicate says so",
    ),
    (
        lambda: port(port=80),  # type: ignore[call-arg]
        "port takes its arguments in order, and not by name",
        "port(port)",
    ),
    (
        lambda: addr("10.0.0.0/33"),
        'addr: argument 1 (prefix) should be an IPv4 prefix (CIDR), and is the string "10.0.0.0/33"',
        'write an IPv4 prefix, such as "192.0.2.0/24"',
    ),
    (
        lambda: addr("2001:db8::/32"),
        'addr: argument 1 (prefix) should be an IPv4 prefix (CIDR), and is the string "2001:db8::/32"',
        "that is IPv6: there are addr and has_addr for IPv4, addr6 and has_addr6 for IPv6",
    ),
    (
        lambda: q.has_addr6(IPv4Network("10.0.0.0/8")),  # type: ignore[arg-type]
        "has_addr6: argument 1 (prefix) should be an IPv6 prefix (CIDR6), and is IPv4Network 10.0.0.0/8",
        "that is IPv4: there are addr and has_addr for IPv4, addr6 and has_addr6 for IPv6",
    ),
    (
        lambda: q.vlan_id_filter(5),  # type: ignore[arg-type]
        "vlan_id_filter: argument 1 (vids) should be a list [CInt], and is the number 5",
        "write a list, such as [1, 2]",
    ),
    (
        lambda: q.bridge("a-name-too-long-0"),
        'bridge: argument 1 (device) should be a device\'s name, and is the string "a-name-too-long-0"',
        'names of devices have at most 15 bytes, without blanks, "/" and ":"',
    ),
    (
        lambda: q.steer_local_link("gateway"),
        'steer_local_link: argument 1 (gateway) should be a MAC address, and is the string "gateway"',
        'write a MAC address, such as "02:00:00:00:00:01"',
    ),
    (
        lambda: q.log_msg(""),
        "log_msg: argument 1 (message) should be a string, and is an empty string",
        "strings have 1 to 4096 bytes, none of them 0",
    ),
    (
        lambda: q.less(ip, 5),  # type: ignore[arg-type]
        "less: argument 1 (property) should be a property (Qbuff -> Word64), and is a function "
        "(Qbuff -> Action Qbuff): ip",
        "give a property, such as ip_ttl",
    ),
    (
        lambda: ip if is_tcp else tcp,
        "is_tcp is neither true nor false before a packet is there",
        "write & for and, | for or, ~ for not; conditional(...) for if; a < b, not a < b < c",
    ),
    (
        lambda: ip_ttl < -1,
        "less: argument 2 (value) should be a number from 0 to 18446744073709551615 (Word64), and is the number -1",
        "give a number from 0 to 18446744073709551615",
    ),
]


@pytest.mark.parametrize(("make", "message", "hint"), MISTAKES)
def test_mistakes(make: Callable[[], Any], message: str, hint: str) -> None:
    """A mistake is found where it is made, and the message names function, argument, what it got and what to do."""
    with pytest.raises(ProgramError) as raised:
        make()
    assert (raised.value.message, raised.value.hint) == (message, hint)


def test_mistakes_are_found_by_programs_too() -> None:
    """The error knows function and argument."""
    with pytest.raises(ArgumentError) as raised:
        q.steer_field(0, 5)
    assert (raised.value.function, raised.value.argument) == ("steer_field", 2)


def test_limits() -> None:
    """Programs do not grow without bounds, in length or depth."""
    long = ip
    with pytest.raises(ProgramError, match=f"more than {MAX_NODES} functions"):
        for _ in range(11):
            long = long >> long
    deep = is_tcp
    with pytest.raises(ProgramError, match=f"more than {MAX_DEPTH} deep"):
        for _ in range(MAX_DEPTH):
            deep = ~deep


def test_terms_do_not_change() -> None:
    """A program can be part of several others."""
    base = ip >> tcp
    assert str(base >> steer_flow) == "ip >-> tcp >-> steer_flow"
    assert str(base >> port(80)) == "ip >-> tcp >-> port 80"
    assert base.same(ip >> tcp) and not base.same(ip >> tcp >> tcp)
