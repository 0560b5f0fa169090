# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of the command line that tries drivers in virtual machines: `rehearse`, with traffic or by loading alone."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omatic.errors import NotInstalled, RehearsalFailed, SeveralFailed, UsageError
from omatic.options import DriversOrAll, Jobs, Json, Kernel, KernelRoot, Offline, Source

if TYPE_CHECKING:
    from omatic.pipeline import Settings
    from omatic.sweep.loads import LoadReport


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples: pfq-omatic rehearse e1000e     pfq-omatic rehearse vmxnet3 --thorough     "
        "pfq-omatic rehearse mlx5 hv_netvsc --load-only     pfq-omatic rehearse --all --load-only"
    )(rehearse)


def rehearse(
    ctx: typer.Context,
    drivers: DriversOrAll = None,
    kernel: Kernel = None,
    source: Source = "auto",
    offline: Offline = False,
    jobs: Jobs = os.cpu_count() or 1,
    frames: Annotated[int, typer.Option(min=1, help="Frames to send through an emulated NIC.")] = 10_000,
    thorough: Annotated[bool, typer.Option("--thorough", help="Also load and unload PFQ 100 times.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Every driver that a sweep has built.")] = False,
    ethernet: Annotated[
        bool, typer.Option("--ethernet/--net", help="With --all: those of Ethernet NICs only, or all network drivers.")
    ] = False,
    load_only: Annotated[
        bool, typer.Option("--load-only", help="Send no traffic: load, with all that depends on it, and unload.")
    ] = False,
    as_json: Json = False,
    sysroot: KernelRoot = Path("/"),
) -> None:
    """Boot the kernel in a virtual machine with the accelerated driver, send it traffic, and judge."""
    from omatic.pipeline import Settings
    from omatic.sweep import loadall
    from omatic.sweep.tasks import Scope

    given = Settings(ctx.obj, kernel, source, offline, jobs, sysroot=sysroot)
    if everything == bool(drivers):
        raise UsageError("give drivers or --all, one of them", hint="pfq-omatic rehearse DRIVER..., or --all")
    if everything:
        scope = Scope.ETHERNET if ethernet else Scope.NET
        _loads(loadall.every(scope, given, traffic=not load_only), as_json=as_json)
    elif load_only:
        _loads(loadall.named(drivers or (), given), as_json=as_json)
    else:
        _traffic(drivers or (), given, frames=frames, thorough=thorough, as_json=as_json)


def _traffic(drivers: Sequence[str], given: "Settings", *, frames: int, thorough: bool, as_json: bool) -> None:
    from omatic import show, trial

    verdicts = [v for name in drivers for v in trial.run(name, given, frames=frames, thorough=thorough)[1]]
    print(json.dumps([v.to_json() for v in verdicts], indent=2) if as_json else show.verdicts(verdicts))
    failed = [verdict for verdict in verdicts if not verdict.passed]
    if failed:
        raise RehearsalFailed(
            "the rehearsal failed: " + ", ".join(verdict.driver for verdict in failed),
            hint=f"the guest's logs are in {failed[0].log}",
            details=[f"{phase.name}: {phase.detail}" for v in failed for phase in v.phases if not phase.passed],
        )


def _loads(found: "LoadReport", *, as_json: bool) -> None:
    from omatic.sweep import showloads
    from omatic.sweep.loads import Loads

    print(json.dumps(found.to_json(), indent=2) if as_json else showloads.report(found))
    failed = [result for result in found.results if not result.good]
    if not failed:
        return
    missing = [result for result in failed if result.state is Loads.MISSING]
    logs = [result.log for result in failed if result.log]
    raise SeveralFailed(
        f"{len(failed)} of {found.drivers} drivers are not shown to load as their stock modules do",
        hint=f"the guest's logs are in {logs[0]}" if logs else "pfq-omatic build --all builds what is missing",
        details=[f"{result.driver}: {'; '.join(showloads.wrong(result))}" for result in failed],
        exit_codes=[NotInstalled.exit_code if result in missing else RehearsalFailed.exit_code for result in failed],
    )
