# SPDX-License-Identifier: GPL-2.0-or-later
"""How long does planning a driver take, against spatch on the same folder? Interleaved runs, medians, ratios.

`cached` has sources, compile flags and scans at hand; `flags cached` parses anew; `cold` has the sources alone. Seconds
are for scale: only ratios within one run mean anything on a shared machine.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from omatic import dirs, proc

HERE = Path(__file__).resolve().parent
COMMAND = Path(sys.executable).with_name("pfq-omatic")
CLOCKS = ("spatch", "cold", "flags cached", "cached")


def timed(action: Callable[[], object]) -> float:
    """Return how many seconds an action took."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def measure(driver: str, release: str, runs: int) -> dict[str, list[float]]:
    """Return the seconds of each run of each way."""
    shared = dirs.default_cache()
    plan = [COMMAND, "--quiet", "plan", driver, "--kernel", release, "--offline", "--json"]
    (planned,) = json.loads(proc.run([COMMAND, "--quiet", "plan", driver, "--kernel", release, "--json"]).stdout)
    site = planned["edits"][0]["path"]
    folder = next(path for path in (shared / "sources").glob(f"*/tree/{site}")).parent
    taken: dict[str, list[float]] = {clock: [] for clock in CLOCKS}
    with tempfile.TemporaryDirectory() as name:
        cache = Path(name)
        for part in ("downloads", "sources", "stock"):
            if (shared / part).is_dir():
                (cache / part).symlink_to(shared / part)
        env = {"PFQ_OMATIC_CACHE": str(cache)}
        proc.run(plan, env=env)
        spatch = ["spatch", "--very-quiet", "--sp-file", HERE / "delivery.cocci", "--dir", folder]
        for _ in range(runs):
            taken["spatch"].append(timed(lambda: proc.run(spatch)))
            shutil.rmtree(cache / "flags")
            taken["cold"].append(timed(lambda: proc.run(plan, env=env)))
            for file in (cache / "flags").glob("scan-*"):
                file.unlink()
            taken["flags cached"].append(timed(lambda: proc.run(plan, env=env)))
            taken["cached"].append(timed(lambda: proc.run(plan, env=env)))
    return taken


def main() -> None:
    """Measure, print a table, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--driver", default="ixgbe")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    taken = measure(given.driver, given.kernel, given.runs)
    base = statistics.median(taken["spatch"])
    results = []
    for clock in CLOCKS:
        median = statistics.median(taken[clock])
        print(f"{given.driver}: {clock:13} {median:6.2f} s   {median / base:5.2f} of spatch")
        name = f"plan.{given.driver}.{clock.replace(' ', '_')}"
        results.append({"name": name, "unit": "s", "value": round(median, 3), "runs": taken[clock]})
    out = HERE / "results" / "planning.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
