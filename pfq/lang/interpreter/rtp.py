# SPDX-License-Identifier: GPL-2.0-or-later
"""Voice over IP, by heuristics: what runs over UDP and looks like it."""

import sys

from pfq.lang.interpreter.evaluation import Act, Evaluation, Say
from pfq.lang.interpreter.headers import UDP
from pfq.lang.interpreter.steering import folded, ports

PAYLOADS = frozenset({0, *range(3, 19), 25, 26, 28, *range(31, 35), *range(96, 128)})
"""Payload types of RTP: the assigned ones, and those that sessions agree on."""

_SENDER_REPORT = 200
_SIP = (5060, 5061)
_PAIR = int.from_bytes(b"\xff\xfe", sys.byteorder)
"""Takes the lowest bit off a port as it stands in the frame: RTP has the even one of two, RTCP the odd one."""


def _media(e: Evaluation, *, odd: int, size: int) -> bytes | None:
    """Return what UDP carries, if the ports may be those of media."""
    at, found = e.transport(UDP), e.ports()
    if at is None or found is None or any(port < 1024 or port & 1 != odd for port in found):
        return None
    payload = e.packet.data[at + 8 :]
    return payload if len(payload) >= size and payload[0] >> 6 == 2 else None


def _is_rtp(e: Evaluation) -> bool:
    payload = _media(e, odd=0, size=12)
    return payload is not None and payload[1] & 0x7F in PAYLOADS


def _is_rtcp(e: Evaluation) -> bool:
    payload = _media(e, odd=1, size=8)
    return payload is not None and payload[1] == _SENDER_REPORT


def _is_sip(e: Evaluation) -> bool:
    found = e.ports() if e.transport(UDP) is not None else None
    return found is not None and any(port in _SIP for port in found)


def _is_voip(e: Evaluation) -> bool:
    return _is_rtp(e) or _is_rtcp(e) or _is_sip(e)


def _steer_rtp(e: Evaluation) -> None:
    ip = e.network
    if ip is None or not (_is_rtp(e) or _is_rtcp(e)):
        e.drop()
        return
    source, destination = ports(e, ip)
    e.steer(folded(ip.source) ^ folded(ip.destination) ^ ((source ^ destination) & _PAIR))


def _steer_voip(e: Evaluation) -> None:
    if _is_sip(e):
        e.broadcast()
    else:
        _steer_rtp(e)


PREDICATES: dict[str, Say] = {"is_rtp": _is_rtp, "is_rtcp": _is_rtcp, "is_sip": _is_sip, "is_voip": _is_voip}
FUNCTIONS: dict[str, Act] = {"steer_rtp": _steer_rtp, "steer_voip": _steer_voip}
