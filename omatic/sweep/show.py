# SPDX-License-Identifier: GPL-2.0-or-later
"""A sweep's report as text for people."""

from collections import Counter

from rich.text import Text

from omatic import tables
from omatic.sweep.result import Report, Result, State

_STYLE = {State.BUILT: "green", State.UNPROVEN: "bold red", State.REFUSED: "bold red", State.FAILED: "bold red"}


def report(found: Report) -> str:
    """Return the table of all drivers, then what was not built and why, and what delivers through others."""
    table = tables.new("driver", "state", "sites", "call targets", "proofs", "seconds")
    for result in sorted(found.results, key=lambda result: result.intree):
        sites = ", ".join(f"{count} {kind}" for kind, count in result.sites.items())
        state = Text(result.state.value, style=_STYLE[result.state])
        seconds = f"{result.seconds:.0f}" if result.fresh else ""
        table.add_row(result.driver, state, sites, str(result.relocations or ""), _proofs(result), seconds)
    wrong = [result for result in found.results if result.state is not State.BUILT]
    reasons = [
        Text("\n".join((f"{r.driver}: {r.state.value}: {r.reason}", *(f"    {line}" for line in r.details[:5]))))
        for r in wrong
    ]
    return tables.text(table, *reasons, *_through(found), *_opinions(found), Text(_summary(found), style="bold"))


def _proofs(result: Result) -> str:
    passed = sum(verdict == "pass" for verdict in result.checks.values())
    if result.failed_checks:
        return f"failed: {', '.join(result.failed_checks)}"
    return f"{passed} pass" if result.checks else ""


def _through(found: Report) -> list[Text]:
    by: dict[str, list[str]] = {}
    for each in found.through:
        by.setdefault(", ".join(_names(each["through"])), []).append(str(each["driver"]))
    listed = [Text(f"through {deliverer}: {', '.join(names)}") for deliverer, names in sorted(by.items())]
    aside = [Text(f"{r.driver} also hands packets to {', '.join(r.aside)}") for r in found.results if r.aside]
    return [*listed, *aside]


def _names(listed: object) -> list[str]:
    return [str(name) for name in listed] if isinstance(listed, list) else []


def _opinions(found: Report) -> list[Text]:
    classes = Counter((d.opinion, d.kind, d.explained) for result in found.results for d in result.disagreements)
    return [
        Text(f"{opinion}: {count} × {kind}{'' if explained else ' (UNEXPLAINED)'}")
        for (opinion, kind, explained), count in sorted(classes.items())
    ]


def _summary(found: Report) -> str:
    parts = [f"{count} {state}" for state, count in found.counts.items() if count]
    if doubtful := [r.driver for r in found.results if r.state is State.BUILT and r.failed_checks]:
        parts.append(f"with proofs that fail: {', '.join(doubtful)}")
    return f"{found.drivers} drivers of {found.kernel}: {', '.join(parts)}"
