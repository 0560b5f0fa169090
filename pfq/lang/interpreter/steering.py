# SPDX-License-Identifier: GPL-2.0-or-later
"""Steering: the hashes, as yet unmixed, by which readers are chosen.

Addresses, ports and bytes of the frame are taken as they stand in it and read as the machine reads its own numbers, so
hashes differ between little- and big-endian machines. IPv6 addresses count as the xor of their four words.
"""

import sys
from ipaddress import IPv4Address, IPv4Network

from pfq.lang.interpreter.evaluation import Act, Evaluation
from pfq.lang.interpreter.headers import ICMP, ICMPV6, Network
from pfq.lang.interpreter.predicates import ends4

KEYS = {
    "eth_type": 0, "eth_src": 1, "eth_dst": 2, "ip_src": 3, "ip_dst": 4, "ip_proto": 5, "ip_ecn": 6, "ip_dscp": 7,
    "src_port": 9, "dst_port": 10, "icmp_type": 11, "icmp_code": 12,
}  # fmt: skip
"""The bits of a flow key."""

_KEY3 = 1 << 3 | 1 << 4 | 1 << 5
_KEY5 = _KEY3 | 1 << 9 | 1 << 10
_ABOVE_LINK = sum(1 << bit for name, bit in KEYS.items() if not name.startswith("eth"))


def raw(data: bytes) -> int:
    """Return bytes as the machine reads a number."""
    return int.from_bytes(data, sys.byteorder)


def words(data: bytes) -> list[int]:
    """Return bytes in words of 32 bits."""
    return [raw(data[at : at + 4]) for at in range(0, len(data), 4)]


def folded(address: bytes) -> int:
    """Return an address as 32 bits."""
    hashed = 0
    for word in words(address):
        hashed ^= word
    return hashed


def _mac(data: bytes) -> int:
    return raw(data[0:2]) ^ raw(data[2:4]) ^ raw(data[4:6])


def ports(e: Evaluation, ip: Network) -> tuple[int, int]:
    """Return the ports as they stand in the frame; zeros if there are none, and of fragments, to keep them together."""
    at, data = ip.transport, e.packet.data
    if ip.protocol not in (6, 17) or ip.fragment or len(data) < at + 4:
        return 0, 0
    return raw(data[at : at + 2]), raw(data[at + 2 : at + 4])


def _steer_link(e: Evaluation) -> None:
    data = e.packet.data
    if e.link is None:
        e.drop()
    elif b"\xff" * 6 in (data[0:6], data[6:12]):
        e.broadcast()
    else:
        e.steer(_mac(data[0:6]) ^ _mac(data[6:12]))


def _double_steer_mac(e: Evaluation) -> None:
    if e.link is None:
        e.drop()
    else:
        e.double(_mac(e.packet.data[0:6]), _mac(e.packet.data[6:12]))


def _steer_local_link(e: Evaluation, gateway: str) -> None:
    data, mac = e.packet.data, bytes(int(part, 16) for part in gateway.split(":"))
    if e.link is None:
        e.drop()
    elif data[6:12] == mac:
        e.steer(_mac(data[0:6]))
    elif data[0:6] == mac:
        e.steer(_mac(data[6:12]))
    else:
        _double_steer_mac(e)


def _steer_vlan(e: Evaluation) -> None:
    if e.vid:
        e.steer(e.vid)
    else:
        e.drop()


def _steer_p2p(e: Evaluation) -> None:
    ip = e.network
    if ip is None:
        e.drop()
    elif b"\xff" * 4 in (ip.source, ip.destination):
        e.broadcast()
    else:
        e.steer(folded(ip.source) ^ folded(ip.destination))


def _steer_flow(e: Evaluation) -> None:
    ip = e.network
    if ip is None:
        e.drop()
        return
    source, destination = ports(e, ip)
    e.steer(folded(ip.source) ^ folded(ip.destination) ^ source ^ destination)


def _double_steer_ip(e: Evaluation) -> None:
    ip = e.network
    if ip is None:
        e.drop()
    else:
        e.double(folded(ip.source), folded(ip.destination))


def _local(e: Evaluation, network: IPv4Network, mask: int) -> None:
    ends = ends4(e)
    local = [raw(end.packed) & mask for end in ends or () if end in network]
    if not local:
        e.drop()
    elif len(local) == 1:
        e.steer(local[0])
    else:
        e.double(local[0], local[1])


def _steer_local_ip(e: Evaluation, prefix: IPv4Network) -> None:
    _local(e, prefix, 0xFFFFFFFF)


def _steer_local_net(e: Evaluation, address: IPv4Address, prefix: int, subprefix: int) -> None:
    mask = IPv4Network((0, subprefix)).netmask.packed
    _local(e, IPv4Network((address, prefix), strict=False), raw(mask))


def _field(e: Evaluation, offset: int, size: int) -> int | None:
    end = offset + size
    return raw(e.packet.data[offset:end]) if size <= 4 and end <= len(e.packet.data) else None


def _steer_field(e: Evaluation, offset: int, size: int) -> None:
    field = _field(e, offset, size)
    if field is None:
        e.drop()
    else:
        e.steer(field)


def _steer_field_symmetric(e: Evaluation, first: int, second: int, size: int) -> None:
    one, other = _field(e, first, size), _field(e, second, size)
    if one is None or other is None:
        e.drop()
    else:
        e.steer(one ^ other)


def _double_steer_field(e: Evaluation, first: int, second: int, size: int) -> None:
    one, other = _field(e, first, size), _field(e, second, size)
    if one is None or other is None:
        e.drop()
    else:
        e.double(one, other)


def _times33(numbers: list[int]) -> int:
    hashed = 5381 if numbers else 0
    for number in numbers:
        hashed = (hashed * 33 + number) & 0xFFFFFFFF
    return hashed


def _key_words(e: Evaluation, ip: Network | None) -> dict[str, list[int]]:
    """Return each field of a key in words, zeros for those that the packet lacks."""
    data = e.packet.data
    found = {"eth_src": words(data[6:12]), "eth_dst": words(data[0:6])}
    kind = (e.ethertype or 0).to_bytes(2, "big")
    found["eth_type"] = [raw(kind)]
    if ip is None:
        return found
    source, destination = ports(e, ip)
    traffic = data[ip.at + 1] if ip.version == 4 else (data[ip.at] & 15) << 4 | data[ip.at + 1] >> 4
    at = e.transport(ICMP, ICMPV6)
    found |= {"ip_src": words(ip.source), "ip_dst": words(ip.destination), "src_port": [source]}
    found |= {"dst_port": [destination], "ip_proto": [ip.protocol or 0], "ip_ecn": [traffic & 3]}
    found |= {"ip_dscp": [traffic >> 2], "icmp_type": [0 if at is None else data[at]]}
    return found | {"icmp_code": [0 if at is None else data[at + 1]]}


def _steer_key(e: Evaluation, key: int) -> None:
    ip = e.network
    if e.link is None or (ip is None and key & _ABOVE_LINK):
        e.drop()
        return
    found = _key_words(e, ip)
    if ip is not None and key in (_KEY3, _KEY5):
        hashed = folded(ip.source) ^ folded(ip.destination) ^ (ip.protocol or 0)
        e.steer(hashed ^ (found["src_port"][0] ^ found["dst_port"][0] if key == _KEY5 else 0))
        return

    def hashed_of(*names: str) -> int:
        return _times33([word for name in names if key >> KEYS[name] & 1 for word in found[name]])

    common = hashed_of("eth_type", "ip_proto", "ip_ecn", "ip_dscp", "icmp_type", "icmp_code")
    e.steer(
        common ^ hashed_of("eth_src", "ip_src", "src_port") ^ hashed_of("eth_dst", "ip_dst", "dst_port"),
    )


FUNCTIONS: dict[str, Act] = {
    "steer_rrobin": lambda e: e.steer(e.packet.number),
    "steer_rss": lambda e: e.steer(e.packet.rss),
    "steer_to": Evaluation.steer,
    "steer_link": _steer_link,
    "steer_local_link": _steer_local_link,
    "double_steer_mac": _double_steer_mac,
    "steer_vlan": _steer_vlan,
    "steer_p2p": _steer_p2p,
    "steer_flow": _steer_flow,
    "double_steer_ip": _double_steer_ip,
    "steer_local_ip": _steer_local_ip,
    "steer_local_net": _steer_local_net,
    "steer_field": _steer_field,
    "steer_field_symmetric": _steer_field_symmetric,
    "double_steer_field": _double_steer_field,
    "steer_key": _steer_key,
}
