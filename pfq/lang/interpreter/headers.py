# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the headers of a frame are.

The rules, which docs/lang.md repeats in a table: a header is there if all of its fixed part is in the frame; what
headers tell of the length of what they carry (total length, UDP length) is not believed and not used.
"""

from dataclasses import dataclass

ETHERNET, TAG = 14, 4
IPV4, IPV6 = 0x0800, 0x86DD
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
MINIMUM = {TCP: 20, UDP: 8, ICMP: 8, ICMPV6: 8}
"""Bytes of a header of the transport layer that must be there."""

MAX_TAGS = 2
MAX_EXTENSIONS = 8
MAX_TUNNELS = 8
"""What is looked through at most: in a row, per IP header, and per frame."""

_TPIDS = (0x8100, 0x88A8)
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION = 0, 43, 44, 51, 60
_BRIDGED = 0x6558


def word(data: bytes, at: int, size: int = 2) -> int:
    """Return a number in network order; the caller knows that it is there."""
    return int.from_bytes(data[at : at + size], "big")


@dataclass(frozen=True, slots=True)
class Link:
    """An Ethernet header: the type behind its tags, the first tag's id (None without tags), where the next begins."""

    ethertype: int
    vid: int | None
    end: int


def link(data: bytes, at: int = 0) -> Link | None:
    """Return the Ethernet header at a place; None if the frame ends in it."""
    if len(data) < at + ETHERNET:
        return None
    ethertype, vid, end = word(data, at + 12), None, at + ETHERNET
    for _ in range(MAX_TAGS):
        if ethertype not in _TPIDS or len(data) < end + TAG:
            break
        if vid is None:
            vid = word(data, end) & 0xFFF
        ethertype, end = word(data, end + 2), end + TAG
    return Link(ethertype, vid, end)


@dataclass(frozen=True, slots=True)
class Network:
    """An IP header. Without a protocol, the frame ends in IPv6's extension headers, or there are too many of them."""

    version: int
    at: int
    source: bytes
    destination: bytes
    protocol: int | None
    transport: int
    offset: int = 0
    more: bool = False

    @property
    def fragment(self) -> bool:
        """Whether it is one of several fragments."""
        return self.more or self.offset != 0


def network(data: bytes, ethertype: int, at: int) -> Network | None:
    """Return the IP header at a place, where a header of that type should be; None if it is not."""
    if ethertype == IPV4:
        return _ipv4(data, at)
    return _ipv6(data, at) if ethertype == IPV6 else None


def _ipv4(data: bytes, at: int) -> Network | None:
    if len(data) < at + 20 or data[at] >> 4 != 4 or data[at] & 15 < 5:
        return None
    field = word(data, at + 6)
    source, destination = data[at + 12 : at + 16], data[at + 16 : at + 20]
    transport = at + 4 * (data[at] & 15)
    return Network(4, at, source, destination, data[at + 9], transport, field & 0x1FFF, bool(field & 0x2000))


def _ipv6(data: bytes, at: int) -> Network | None:
    if len(data) < at + 40 or data[at] >> 4 != 6:
        return None
    source, destination = data[at + 8 : at + 24], data[at + 24 : at + 40]
    kind, here, offset, more = data[at + 6], at + 40, 0, False
    for _ in range(MAX_EXTENSIONS + 1):
        if kind not in (_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION):
            return Network(6, at, source, destination, kind, here, offset, more)
        if len(data) < here + 8:
            break
        if kind == _FRAGMENT:
            offset, more = word(data, here + 2) >> 3, bool(data[here + 3] & 1)
            size = 8
        else:
            size = 4 * (data[here + 1] + 2) if kind == _AUTHENTICATION else 8 * (data[here + 1] + 1)
        kind, here = data[here], here + size
        if offset:
            return Network(6, at, source, destination, kind, here, offset, more)
    return Network(6, at, source, destination, None, here, offset, more)


def inner(data: bytes, outer: Network) -> Network | None:
    """Return the IP header that a tunnel carries; None if this is none that we know."""
    at = outer.transport
    if outer.offset:
        return None
    match outer.protocol:
        case 4:  # IPv4 in IP
            return _ipv4(data, at)
        case 41:  # IPv6 in IP
            return _ipv6(data, at)
        case 47:  # GRE
            return _gre(data, at)
        case 17 if len(data) >= at + 8:
            match word(data, at + 2):
                case 2152:  # GTP-U
                    return _gtp(data, at + 8)
                case 4789:  # VXLAN
                    return _vxlan(data, at + 8)
    return None


def _gre(data: bytes, at: int) -> Network | None:
    if len(data) < at + 4:
        return None
    flags, ethertype = word(data, at), word(data, at + 2)
    if flags & 0x4007:  # routing, or a version other than 0
        return None
    end = at + 4 + 4 * sum(bool(flags & bit) for bit in (0x8000, 0x2000, 0x1000))
    return _frame(data, end) if ethertype == _BRIDGED else network(data, ethertype, end)


def _vxlan(data: bytes, at: int) -> Network | None:
    return _frame(data, at + 8) if len(data) >= at + 8 and data[at] & 0x08 else None


def _frame(data: bytes, at: int) -> Network | None:
    found = link(data, at)
    return network(data, found.ethertype, found.end) if found else None


def _gtp(data: bytes, at: int) -> Network | None:
    # Version 1, not the charging protocol, carrying a packet.
    if len(data) < at + 8 or data[at] & 0xF0 != 0x30 or data[at + 1] != 0xFF:
        return None
    end = at + 8
    if data[at] & 0x07:
        if len(data) < at + 12:
            return None
        end, kind = at + 12, data[at + 11] if data[at] & 0x04 else 0
        for _ in range(MAX_EXTENSIONS):
            if not kind:
                break
            if len(data) <= end or not data[end] or len(data) < end + 4 * data[end]:
                return None
            end += 4 * data[end]
            kind = data[end - 1]
        if kind:
            return None
    return _ipv4(data, end) or _ipv6(data, end)
