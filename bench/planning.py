# SPDX-License-Identifier: GPL-2.0-or-later
"""How long does planning drivers take, against spatch on the same folders with as many processes?

By default all Ethernet drivers of the kernel in one run. `cold` has the sources alone; `flags cached` parses anew;
`cached` has compile flags and scans at hand.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import measure
from measure import Way

from omatic import dirs, kernel, pipeline, proc
from omatic.dirs import Cache
from omatic.sweep import tasks
from omatic.sweep.tasks import Scope

HERE = Path(__file__).resolve().parent
COMMAND = Path(sys.executable).with_name("pfq-omatic")
TARGETS = {"cold": 1.25, "cached": 0.5}


def ethernet(release: str, cache: Cache) -> list[str]:
    """Return every Ethernet driver of a kernel that delivers packets."""
    settings = pipeline.Settings(cache, release)
    stock = pipeline.stock_kernel(kernel.discover(release), settings)
    return [task.module.name for task in tasks.tasks(stock, Scope.ETHERNET)]


def folders(drivers: Sequence[str], release: str, cache: Cache) -> list[Path]:
    """Return the folders that hold the drivers' sources, fetched; none is below another."""
    chosen = pipeline.select(drivers, pipeline.Settings(cache, release))
    found = {chosen.sources.root / choice.module.folder for choice in chosen.choices}
    return sorted(one for one in found if not found & set(one.parents))


def ways(drivers: Sequence[str], release: str, shared: Cache, cache: Path, jobs: int) -> list[Way]:
    """Return the ways to plan, in an order in which each finds what it needs."""
    for part in ("downloads", "sources", "stock"):
        if (shared.root / part).is_dir():
            (cache / part).symlink_to(shared.root / part)
    (cache / "flags").mkdir()
    ours = [COMMAND, "--quiet", "--cache-dir", cache, "plan", *drivers, "--kernel", release]
    ours += ["--offline", "--json", f"--jobs={jobs}"]

    def forget(pattern: str) -> None:
        for file in (cache / "flags").glob(pattern):
            file.unlink()

    searched = folders(drivers, release, shared)

    def spatch() -> None:
        for folder in searched:
            argv = ["spatch", "--very-quiet", "-j", str(jobs), "--sp-file", HERE / "delivery.cocci", "--dir", folder]
            proc.run(argv)

    def plan() -> None:
        proc.run(ours)

    return [
        Way("spatch", spatch),
        Way("cold", plan, lambda: forget("*")),
        Way("flags cached", plan, lambda: forget("scan-*")),
        Way("cached", plan),
    ]


def main() -> None:
    """Measure, print a table, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--drivers", nargs="+", help="instead of all Ethernet drivers")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    shared = Cache(dirs.default_cache())
    drivers = given.drivers or ethernet(given.kernel, shared)
    with tempfile.TemporaryDirectory() as name:
        taken = measure.interleave(ways(drivers, given.kernel, shared, Path(name), given.jobs), given.runs)
    subject = " ".join(drivers) if len(drivers) < 3 else f"{len(drivers)} drivers"
    found = measure.results(subject, taken, "spatch", TARGETS)
    measure.keep("planning", found, kernel=given.kernel, drivers=drivers, jobs=given.jobs)


if __name__ == "__main__":
    main()
