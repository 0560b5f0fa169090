# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands `pfq-omatic dkms ...`: some for people, some for the kernel hook, some for dkms itself."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omatic import errors
from omatic.options import Drivers, Json

if TYPE_CHECKING:
    from omatic.life.dkms import Result

app = typer.Typer(
    help="Keep drivers accelerated through kernel upgrades, with DKMS.",
    epilog="Example: pfq-omatic dkms add ixgbe     then upgrade kernels as ever; pfq-omatic status tells how it went.",
    no_args_is_help=True,
)

_Each = Annotated[
    str | None,
    typer.Option("--kernel", "-k", help="Kernel release.", metavar="RELEASE", show_default="all installed ones"),
]
_One = Annotated[str, typer.Option("--kernel", help="Kernel release.", metavar="RELEASE", show_default=False)]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the steps; change nothing.")]
_Elsewhere = Annotated[Path, typer.Option("--sysroot", hidden=True)]
_Driver = Annotated[str, typer.Argument(help="Name as lsmod prints it.", metavar="DRIVER", show_default=False)]


def register(parent: typer.Typer) -> None:
    """Add the commands to the command line."""
    parent.add_typer(app, name="dkms")


@app.command(epilog="Examples: pfq-omatic dkms add e1000e vmxnet3     pfq-omatic dkms add mlx5 --kernel 6.1.0-56-amd64")
def add(
    ctx: typer.Context,
    drivers: Drivers,
    kernel: _Each = None,
    dry_run: _DryRun = False,
    as_json: Json = False,
    sysroot: _Elsewhere = Path("/"),
) -> None:
    """Register drivers with DKMS, and build, prove and install them for the kernels that are here."""
    from omatic.life import dkms

    _only_here("add", drivers, sysroot)
    steps, results = dkms.add(drivers, kernel, ctx.obj, dry_run=dry_run)
    if dry_run:
        _steps(steps, as_json=as_json)
    else:
        _report(results, as_json=as_json)


@app.command(epilog="Example: pfq-omatic dkms remove vmxnet3")
def remove(drivers: Drivers, dry_run: _DryRun = False, as_json: Json = False, sysroot: _Elsewhere = Path("/")) -> None:
    """Have DKMS forget drivers: the stock drivers are in charge again, for every kernel."""
    from omatic.life import dkms

    _only_here("remove", drivers, sysroot)
    steps = dkms.remove(drivers, dry_run=dry_run)
    if dry_run:
        _steps(steps, as_json=as_json)


@app.command(epilog="Example: pfq-omatic dkms retry")
def retry(kernel: _Each = None, as_json: Json = False) -> None:
    """Make what could not be made before; the timer calls this, too."""
    from omatic.life import dkms

    _report(dkms.retry(kernel), as_json=as_json)


@app.command(epilog="Example: pfq-omatic dkms prefetch --kernel 6.1.0-56-amd64")
def prefetch(ctx: typer.Context, kernel: _Each = None, as_json: Json = False) -> None:
    """Fetch the sources of registered drivers; takes no package manager's lock, so the kernel hook calls it."""
    from omatic.life import dkms

    _report(dkms.prefetch(kernel, ctx.obj), as_json=as_json)


@app.command(hidden=True)
def prepare(ctx: typer.Context, driver: _Driver, kernel: _One) -> None:
    """PRE_BUILD: prepare the sources of that kernel in dkms's build folder, which is the current one."""
    from omatic.life import dkms, dkmsbuild
    from omatic.life.system import System

    with dkms.scripted(System()):
        dkmsbuild.prepare(System(), driver, kernel, ctx.obj, Path.cwd())


@app.command(hidden=True)
def build(ctx: typer.Context, driver: _Driver, kernel: _One) -> None:
    """MAKE: build and prove what was prepared."""
    from omatic.life import dkms, dkmsbuild
    from omatic.life.system import System

    with dkms.scripted(System()):
        dkmsbuild.build(System(), driver, kernel, ctx.obj, Path.cwd())


@app.command(hidden=True)
def installing(driver: _Driver, kernel: _One) -> None:
    """PRE_INSTALL: have dkms leave the stock module where it is."""
    from omatic.life import dkms, dkmsbuild
    from omatic.life.system import System

    with dkms.scripted(System()):
        dkmsbuild.installing(System(), driver, kernel)


@app.command(hidden=True)
def installed(driver: _Driver, kernel: _One) -> None:
    """POST_INSTALL: write the receipt."""
    from omatic.life import dkms, dkmsbuild
    from omatic.life.system import System

    with dkms.scripted(System()):
        dkmsbuild.installed(System(), driver, kernel)


@app.command(hidden=True)
def removed() -> None:
    """POST_REMOVE: drop the receipts of what has gone."""
    from omatic.life import dkms, dkmsbuild
    from omatic.life.system import System

    with dkms.scripted(System()):
        dkmsbuild.removed(System())


def _only_here(command: str, drivers: Sequence[str], sysroot: Path) -> None:
    if sysroot != Path("/"):
        raise errors.UsageError(
            f"DKMS serves the system that it runs in, not one below {sysroot}",
            hint=f"chroot {sysroot} pfq-omatic dkms {command} {' '.join(drivers)}, or pfq-omatic install --sysroot",
        )


def _steps(steps: Sequence[str], *, as_json: bool) -> None:
    print(json.dumps(list(steps), indent=2) if as_json else "\n".join(steps))


def _report(results: "Sequence[Result]", *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([result.to_json() for result in results], indent=2))
    else:
        for result in results:
            print(f"{result.driver:16} {result.release:28} {result.record.result:8} {result.record.why}")
    failed = [result for result in results if result.record.result == "failed"]
    if failed:
        raise errors.DkmsFailed(
            "the stock driver stays in charge: " + ", ".join(f"{each.driver} on {each.release}" for each in failed),
            hint=failed[0].record.hint,
            details=[f"{each.driver} on {each.release}: {each.record.why}" for each in failed],
        )
