# SPDX-License-Identifier: GPL-2.0-or-later
"""How long does `build DRIVER` take (vanilla, accelerated, all proofs), against a plain make of the vanilla driver?

The plain make has a copy of the very tree that we build, so both compile the same files by the same Makefile. Ours
starts with the sources, the core, and what is learnt once per kernel; nothing of the driver is at hand.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import measure
from measure import Result, Way

from omatic import dirs, kbuild, kernel, proc
from omatic.dirs import Cache

COMMAND = Path(sys.executable).with_name("pfq-omatic")
DRIVERS = ("e1000e", "igb", "ixgbe", "i40e", "bnx2x")
LONG, MIDDLE = (15.0, 1.35), (8.0, 1.7)
"""Seconds of the plain make from which on a ratio is wanted."""


def target(seconds: float) -> float | None:
    """Return what `build` should take at most, as a multiple of a plain make that takes so long."""
    return next((ratio for least, ratio in (LONG, MIDDLE) if seconds >= least), None)


def compare(driver: str, release: str, runs: int, jobs: int, shared: Cache) -> list[Result]:
    """Return what both take for one driver."""
    with tempfile.TemporaryDirectory(dir=shared.root) as name:
        cache, plain = Path(name, "cache"), Path(name, "plain")
        for part in ("downloads", "sources", "stock", "core"):
            (shared.root / part).mkdir(exist_ok=True)
            cache.mkdir(exist_ok=True)
            (cache / part).symlink_to(shared.root / part)
        command = [COMMAND, "--quiet", "--cache-dir", cache, "build", driver, "--kernel", release]
        command += ["--json", f"--jobs={jobs}"]

        def build() -> None:
            (outcome,) = json.loads(proc.run(command).stdout)
            assert outcome["refused"] is None and outcome["state"] == "built", outcome["refused"]

        def forget() -> None:
            shutil.rmtree(cache / "work", ignore_errors=True)
            for pattern in ("scan-*", "commands-*"):
                for file in (cache / "flags").glob(pattern):
                    file.unlink()

        build()
        (tree,) = (cache / "work").glob(f"*/{driver}/tree")

        def fresh() -> None:
            shutil.rmtree(plain, ignore_errors=True)
            proc.run(["git", "clone", "--quiet", "--branch", "vanilla", vanilla, plain])

        # A repository of its own: the work tree is made anew for every run.
        vanilla = Path(name, "vanilla.git")
        proc.run(["git", "clone", "--quiet", "--bare", tree, vanilla])
        make = [*kbuild.arguments(kernel.discover(release), plain), f"-j{jobs}", "modules"]
        taken = measure.interleave(
            [Way("plain make", lambda: proc.run(make), fresh), Way("build and prove", build, forget)], runs
        )
    wanted = target(statistics.median(wall for wall, _ in taken["plain make"]))
    targets = {} if wanted is None else {"build and prove": wanted}
    return measure.results(driver, taken, "plain make", targets)


def main() -> None:
    """Measure, print a table, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--drivers", nargs="+", default=DRIVERS)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    shared = Cache(dirs.default_cache().resolve())
    found = [one for driver in given.drivers for one in compare(driver, given.kernel, given.runs, given.jobs, shared)]
    measure.keep("building", found, kernel=given.kernel, jobs=given.jobs)


if __name__ == "__main__":
    main()
