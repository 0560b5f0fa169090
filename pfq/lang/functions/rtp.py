# SPDX-License-Identifier: GPL-2.0-or-later
"""Voice over IP, by heuristics: the kernel's optional module."""

from pfq.lang.functions.entry import Family, P, Q

_row = Family("rtp").row

ROWS = (
    _row("rtp", Q, "", "passes RTP"),
    _row("rtcp", Q, "", "passes RTCP sender reports"),
    _row("sip", Q, "", "passes SIP over UDP", "udp port 5060 or udp port 5061"),
    _row("voip", Q, "", "passes RTP, RTCP and SIP"),
    _row("steer_rtp", Q, "", "by addresses and ports, RTP and its RTCP alike; drops what is neither"),
    _row("steer_voip", Q, "", "like steer_rtp, and SIP to all"),
    _row("is_rtp", P, "", "RTP"),
    _row("is_rtcp", P, "", "RTCP sender report"),
    _row("is_sip", P, "", "SIP over UDP", "udp port 5060 or udp port 5061"),
    _row("is_voip", P, "", "RTP, RTCP or SIP"),
)
