# SPDX-License-Identifier: GPL-2.0-or-later
"""The whole product in one run: build, prove, boot, replay, capture, and one screen at the end.

Run by `make demo`. Uses nothing that users do not have: the package's own functions.
"""

import argparse
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table

from omatic import clients, core, dirs, log, pipeline, unit
from omatic.dirs import Cache
from omatic.errors import OmaticError
from omatic.lab import frames, machine, pcap
from omatic.lab.rehearse import Rehearsal, Verdict, rehearse
from omatic.pipeline import Outcome, Settings

SHOWN, OTHER = "e1000e", "ixgbe"
FRAMES = 5000


def build(settings: Settings) -> list[Outcome]:
    """Build and prove both drivers."""
    print(f"1. Building accelerated {SHOWN} and {OTHER} for {settings.kernel}, and proving them", file=sys.stderr)
    return list(pipeline.build([SHOWN, OTHER], settings))


def replay(settings: Settings, outcome: Outcome) -> tuple[Verdict, Path]:
    """Make a capture file, and boot the kernel with the accelerated driver to replay it."""
    folder = settings.cache.root / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "traffic.pcap"
    print(f"2. Making {file.name}: {FRAMES} frames of 60 to 1514 bytes, IPv4, IPv6, VLAN-tagged", file=sys.stderr)
    file.write_bytes(pcap.write(frames.frames(FRAMES, machine.address(0))))
    print("3. Booting the kernel in QEMU with the accelerated driver and PFQ, and replaying the file", file=sys.stderr)
    chosen = pipeline.select([SHOWN], settings)
    assert chosen.stock.image is not None
    modules = core.build(chosen.target, settings.cache, settings.jobs)
    verdict = rehearse(
        Rehearsal(
            driver=SHOWN,
            kernel=chosen.stock.image,
            modules=chosen.stock.modules,
            work=folder / "vm",
            replacements={SHOWN: outcome.module},
            hook=modules.hook,
            core=modules.core,
            capture=clients.capture(settings.cache),
            replay=file,
        )
    )
    return verdict, file


def proofs(outcomes: list[Outcome]) -> Table:
    """Return the proofs of all modules side by side."""
    table = Table(title="Proofs, made on the object code", title_justify="left")
    table.add_column("proof")
    for outcome in outcomes:
        table.add_column(outcome.choice.module.name)
    table.add_column("claim")
    claims = {
        "provenance": "these sources rebuild the distribution's very module",
        "minimality": "nothing but the planned calls changed",
        "twin": "the stock module with renamed imports has the same code",
        "completeness": "no packet bypasses PFQ",
        "abi": "modules that depend on this one still load",
        "identity": "same devices, parameters and firmware to the system",
        "imports": "every symbol that it needs is there",
    }
    for at, (name, claim) in enumerate(claims.items()):
        verdicts = (outcome.report.checks[at].verdict.value for outcome in outcomes)
        table.add_row(name, *("-" if verdict == "skip" else verdict for verdict in verdicts), claim)
    counts = (f"{o.report.relocations_changed} of {_relocations(o)}" for o in outcomes)
    table.add_row("calls changed", *counts, "call targets in the object code")
    return table


def _relocations(outcome: Outcome) -> object:
    return outcome.report.checks[0].evidence["relocations"]


def screen(console: Console, settings: Settings, outcomes: list[Outcome], verdict: Verdict, file: Path) -> None:
    """Show the one screen that a newcomer sees at the end."""
    tree = unit.WorkTree.open(settings.cache.work(outcomes[0].target.release, SHOWN) / "tree")
    assert tree is not None
    console.rule("[bold]pfq-omatic")
    console.print(f"kernel   {outcomes[0].target.release}, sources {outcomes[0].source}")
    console.print(f"driver   {outcomes[0].module}")
    change = Syntax(_hunk(tree.diff("vanilla", "accelerated", ["*.c", ":!*-pfq.c"])), "diff", word_wrap=True)
    console.print(Panel(change, title="the whole change to the driver", title_align="left"))
    console.print(proofs(outcomes))
    for phase in verdict.phases:
        mark = "[green]ok[/]  " if phase.passed else "[bold red]FAIL[/]"
        console.print(f"{mark} {phase.name}: {phase.detail}", highlight=False)
    console.print(
        f"[bold]{verdict.captured} of {verdict.sent} frames[/] sent from {file.name} through the accelerated {SHOWN} "
        "were captured by pfq-capture, byte for byte."
        if verdict.passed
        else f"[bold red]{verdict.captured} of {verdict.sent} frames captured; logs in {verdict.log}"
    )
    console.print(f"Next: .venv/bin/pfq-omatic list-supported --kernel {outcomes[0].target.release}", highlight=False)


def _hunk(diff: str) -> str:
    return "\n".join(line for line in diff.splitlines() if not line.startswith(("diff ", "index ")))


def main() -> int:
    """Run the demo; 0 if every frame came through and every proof holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernel", required=True)
    given = parser.parse_args()
    settings = Settings(Cache(dirs.default_cache()), kernel=given.kernel, jobs=os.cpu_count() or 1)
    try:
        outcomes = build(settings)
        verdict, file = replay(settings, outcomes[0])
    except OmaticError as error:
        print(f"demo: {error.message}", *error.details, f"hint: {error.hint}", sep="\n    ", file=sys.stderr)
        return error.exit_code
    screen(Console(width=None if sys.stdout.isatty() else 110), settings, outcomes, verdict, file)
    good = verdict.passed and verdict.sent > 0 and all(outcome.refusal is None for outcome in outcomes)
    log.debug(f"demo: {'good' if good else 'bad'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
