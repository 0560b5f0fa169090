# SPDX-License-Identifier: GPL-2.0-or-later
"""Which readers of a group get a packet: what the kernel makes of a verdict.

The eligible readers are those of a class that the verdict names, by ascending number, each as often as its weight says.
A hash is mixed, folded to the length of that list, and the reader there is chosen.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pfq.lang.interpreter.packet import Fanout, Verdict

_BITS = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Reader:
    """A member of a group: its socket's number, its weight (1 to 8), and its classes as a set of bits."""

    number: int
    weight: int = 1
    classes: int = 1


def mix(hashed: int) -> int:
    """Spread a hash over all of its 32 bits."""
    hashed = ((hashed ^ 0xDEADBEEF) + (hashed << 4)) & _BITS
    hashed ^= hashed >> 10
    hashed = (hashed + (hashed << 7)) & _BITS
    return hashed ^ hashed >> 13


def fold(mixed: int, count: int) -> int:
    """Return a number below a count: by the lowest bits where they will do, else by the remainder."""
    if count == 3 or 5 <= count <= 7:
        return mixed % count
    low = mixed & ((1 << (count - 1).bit_length()) - 1)
    return low if low < count else mixed % count


def chosen(verdict: Verdict, readers: Iterable[Reader]) -> frozenset[int]:
    """Return the numbers of the readers that get a packet."""
    eligible = sorted((r for r in readers if r.classes & verdict.class_mask), key=lambda r: r.number)
    if verdict.type is Fanout.DROP or not eligible:
        return frozenset()
    if verdict.type is Fanout.COPY:
        return frozenset(reader.number for reader in eligible)
    places = [reader.number for reader in eligible for _ in range(reader.weight)]
    hashes = (verdict.hash, verdict.hash2) if verdict.type is Fanout.DOUBLE else (verdict.hash,)
    return frozenset(places[fold(mix(hashed), len(places))] for hashed in hashes)
