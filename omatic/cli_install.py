# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands that put drivers on the machine, take them away, and tell how things are."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from omatic.errors import UsageError
from omatic.options import Drivers, DryRun, Force, Jobs, Json, Kernel, Offline, SignCert, SignKey, Source, Sysroot

AllKernels = Annotated[bool, typer.Option("--all-kernels", help="Every installed kernel instead of one.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(
        epilog="Examples: pfq-omatic install ixgbe     pfq-omatic install igb e1000e --all-kernels     "
        "pfq-omatic install igb --dry-run"
    )(install)
    app.command(epilog="Examples: pfq-omatic uninstall ixgbe     pfq-omatic uninstall igb --all-kernels")(uninstall)
    app.command(epilog="Examples: pfq-omatic status     pfq-omatic status --json; echo $?")(status)


def install(
    ctx: typer.Context,
    drivers: Drivers,
    kernel: Kernel = None,
    all_kernels: AllKernels = False,
    source: Source = "auto",
    offline: Offline = False,
    jobs: Jobs = os.cpu_count() or 1,
    force: Force = False,
    sign_key: SignKey = None,
    sign_cert: SignCert = None,
    sysroot: Sysroot = Path("/"),
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Build drivers where needed and install them beside the distribution's, to be loaded in their place."""
    from omatic.kernel import running
    from omatic.life import delivery, show
    from omatic.life import install as installing
    from omatic.life.change import Options
    from omatic.life.system import System
    from omatic.pipeline import Settings

    _one_or_all(kernel, all_kernels)
    system = System(sysroot.absolute())
    argv = _argv(drivers, None if all_kernels else kernel or running(), system.root)
    argv += [word for key, given in (("--sign-key", sign_key), ("--sign-cert", sign_cert)) if given
             for word in (key, str(given.absolute()))]  # fmt: skip
    argv += ["--source", source] * (source != "auto") + ["--force"] * force
    releases = delivery.releases(system) if all_kernels else (kernel or running(),)
    built = delivery.build(drivers, Settings(ctx.obj, None, source, offline, jobs, force), releases)
    result = installing.deploy(built, Options(system, tuple(argv), dry_run, sign_key, sign_cert))
    print(json.dumps(result.to_json(), indent=2) if as_json else show.installed(result))


def uninstall(
    drivers: Drivers,
    kernel: Kernel = None,
    all_kernels: AllKernels = False,
    sysroot: Sysroot = Path("/"),
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Remove installed drivers; the distribution's are loaded again from then on."""
    from omatic.kernel import running
    from omatic.life import show
    from omatic.life import uninstall as uninstalling
    from omatic.life.change import Options
    from omatic.life.system import System

    _one_or_all(kernel, all_kernels)
    system = System(sysroot.absolute())
    release = None if all_kernels else kernel or running()
    argv = tuple(_argv(drivers, release, system.root))
    result = uninstalling.withdraw(drivers, release, Options(system, argv, dry_run))
    print(json.dumps(result.to_json(), indent=2) if as_json else show.uninstalled(result))


def status(ctx: typer.Context, kernel: Kernel = None, sysroot: Sysroot = Path("/"), as_json: Json = False) -> None:
    """Tell which driver is in charge, where and why. Exits with 0: all as wanted, 1: a stock driver is in charge where
    an accelerated one is wanted, 2: something is broken."""
    from omatic.life import show
    from omatic.life import status as looking
    from omatic.life.system import System

    found = looking.examine(System(sysroot.absolute()), ctx.obj, kernel)
    print(json.dumps(found.to_json(), indent=2) if as_json else show.status(found))
    raise typer.Exit(found.level)


def _one_or_all(kernel: str | None, all_kernels: bool) -> None:
    if kernel is not None and all_kernels:
        raise UsageError("--kernel and --all-kernels exclude each other", hint="give one of them")


def _argv(drivers: list[str], release: str | None, sysroot: Path) -> list[str]:
    """Return the command's words for the journal, with the kernel named: after a reboot another one may be running."""
    place = [] if sysroot == Path("/") else ["--sysroot", str(sysroot)]
    return [*drivers, *(["--kernel", release] if release else ["--all-kernels"]), *place]
