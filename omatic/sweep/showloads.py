# SPDX-License-Identifier: GPL-2.0-or-later
"""What loading every driver found out, as text for people."""

from rich.text import Text

from omatic import tables
from omatic.sweep.loads import Loaded, LoadReport, Loads

_STYLE = {Loads.ALIKE: "green", Loads.DIFFERS: "bold red", Loads.MISSING: "yellow"}


def report(found: LoadReport) -> str:
    """Return the table of all drivers, then what is wrong, then what the stock modules themselves answer and say."""
    table = tables.new("driver", "loads", "with it", "needed by", "traffic")
    for result in sorted(found.results, key=lambda result: result.intree):
        loads = Text(result.state.value, style=_STYLE[result.state])
        together = str(len(result.modules) - 1) if result.modules else ""
        table.add_row(result.driver, loads, together, " ".join(result.dependents), _traffic(result))
    bad = [Text(f"{r.driver}: {'; '.join(wrong(r))}") for r in found.results if not r.good and r.modules]
    return tables.text(table, *bad, *_stock(found), Text(_summary(found), style="bold"))


def wrong(result: Loaded) -> list[str]:
    """Return what is wrong with a driver."""
    failed = [f"rehearsal of {verdict['driver']} failed" for verdict in result.traffic if not verdict["passed"]]
    return [*result.differences, *failed]


def _traffic(result: Loaded) -> str:
    return ", ".join(
        f"{verdict['captured']} of {verdict['sent']} frames" if verdict["passed"] else "FAILED"
        for verdict in result.traffic
    )


def _stock(found: LoadReport) -> list[Text]:
    answers = [Text(f"{r.driver}: {', '.join(r.answers)}") for r in found.results if r.answers]
    said = [Text(f"{r.driver}: {text}") for r in found.results for text in r.said]
    lines = [Text(f"{r.driver}: {text}") for r in found.results for text in r.lines]
    parts = (
        ("Answers other than 0, which the stock module gives as well:", answers),
        ("Warnings in the kernel log that the stock module causes as well:", said),
        ("Lines in the kernel log that the accelerated module alone causes, none of them a warning:", lines),
    )
    return [text for title, listed in parts if listed for text in (Text(title, style="bold"), *listed)]


def _summary(found: LoadReport) -> str:
    parts = [f"{count} {state}" for state, count in found.counts.items() if count]
    return f"{found.drivers} drivers of {found.kernel}: {', '.join(parts)}"
