# SPDX-License-Identifier: GPL-2.0-or-later
"""Bloom filters of IPv4 networks: four hashes, each of three of the address's bytes A.B.C.D."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address

from pfq.lang.interpreter.evaluation import Evaluation, Say
from pfq.lang.interpreter.predicates import ends4


def _mixed(x: int, y: int, z: int) -> int:
    return x ^ y ^ z | (y ^ z) << 8 | z << 16


def hashes(address: IPv4Address, prefix: int) -> tuple[int, ...]:
    """Return the four hashes of the network that an address is in."""
    a, b, c, d = (int(address) & ~(0xFFFFFFFF >> prefix) & 0xFFFFFFFF).to_bytes(4, "big")
    return _mixed(a, b, c), _mixed(a, b, d), _mixed(a, c, d), _mixed(b, c, d)


@lru_cache(maxsize=64)
def _table(size: int, addresses: tuple[IPv4Address, ...], prefix: int) -> frozenset[int]:
    return frozenset(hashed & (size - 1) for address in addresses for hashed in hashes(address, prefix))


def _bloom(which: str) -> Say:
    def maybe(e: Evaluation, bits: int, addresses: tuple[IPv4Address, ...], prefix: int) -> bool:
        ends = ends4(e)
        if ends is None:
            return False
        size = 1 << (bits - 1).bit_length()
        table = _table(size, addresses, prefix)
        source, destination = (_all(table, (h & (size - 1) for h in hashes(end, prefix))) for end in ends)
        return {"source": source, "destination": destination, "either": e.either(source, destination)}[which]

    return maybe


def _all(table: frozenset[int], hashed: Iterable[int]) -> bool:
    return all(each in table for each in hashed)


PREDICATES: dict[str, Say] = {
    "bloom": _bloom("either"),
    "bloom_src": _bloom("source"),
    "bloom_dst": _bloom("destination"),
}
