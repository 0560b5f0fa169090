# SPDX-License-Identifier: GPL-2.0-or-later
"""Predicates: they say yes or no of a packet."""

from pfq.lang.functions.entry import Family, P, V

_row = Family("predicate").row

ROWS = (
    _row("less", f"({V}) -> Word64 -> {P}", "property value", "a property is less than a value"),
    _row("less_eq", f"({V}) -> Word64 -> {P}", "property value", "a property is at most a value"),
    _row("greater", f"({V}) -> Word64 -> {P}", "property value", "a property is greater than a value"),
    _row("greater_eq", f"({V}) -> Word64 -> {P}", "property value", "a property is at least a value"),
    _row("equal", f"({V}) -> Word64 -> {P}", "property value", "a property is a value"),
    _row(
        "not_equal", f"({V}) -> Word64 -> {P}", "property value", "the packet has the property, and it is not a value"
    ),
    _row("any_bit", f"({V}) -> Word64 -> {P}", "property mask", "a property has one of a mask's bits"),
    _row("all_bit", f"({V}) -> Word64 -> {P}", "property mask", "a property has all of a mask's bits"),
    _row("is_ip", P, "", "IPv4", "ip"),
    _row("is_ip6", P, "", "IPv6", "ip6"),
    _row("is_tcp", P, "", "TCP over IPv4 or IPv6", "tcp"),
    _row("is_udp", P, "", "UDP over IPv4 or IPv6", "udp"),
    _row("is_icmp", P, "", "ICMP over IPv4, or ICMPv6 over IPv6", "icmp or icmp6"),
    _row("is_flow", P, "", "TCP or UDP", "tcp or udp"),
    _row("has_vlan", P, "", "a VLAN tag with an id other than 0", "vlan"),
    _row("is_frag", P, "", "a fragment", "ip[6:2] & 0x3fff != 0"),
    _row("is_first_frag", P, "", "the first fragment of several", "ip[6:2] & 0x3fff = 0x2000"),
    _row("is_more_frag", P, "", "a fragment other than the first one", "ip[6:2] & 0x1fff != 0"),
    _row("is_l3_proto", f"Word16 -> {P}", "ethertype", "an EtherType", "ether proto ETHERTYPE"),
    _row("is_l4_proto", f"Word8 -> {P}", "protocol", "a protocol over IPv4 or IPv6", "proto PROTOCOL"),
    _row("has_port", f"Word16 -> {P}", "port", "TCP or UDP from or to a port", "port PORT"),
    _row("has_src_port", f"Word16 -> {P}", "port", "TCP or UDP from a port", "src port PORT"),
    _row("has_dst_port", f"Word16 -> {P}", "port", "TCP or UDP to a port", "dst port PORT"),
    _row("has_vid", f"CInt -> {P}", "vid", "the VLAN id is this one; 0 is no tag", "vlan VID", vid=(0, 4095)),
    _row("has_mark", f"Word32 -> {P}", "mark", "the mark is this one"),
    _row("has_state", f"Word32 -> {P}", "state", "the program's state is this one"),
    _row("has_addr", f"CIDR -> {P}", "prefix", "IPv4 from or to addresses in a prefix", "ip net PREFIX"),
    _row("has_src_addr", f"CIDR -> {P}", "prefix", "IPv4 from addresses in a prefix", "ip src net PREFIX"),
    _row("has_dst_addr", f"CIDR -> {P}", "prefix", "IPv4 to addresses in a prefix", "ip dst net PREFIX"),
    _row("has_addr6", f"CIDR6 -> {P}", "prefix", "IPv6 from or to addresses in a prefix", "ip6 net PREFIX"),
    _row("has_src_addr6", f"CIDR6 -> {P}", "prefix", "IPv6 from addresses in a prefix", "ip6 src net PREFIX"),
    _row("has_dst_addr6", f"CIDR6 -> {P}", "prefix", "IPv6 to addresses in a prefix", "ip6 dst net PREFIX"),
    _row("is_broadcast", P, "", "from or to the MAC address of all", "ether host ff:ff:ff:ff:ff:ff"),
    _row(
        "is_multicast",
        P,
        "",
        "from or to a group's MAC address (that of all, too)",
        "ether[0] & 1 != 0 or ether[6] & 1 != 0",
    ),
    _row("is_ip_broadcast", P, "", "from or to 255.255.255.255", "ip host 255.255.255.255"),
    _row("is_ip_multicast", P, "", "from or to an IPv4 group", "ip net 224.0.0.0/4"),
    _row("is_ip_host", P, "", "from or to an IPv4 address of the receiving device"),
    _row("is_incoming_host", P, "", "to a group's MAC address, or what is_ip_host says"),
)
