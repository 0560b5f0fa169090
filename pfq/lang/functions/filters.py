# SPDX-License-Identifier: GPL-2.0-or-later
"""Filters: they pass a packet or drop it."""

from pfq.lang.functions.entry import Family, P, Q

_row = Family("filter").row

ROWS = (
    _row("unit", Q, "", "passes every packet"),
    _row("ip", Q, "", "passes IPv4", "ip"),
    _row("ip6", Q, "", "passes IPv6", "ip6"),
    _row("udp", Q, "", "passes UDP over IPv4 or IPv6", "udp"),
    _row("tcp", Q, "", "passes TCP over IPv4 or IPv6", "tcp"),
    _row("icmp", Q, "", "passes ICMP over IPv4 and ICMPv6 over IPv6", "icmp or icmp6"),
    _row("flow", Q, "", "passes TCP and UDP", "tcp or udp"),
    _row("vlan", Q, "", "passes what has a VLAN tag with an id other than 0", "vlan"),
    _row("no_frag", Q, "", "drops fragments", "not (ip[6:2] & 0x3fff != 0)"),
    _row("no_more_frag", Q, "", "drops fragments other than first ones", "not (ip[6:2] & 0x1fff != 0)"),
    _row("port", f"Word16 -> {Q}", "port", "passes TCP and UDP from or to a port", "port PORT"),
    _row("src_port", f"Word16 -> {Q}", "port", "passes TCP and UDP from a port", "src port PORT"),
    _row("dst_port", f"Word16 -> {Q}", "port", "passes TCP and UDP to a port", "dst port PORT"),
    _row("addr", f"CIDR -> {Q}", "prefix", "passes IPv4 from or to addresses in a prefix", "ip net PREFIX"),
    _row("src_addr", f"CIDR -> {Q}", "prefix", "passes IPv4 from addresses in a prefix", "ip src net PREFIX"),
    _row("dst_addr", f"CIDR -> {Q}", "prefix", "passes IPv4 to addresses in a prefix", "ip dst net PREFIX"),
    _row("addr6", f"CIDR6 -> {Q}", "prefix", "passes IPv6 from or to addresses in a prefix", "ip6 net PREFIX"),
    _row("src_addr6", f"CIDR6 -> {Q}", "prefix", "passes IPv6 from addresses in a prefix", "ip6 src net PREFIX"),
    _row("dst_addr6", f"CIDR6 -> {Q}", "prefix", "passes IPv6 to addresses in a prefix", "ip6 dst net PREFIX"),
    _row("l3_proto", f"Word16 -> {Q}", "ethertype", "passes packets of an EtherType", "ether proto ETHERTYPE"),
    _row("l4_proto", f"Word8 -> {Q}", "protocol", "passes packets of a protocol over IPv4 or IPv6", "proto PROTOCOL"),
    _row("filter", f"({P}) -> {Q}", "predicate", "passes what a predicate says"),
    _row("mac_broadcast", Q, "", "passes what is from or to the MAC address of all", "ether host ff:ff:ff:ff:ff:ff"),
    _row(
        "mac_multicast",
        Q,
        "",
        "passes what is from or to a group's MAC address (that of all, too)",
        "ether[0] & 1 != 0 or ether[6] & 1 != 0",
    ),
    _row("ip_broadcast", Q, "", "passes what is from or to 255.255.255.255", "ip host 255.255.255.255"),
    _row("ip_multicast", Q, "", "passes what is from or to an IPv4 group", "ip net 224.0.0.0/4"),
    _row("ip_host", Q, "", "passes what is from or to an IPv4 address of the receiving device"),
    _row("incoming_host", Q, "", "passes what is to a group's MAC address, and what ip_host passes"),
)
