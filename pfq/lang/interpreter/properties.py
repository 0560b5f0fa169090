# SPDX-License-Identifier: GPL-2.0-or-later
"""Properties: numbers in host order, or None."""

from pfq.lang.interpreter.evaluation import Evaluation, Get
from pfq.lang.interpreter.headers import ICMP, ICMPV6, TCP, UDP, word


def _ip(at: int, size: int) -> Get:
    def field(e: Evaluation) -> int | None:
        ip = e.network
        return word(e.packet.data, ip.at + at, size) if ip and ip.version == 4 else None

    return field


def _transport(at: int, size: int, *protocols: int) -> Get:
    def field(e: Evaluation) -> int | None:
        start = e.transport(*protocols)
        return None if start is None else word(e.packet.data, start + at, size)

    return field


def _tcp_hdrlen(e: Evaluation) -> int | None:
    start = e.transport(TCP)
    return None if start is None else 4 * (e.packet.data[start + 12] >> 4)


PROPERTIES: dict[str, Get] = {
    "ip_tos": _ip(1, 1),
    "ip_tot_len": _ip(2, 2),
    "ip_id": _ip(4, 2),
    "ip_frag": _ip(6, 2),
    "ip_ttl": _ip(8, 1),
    "tcp_source": _transport(0, 2, TCP),
    "tcp_dest": _transport(2, 2, TCP),
    "tcp_hdrlen": _tcp_hdrlen,
    "udp_source": _transport(0, 2, UDP),
    "udp_dest": _transport(2, 2, UDP),
    "udp_len": _transport(4, 2, UDP),
    "icmp_type": _transport(0, 1, ICMP, ICMPV6),
    "icmp_code": _transport(1, 1, ICMP, ICMPV6),
    "get_mark": lambda e: e.mark,
    "get_state": lambda e: e.state,
}
