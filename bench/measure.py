# SPDX-License-Identifier: GPL-2.0-or-later
"""Interleaved runs of several ways to do the same, and what they took.

Seconds are for scale: only ratios within one run mean anything, and those by the wall clock only on a machine that does
nothing else. CPU time, of a command and all that it starts, is kept beside it and is sound on a shared machine, too.
"""

import json
import os
import resource
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True, slots=True)
class Way:
    """One of the ways: what is undone before it is timed, and what is timed."""

    name: str
    action: Callable[[], object]
    before: Callable[[], object] = lambda: None


@dataclass(frozen=True, slots=True)
class Result:
    """What one way took, in seconds, against the reference, and what we want it to take at most."""

    subject: str
    way: str
    wall: float
    cpu: float
    ratio: float
    cpu_ratio: float
    target: float | None
    runs: Sequence[tuple[float, float]]


def interleave(ways: Sequence[Way], runs: int) -> dict[str, list[tuple[float, float]]]:
    """Return wall clock and CPU seconds of each run of each way; all ways take turns."""
    taken: dict[str, list[tuple[float, float]]] = {way.name: [] for way in ways}
    for _ in range(runs):
        for way in ways:
            way.before()
            taken[way.name].append(_timed(way.action))
    return taken


def _timed(action: Callable[[], object]) -> tuple[float, float]:
    start, used = time.perf_counter(), _cpu()
    action()
    return round(time.perf_counter() - start, 3), round(_cpu() - used, 3)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def results(
    subject: str, taken: Mapping[str, Sequence[tuple[float, float]]], reference: str, targets: Mapping[str, float]
) -> list[Result]:
    """Return the medians, and what they are of the reference's."""
    median = {
        name: tuple(statistics.median(run[clock] for run in listed) for clock in (0, 1))
        for name, listed in taken.items()
    }
    return [
        Result(
            subject=subject,
            way=name,
            wall=round(wall, 3),
            cpu=round(cpu, 3),
            ratio=round(wall / median[reference][0], 3),
            cpu_ratio=round(cpu / median[reference][1], 3),
            target=targets.get(name),
            runs=taken[name],
        )
        for name, (wall, cpu) in median.items()
    ]


def keep(name: str, found: Sequence[Result], **about: object) -> None:
    """Print a table and keep the figures in results/NAME.json."""
    for one in found:
        target = f"   (at most {one.target:.2f})" if one.target is not None else ""
        print(
            f"{one.subject:10} {one.way:22} {one.wall:8.2f} s  {one.ratio:5.2f}{target:17}"
            f"  CPU {one.cpu:8.2f} s  {one.cpu_ratio:5.2f}"
        )
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"about": {"cpus": os.cpu_count(), **about}, "results": [asdict(one) for one in found]}, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n")
