# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares two snapshots of a guest's kernel memory and module references, taken before and after many repetitions.

A leak grows with every repetition and noise does not: an object kind fails when it grew by at least one object per
two repetitions. Module references must be exactly what they were.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_PERCPU_NOISE = 512
"""Memory per CPU, in kB, is got and given back by the chunk: a few of them are no leak."""

_SECTION = re.compile(r"^== (\w+)$", re.M)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Objects per slab cache, vmalloc areas per caller, references per module, free memory in pages, kB per CPU."""

    slabs: Mapping[str, int]
    areas: Mapping[str, int]
    references: Mapping[str, int]
    free_pages: int
    percpu: int


def least(one: Snapshot, other: Snapshot) -> Snapshot:
    """Return the smaller count of everything: what was freed late is noise, a leak is there in every snapshot."""

    def _lower(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
        return {name: min(count, b[name]) for name, count in a.items() if name in b}

    return Snapshot(
        _lower(one.slabs, other.slabs),
        _lower(one.areas, other.areas),
        other.references,
        max(one.free_pages, other.free_pages),
        min(one.percpu, other.percpu),
    )


def parse(text: str) -> Snapshot:
    """Read what the guest function `snapshot` prints."""
    parts = _SECTION.split(text)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    areas: dict[str, int] = {}
    for line in sections["vmallocinfo"].splitlines():
        words = line.split()
        if len(words) > 2:
            caller = re.sub(r"\+0x.*", "", words[2])
            areas[caller] = areas.get(caller, 0) + 1
    return Snapshot(
        {words[0]: int(words[1]) for words in _rows(sections["slabinfo"]) if words[1].isdigit()},
        areas,
        {words[0]: int(words[2]) for words in _rows(sections["modules"])},
        _free_pages(sections["zoneinfo"]),
        _percpu(sections["meminfo"]),
    )


def growth(before: Snapshot, after: Snapshot, repetitions: int) -> tuple[str, ...]:
    """Return what grew too much over that many repetitions, as lines for a person; empty if nothing did."""
    bound = max(repetitions // 2, 1)
    found = [
        f"slab {name}: {before.slabs.get(name, 0)} -> {count} objects"
        for name, count in after.slabs.items()
        if count - before.slabs.get(name, 0) >= bound
    ]
    found += [
        f"vmalloc by {caller}: {before.areas.get(caller, 0)} -> {count} areas"
        for caller, count in after.areas.items()
        if count - before.areas.get(caller, 0) >= bound or _unowned(caller, count, before)
    ]
    found += [
        f"module {name}: {count} -> {after.references.get(name, 'gone')} references"
        for name, count in before.references.items()
        if after.references.get(name) != count
    ]
    found += [f"module {name} stayed" for name in after.references if name not in before.references]
    if (lost := before.free_pages - after.free_pages) >= 32 * bound:
        found.append(f"free memory: {lost} pages less")
    if after.percpu - before.percpu >= max(_PERCPU_NOISE, 16 * bound // 1024):
        found.append(f"memory per CPU: {before.percpu} -> {after.percpu} kB")
    return tuple(found)


def _unowned(caller: str, count: int, before: Snapshot) -> bool:
    # The caller of an area that a module forgot when it was unloaded has no name any more.
    return caller.startswith("0x") and count > before.areas.get(caller, 0)


def _rows(text: str) -> list[list[str]]:
    return [words for line in text.splitlines() if len(words := line.split()) > 2]


def _percpu(meminfo: str) -> int:
    return sum(map(int, re.findall(r"^Percpu:\s+(\d+) kB$", meminfo, re.M)))


def _free_pages(zones: str) -> int:
    # Freed pages that a CPU keeps at hand are not in the zone's own number.
    return sum(map(int, re.findall(r"^\s+(?:nr_free_pages|count:)\s+(\d+)$", zones, re.M)))
