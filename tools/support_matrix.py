# SPDX-License-Identifier: GPL-2.0-or-later
"""Write docs/support-matrix.md from the reports of sweeps: driver by kernel, with sites, call targets and proofs.

    tools/support_matrix.py OUTPUT REPORT... [--loads REPORT...] [--rehearsals FILE...]

A report is what `build --all --json` prints (and keeps in the cache's sweeps/); where two are of one kernel, a driver's
later one counts. One of loads is what `rehearse --all --json` prints (and keeps there, too); it counts where it is of
the very module that the other report speaks of. A file of rehearsals is what `rehearse DRIVER --json` prints.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from omatic.sweep.loads import Loaded, LoadReport, Loads
from omatic.sweep.result import Report, Result, State

Table = dict[str, dict[str, Result]]
"""Results by in-tree path of the module, then by kernel."""

Tried = Mapping[tuple[str, str], Loaded]
"""How a driver loads, by in-tree path of the module and kernel."""

HEAD = """\
# Support matrix

Every driver below `drivers/net` whose stock module imports a delivery function, as `pfq-omatic build --all` found it:
made by `tools/support_matrix.py` from the reports of sweeps ([sweeps.md](sweeps.md)). A cell says how many source sites
were rewritten, how many call targets changed in the object code, and how many of the [proofs](proofs.md) pass; one
that has nothing to prove (`abi` of a module that exports nothing) is left out. What the proofs mean and what they do
not is told in [rewrite-limits.md](rewrite-limits.md).

*Loads* says whether the module goes in and out of a virtual machine of that kernel as the stock module does, with all
that it needs and all that needs it, as `pfq-omatic rehearse --all` found it; in brackets, what the stock module answers
other than 0 in the same machine. *Traffic* names the emulated NIC that it captured every frame of.
"""


def collect(reports: Iterable[Report]) -> tuple[Table, tuple[str, ...]]:
    """Return all results, and the kernels in the order in which they were given."""
    table: Table = {}
    kernels: dict[str, None] = {}
    for report in reports:
        kernels[report.kernel] = None
        for result in report.results:
            table.setdefault(result.intree, {})[report.kernel] = result
    return table, tuple(kernels)


def cell(result: Result | None) -> str:
    """Return what became of building one driver for one kernel."""
    if result is None:
        return ""
    if result.state is not State.BUILT:
        return _escaped(f"**{result.state.value}**: {result.reason}")
    sites = sum(result.sites.values())
    passed = sum(verdict == "pass" for verdict in result.checks.values())
    tested = sum(verdict != "skip" for verdict in result.checks.values())
    return f"{sites} → {result.relocations}, {passed} of {tested}"


def loads(loaded: Loaded | None) -> str:
    """Return how one driver loads."""
    if loaded is None or loaded.state is Loads.MISSING:
        return ""
    if loaded.state is Loads.DIFFERS:
        return _escaped(f"**differs**: {'; '.join(loaded.differences)}")
    shown = ", ".join(loaded.answers[:SHOWN]) + (", ..." if len(loaded.answers) > SHOWN else "")
    return _escaped(f"as stock ({shown})" if loaded.answers else "as stock")


def traffic(loaded: Loaded | None, rehearsed: bool | None) -> str:
    """Return what became of one driver's rehearsal."""
    verdicts = loaded.traffic if loaded else ()
    if rehearsed is False or any(not verdict["passed"] for verdict in verdicts):
        return "**failed**"
    listed = ", ".join(f"{verdict['nic'] or verdict['driver']}: {verdict['captured']} frames" for verdict in verdicts)
    return listed or ("rehearsed" if rehearsed else "")


SHOWN = 3
"""How many of the answers other than 0 fit into a cell."""


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def trials(reports: Sequence[Report], found: Iterable[LoadReport]) -> Tried:
    """Return how each driver loads; a result of another build of the module does not count."""
    digests = {(r.intree, report.kernel): r.sha256 for report in reports for r in report.results}
    return {
        (loaded.intree, report.kernel): loaded
        for report in found
        for loaded in report.results
        if loaded.sha256 and digests.get((loaded.intree, report.kernel)) == loaded.sha256
    }


def write(
    reports: Sequence[Report], rehearsed: Mapping[tuple[str, str], bool], loaded: Sequence[LoadReport] = ()
) -> str:
    """Return the whole page."""
    table, kernels = collect(reports)
    tried = trials(reports, loaded)
    virtual = {kernel for _, kernel in (*tried, *rehearsed)}
    columns = [name for kernel in kernels for name in (kernel, *(("loads", "traffic") if kernel in virtual else ()))]
    lines = [HEAD, "| kernel | package | compiler | drivers | " + " | ".join(s.value for s in State) + " |"]
    lines.append("|---" * (4 + len(State)) + "|")
    for kernel in kernels:
        found = [row[kernel] for row in table.values() if kernel in row]
        total = max(report.drivers for report in reports if report.kernel == kernel)
        number = str(total) if len(found) == total else f"{len(found)} of {total}, the rest is not swept yet"
        about = next(report.about for report in reports if report.kernel == kernel)
        counts = Counter(result.state for result in found)
        numbers = " | ".join(str(counts[state]) for state in State)
        lines.append(f"| {kernel} | {about['package']} | {about['compiler']} | {number} | {numbers} |")
    for folder, paths in groupby(sorted(table, key=lambda path: (_folder(path), path)), key=_folder):
        lines += ["", f"## {folder}", ""]
        lines += [f"| driver | calls | {' | '.join(columns)} |", "|---" * (2 + len(columns)) + "|"]
        for path in paths:
            row = table[path]
            driver = next(iter(row.values())).driver
            calls = sorted({symbol for result in row.values() for symbol in result.symbols})
            cells = []
            for kernel in kernels:
                cells.append(cell(row.get(kernel)))
                if kernel in virtual:
                    one = tried.get((path, kernel))
                    cells += [loads(one), traffic(one, rehearsed.get((driver, kernel)))]
            lines.append(f"| {driver} | {', '.join(calls)} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *_stock(tried), *_through(reports), *_opinions(reports)]) + "\n"


def _folder(path: str) -> str:
    return "/".join(Path(path).parts[:-1][:3])


def _stock(tried: Tried) -> list[str]:
    listed = [(loaded.driver, kernel, loaded) for (_, kernel), loaded in tried.items() if loaded.state is Loads.ALIKE]
    answers = [f"| {driver} | {kernel} | {text} |" for driver, kernel, one in listed for text in one.answers]
    said = [f"| {driver} | {kernel} | `{_escaped(text)}` |" for driver, kernel, one in listed for text in one.said]
    lines = [] if not listed else ["## What the stock modules answer and say", ""]
    if answers:
        lines += ["Insertions and removals that answer something other than 0, with the accelerated module as with the"]
        lines += ["stock module in the same virtual machine:", "", "| driver | kernel | answer |", "|---|---|---|"]
        lines += [*sorted(answers), ""]
    if said:
        lines += ["Warnings in the kernel log that both cause:", "", "| driver | kernel | line |", "|---|---|---|"]
        lines += [*sorted(said), ""]
    return lines


def _through(reports: Sequence[Report]) -> list[str]:
    lines = ["## Drivers that deliver through another module", ""]
    lines.append("They call no delivery function themselves; what they hand their packets to does.")
    for report in reports:
        by: dict[str, list[str]] = {}
        for each in report.through:
            deliverers = each["through"]
            assert isinstance(deliverers, list)
            by.setdefault(" and ".join(deliverers), []).append(str(each["driver"]))
        if by:
            lines += ["", f"On {report.kernel} ({report.scope}):", "", "| through | drivers |", "|---|---|"]
            lines += [f"| {name} | {', '.join(drivers)} |" for name, drivers in sorted(by.items())]
        if aside := [f"{result.driver} ({', '.join(result.aside)})" for result in report.results if result.aside]:
            lines += [
                "",
                f"Beside calls of their own, these hand packets to functions of the kernel: {', '.join(aside)}.",
            ]
    return [*lines, ""]


def _opinions(reports: Sequence[Report]) -> list[str]:
    lines = ["## Second opinions", "", "Where the text, Coccinelle and the object code differ from the plan, and why:"]
    for report in reports:
        classes = Counter((d.opinion, d.kind, d.explained) for result in report.results for d in result.disagreements)
        lines += ["", f"On {report.kernel} ({report.scope}):", "", "| opinion | class | times |", "|---|---|---|"]
        for (opinion, kind, explained), count in sorted(classes.items()):
            lines.append(f"| {opinion} | {kind if explained else f'**unexplained**: {kind}'} | {count} |")
    return lines


def main() -> None:
    """Read the reports, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("reports", type=Path, nargs="+")
    parser.add_argument("--loads", type=Path, nargs="*", default=[])
    parser.add_argument("--rehearsals", type=Path, nargs="*", default=[])
    given = parser.parse_args()
    reports = [Report.from_json(json.loads(path.read_text())) for path in given.reports]
    verdicts = [verdict for path in given.rehearsals for verdict in json.loads(path.read_text())]
    rehearsed = {(verdict["driver"], verdict["kernel"]): bool(verdict["passed"]) for verdict in verdicts}
    loaded = [LoadReport.from_json(json.loads(path.read_text())) for path in given.loads]
    given.output.write_text(write(reports, rehearsed, loaded))


if __name__ == "__main__":
    main()
