# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands that put drivers on the machine, take them away, and tell how things are."""

import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from omatic.errors import UsageError
from omatic.options import Drivers, DryRun, Force, Jobs, Json, Kernel, Offline, SignCert, SignKey, Source, Sysroot

Some = Annotated[
    list[str] | None,
    typer.Argument(
        help="Names as lsmod prints them, or families; with --bundle all that it holds.",
        metavar="DRIVER...",
        show_default=False,
    ),
]
FromBundle = Annotated[
    Path | None,
    typer.Option("--bundle", help="Install from an archive of `build --bundle`; nothing is built.", metavar="FILE"),
]
Trust = Annotated[
    Path | None,
    typer.Option("--trust", help="Who may have signed the bundle: a file of ssh's allowed signers.", metavar="FILE"),
]
AllKernels = Annotated[bool, typer.Option("--all-kernels", help="Every installed kernel instead of one.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(
        epilog="Examples: pfq-omatic install ixgbe     pfq-omatic install igb e1000e --all-kernels     "
        "pfq-omatic install igb --dry-run     pfq-omatic install --bundle igb.tar.zst"
    )(install)
    app.command(epilog="Examples: pfq-omatic uninstall ixgbe     pfq-omatic uninstall igb --all-kernels")(uninstall)
    app.command(epilog="Examples: pfq-omatic status     pfq-omatic status --json; echo $?")(status)


def install(
    ctx: typer.Context,
    drivers: Some = None,
    kernel: Kernel = None,
    all_kernels: AllKernels = False,
    bundle: FromBundle = None,
    trust: Trust = None,
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
    from omatic.life import bundle as bundling
    from omatic.life import delivery, show
    from omatic.life import install as installing
    from omatic.life.change import Options
    from omatic.life.system import System
    from omatic.pipeline import Settings

    _one_or_all(kernel, all_kernels)
    _bundle_or_names(bundle, trust, drivers, one_kernel=kernel is None and not all_kernels)
    system, names = System(sysroot.absolute()), drivers or []
    release = None if all_kernels or bundle else kernel or system.usual()
    argv = _argv(names, release, system.root) if bundle is None else [*names, *_place(system.root)]
    files = {"--bundle": bundle, "--trust": trust, "--sign-key": sign_key, "--sign-cert": sign_cert}
    argv += [word for key, given in files.items() if given for word in (key, str(given.absolute()))]
    argv += ["--source", source] * (source != "auto") + ["--force"] * force
    with ExitStack() as held:
        if bundle is not None:
            opened = held.enter_context(bundling.opened(bundle.absolute(), trust))
            built: tuple[installing.Delivery, ...] = (bundling.delivery(opened, names, system),)
        else:
            releases = (release,) if release else delivery.releases(system)
            for one in releases:
                installing.check(system, one, dry_run=dry_run)
            built = delivery.build(names, Settings(ctx.obj, None, source, offline, jobs, force), releases, system)
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
    from omatic.life import show
    from omatic.life import uninstall as uninstalling
    from omatic.life.change import Options
    from omatic.life.system import System

    _one_or_all(kernel, all_kernels)
    system = System(sysroot.absolute())
    release = None if all_kernels else kernel or system.usual()
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


def _bundle_or_names(bundle: Path | None, trust: Path | None, drivers: list[str] | None, *, one_kernel: bool) -> None:
    if bundle is None and not drivers:
        raise UsageError("no driver is named", hint="pfq-omatic install DRIVER, or --bundle FILE")
    if bundle is None and trust is not None:
        raise UsageError("only a bundle's signature is checked with --trust", hint="give --bundle FILE, too")
    if bundle is not None and not one_kernel:
        raise UsageError("a bundle is for one kernel, which it names", hint="leave out --kernel and --all-kernels")


def _argv(drivers: list[str], release: str | None, sysroot: Path) -> list[str]:
    """Return the command's words for the journal, with the kernel named: after a reboot another one may be running."""
    return [*drivers, *(["--kernel", release] if release else ["--all-kernels"]), *_place(sysroot)]


def _place(sysroot: Path) -> list[str]:
    return [] if sysroot == Path("/") else ["--sysroot", str(sysroot)]
