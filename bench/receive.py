# SPDX-License-Identifier: GPL-2.0-or-later
"""What does receiving a packet cost, in instructions, with PFQ and with its peers?

Every figure is the whole count, from the source that makes a frame to the reader that has read it; what is interesting
is the difference to `rx.sender`. docs/benchmarks.md explains.
"""

import argparse
import os
import statistics
import tempfile
from pathlib import Path

import latest
import receive_build
import receive_guest
from receive_cases import CASES

from omatic import dirs
from omatic.dirs import Cache


def main() -> None:
    """Measure, print a table, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--runs", type=int, default=3, help="guests booted, one after the other")
    parser.add_argument("--frames", type=int, default=65536)
    parser.add_argument("--only", nargs="+", default=[""], help="figures whose names begin so")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", type=Path, help="where logs go and stay")
    given = parser.parse_args()
    cases = [case for case in CASES if case.name.startswith(tuple(given.only))]
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        built = receive_build.build(given.kernel, Cache(dirs.default_cache()), work, given.jobs)
        for _ in range(given.runs):
            with receive_guest.boot(built, given.keep or work / "logs") as guest:
                for case in cases:
                    for size in case.sizes:
                        found = guest.figure(case, size, given.frames)
                        if found.value is None:
                            print(f"{found.name:36} not there", flush=True)
                        else:
                            print(f"{found.name:36} {found.value:10.1f}", flush=True)
                            taken.setdefault(found.name, []).append(round(found.value, 2))
    latest.keep(
        [latest.Figure(key, "instructions/packet", statistics.median(runs), runs) for key, runs in taken.items()]
    )


if __name__ == "__main__":
    main()
