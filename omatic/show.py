# SPDX-License-Identifier: GPL-2.0-or-later
"""Results as text for people: tables and short paragraphs, as strings; `cli` prints them."""

from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from omatic import tables
from omatic.doctor import Finding
from omatic.lab.verdict import Verdict as Rehearsed
from omatic.model import Kind, Verdict
from omatic.pipeline import Outcome, Planned
from omatic.rules import BY_CALLEE

_STYLE = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.SKIP: "dim"}


def outcome(result: Outcome) -> str:
    """Return one rebuilt module with its proofs."""
    table = tables.new("proof", "verdict", "evidence")
    for check in result.report.checks:
        verdict = Text(check.verdict.value, style=_STYLE[check.verdict])
        table.add_row(check.name, verdict, Text(str(check.evidence["summary"])))
    name = result.choice.module.name
    state = "NOT DELIVERED" if result.refusal else "accelerated by force" if result.forced else "accelerated"
    head = Text(f"{name} for {result.target.release}: {state}, from {result.source}", style="bold")
    changed = result.report.relocations_changed
    sites = len(result.plan.rewritten)
    tail = (
        f"{sites} source site{'s' * (sites != 1)} rewritten, {changed} call target{'s' * (changed != 1)} changed in "
        f"the object code\n{result.module}"
    )
    return tables.text(head, table, Text(tail))


def plan(ready: Planned) -> str:
    """Return what would be rewritten in one module, and what is left alone and why."""
    table = tables.new("place", "function", "mention", "becomes")
    for site in ready.plan.rewritten:
        kind = site.kind.value + (f" ({site.note})" if site.note else "")
        table.add_row(
            f"{site.path}:{site.line}", site.function or "-", f"{site.name}, {kind}", BY_CALLEE[site.name].twin
        )
    left = Counter(site.kind for site in ready.plan.sites if site not in ready.plan.rewritten)
    name = ready.unit.module.name
    count = len(ready.plan.rewritten)
    head = Text(f"{name}: {count} site{'s' * (count != 1)} to rewrite", style="bold")
    rest = [Text(f"left alone: {number} × {kind.value}") for kind, number in left.items()]
    shown = [
        Text(f"  {site.path}:{site.line}: {site.name}: {site.note}")
        for site in ready.plan.sites
        if site.kind in (Kind.INACTIVE, Kind.LOCAL, Kind.DECLARATION)
    ]
    return tables.text(head, table, *rest, *shown)


def verdicts(results: Sequence[Rehearsed]) -> str:
    """Return the verdicts of rehearsals."""
    parts: list[object] = []
    for result in results:
        table = tables.new("phase", "verdict", "what was seen")
        for phase in result.phases:
            verdict = Text("pass", style="green") if phase.passed else Text("FAIL", style="bold red")
            table.add_row(phase.name, verdict, Text(phase.detail))
        nic = f"emulated {result.nic}" if result.nic else "no emulated NIC"
        parts += [Text(f"{result.driver} on {result.kernel}, {nic}", style="bold"), table]
        parts.append(Text(f"{result.captured} of {result.sent} frames captured; logs in {result.log}"))
    return tables.text(*parts)


def findings(listed: Sequence[Finding]) -> str:
    """Return what the doctor found."""
    table = tables.new("", "what", "found", "what to do")
    for finding in listed:
        good, bad = Text("ok", style="green"), Text("MISSING" if finding.required else "optional", style="bold red")
        table.add_row(good if finding.ok else bad, finding.name, finding.detail, "" if finding.ok else finding.hint)
    return tables.text(table)
