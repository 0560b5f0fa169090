# SPDX-License-Identifier: GPL-2.0-or-later
"""Filters: each passes what a predicate says, and drops the rest."""

from typing import Any

from pfq.lang.interpreter.evaluation import Act, Evaluation, Say
from pfq.lang.node import Chain

_PREDICATE = {
    "ip": "is_ip",
    "ip6": "is_ip6",
    "udp": "is_udp",
    "tcp": "is_tcp",
    "icmp": "is_icmp",
    "flow": "is_flow",
    "vlan": "has_vlan",
    "port": "has_port",
    "src_port": "has_src_port",
    "dst_port": "has_dst_port",
    "addr": "has_addr",
    "src_addr": "has_src_addr",
    "dst_addr": "has_dst_addr",
    "addr6": "has_addr6",
    "src_addr6": "has_src_addr6",
    "dst_addr6": "has_dst_addr6",
    "l3_proto": "is_l3_proto",
    "l4_proto": "is_l4_proto",
    "mac_broadcast": "is_broadcast",
    "mac_multicast": "is_multicast",
    "ip_broadcast": "is_ip_broadcast",
    "ip_multicast": "is_ip_multicast",
    "ip_host": "is_ip_host",
    "incoming_host": "is_incoming_host",
    "bloom_filter": "bloom",
    "bloom_src_filter": "bloom_src",
    "bloom_dst_filter": "bloom_dst",
    "vlan_id_filter": "vlan_id",
    "rtp": "is_rtp",
    "rtcp": "is_rtcp",
    "sip": "is_sip",
    "voip": "is_voip",
}
_OPPOSITE = {"no_frag": "is_frag", "no_more_frag": "is_more_frag"}


def _passing(say: Say, *, when: bool) -> Act:
    def filtering(e: Evaluation, *args: Any) -> None:
        if say(e, *args) is not when:
            e.drop()

    return filtering


def _filter(e: Evaluation, predicate: Chain) -> None:
    if not e.ask(predicate):
        e.drop()


def functions(predicates: dict[str, Say]) -> dict[str, Act]:
    """Return the filters that go with predicates."""
    made = {name: _passing(predicates[twin], when=True) for name, twin in _PREDICATE.items()}
    made |= {name: _passing(predicates[twin], when=False) for name, twin in _OPPOSITE.items()}
    return made | {"unit": lambda _e: None, "filter": _filter}
