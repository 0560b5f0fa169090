# SPDX-License-Identifier: GPL-2.0-or-later
"""Properties: numbers in a packet, which it may lack."""

from pfq.lang.functions.entry import Family, V

_row = Family("property").row

ROWS = (
    _row("ip_tos", V, "", "type of service of IPv4", "ip[1]"),
    _row("ip_tot_len", V, "", "total length of IPv4", "ip[2:2]"),
    _row("ip_id", V, "", "identification of IPv4", "ip[4:2]"),
    _row("ip_frag", V, "", "flags and fragment offset of IPv4, as they are in the header", "ip[6:2]"),
    _row("ip_ttl", V, "", "time to live of IPv4", "ip[8]"),
    _row("tcp_source", V, "", "source port of TCP", "tcp[0:2]"),
    _row("tcp_dest", V, "", "destination port of TCP", "tcp[2:2]"),
    _row("tcp_hdrlen", V, "", "bytes of the TCP header", "(tcp[12] >> 4) * 4"),
    _row("udp_source", V, "", "source port of UDP", "udp[0:2]"),
    _row("udp_dest", V, "", "destination port of UDP", "udp[2:2]"),
    _row("udp_len", V, "", "length of UDP, its header included", "udp[4:2]"),
    _row("icmp_type", V, "", "type of ICMP or ICMPv6", "icmp[0]"),
    _row("icmp_code", V, "", "code of ICMP or ICMPv6", "icmp[1]"),
    _row("get_mark", V, "", "the packet's mark"),
    _row("get_state", V, "", "the program's state"),
)
