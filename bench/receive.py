# SPDX-License-Identifier: GPL-2.0-or-later
"""What does receiving a packet cost, in instructions, with PFQ and with its peers?

Every figure is the whole count, from the source that makes a frame to the reader that has read it; what is interesting
is the difference to `rx.sender`. docs/benchmarks.md explains.
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

import latest
import receive_aims
import receive_build
import receive_guest
import receive_slab
from receive_cases import CASES, Case
from receive_guest import Guest

from omatic import dirs
from omatic.dirs import Cache


def _figures(guest: Guest, cases: Sequence[Case], frames: int, taken: dict[str, list[float]]) -> None:
    for case in cases:
        for size in case.sizes:
            found = guest.figure(case, size, frames)
            said = "not there" if found.value is None else f"{found.value:10.1f}"
            print(f"{found.name:36} {said}", flush=True)
            if found.value is not None:
                taken.setdefault(found.name, []).append(round(found.value, 2))


def _slab(guest: Guest, cases: Sequence[Case], frames: int) -> None:
    for case in cases:
        for size in case.sizes:
            found = receive_slab.calls(guest, case, size, frames)
            said = ", ".join(f"{name} {count:.3f}" for name, count in found.items() if abs(count) >= 0.001)
            print(f"{case.name}.{size}: {said or 'none'}", flush=True)


def main() -> None:
    """Measure, print a table, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--runs", type=int, default=3, help="guests booted, one after the other")
    parser.add_argument("--frames", type=int, default=65536)
    parser.add_argument("--only", nargs="+", default=[""], help="figures whose names begin so")
    parser.add_argument("--slab", action="store_true", help="count calls of allocators instead; keeps no figures")
    parser.add_argument("--arguments", default="", help="more of them for the guest's kernel")
    parser.add_argument("--parameters", default="", help="of pfq, as for insmod")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", type=Path, help="where logs go and stay")
    given = parser.parse_args()
    cases = [case for case in CASES if case.name.startswith(tuple(given.only))]
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        built = receive_build.build(given.kernel, Cache(dirs.default_cache()), work, given.jobs)
        for _ in range(1 if given.slab else given.runs):
            logs = given.keep or work / "logs"
            with receive_guest.boot(built, logs, (), tuple(given.arguments.split()), given.parameters) as guest:
                if given.slab:
                    _slab(guest, cases, given.frames)
                else:
                    _figures(guest, cases, given.frames, taken)
    if given.slab:
        return
    median = {name: round(statistics.median(runs), 2) for name, runs in taken.items()}
    for aim in receive_aims.aims(median):
        print(f"{'ok' if aim.met else 'NO':3} {aim.what:70} {aim.value:8.3f} (at most {aim.most:g})")
    latest.keep([latest.Figure(name, "instructions/packet", median[name], runs) for name, runs in taken.items()])


if __name__ == "__main__":
    main()
