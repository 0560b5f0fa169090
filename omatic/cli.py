# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: parse, call one function, show what came out. The only module that prints or exits.

Results go to standard output, everything else to standard error. docs/exit-codes.md lists the exit codes.
"""

import errno
import json
import os
import re
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from omatic import __version__, cli_dkms, cli_install, cli_load, cli_rehearse, cli_sweep, dirs, errors, log
from omatic.dirs import Cache
from omatic.errors import DiskFull, OmaticError
from omatic.log import Verbosity
from omatic.options import (
    All,
    Bundle,
    Drivers,
    DriversOrAll,
    Force,
    Jobs,
    Json,
    Kernel,
    KernelRoot,
    Offline,
    OnlyEthernet,
    Output,
    SignWith,
    Source,
)

app = typer.Typer(
    name="pfq-omatic",
    help="Accelerated NIC drivers for PFQ: your own kernel's sources, rewritten, built and proven.",
    epilog="Example: pfq-omatic build ixgbe     Exit codes: 0 done, 2 usage, 3 no headers, 5 unknown driver, "
    "12 build failed, 13 not proven; all of them in docs/exit-codes.md.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"pfq-omatic {__version__}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    cache_dir: Annotated[
        Path | None,
        typer.Option(
            help="Where sources and builds are kept.", envvar="PFQ_OMATIC_CACHE", metavar="DIR", show_default="see docs"
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show commands, times and tracebacks.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show only warnings and errors.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Options for every command come before the command: pfq-omatic -v build ixgbe."""
    log.set_verbosity(Verbosity.VERBOSE if verbose else Verbosity.QUIET if quiet else Verbosity.NORMAL)
    root = (cache_dir or dirs.default_cache()).absolute()
    if re.search(r"[\s:#$=%]", str(root)):
        raise errors.UsageError(
            f"the cache cannot be in {root}: make cannot work in a folder with such a name",
            hint="choose a place without spaces and : # $ = % with --cache-dir or PFQ_OMATIC_CACHE",
        )
    ctx.obj = Cache(root)


@app.command(
    epilog="Examples: pfq-omatic build ixgbe     pfq-omatic build e1000e igb --kernel 6.1.0-56-amd64 --json     "
    "pfq-omatic build i40e --source ~/linux-6.1 --output /tmp/modules     pfq-omatic build igb --bundle igb.tar.zst"
    "     pfq-omatic build --all --ethernet"
)
def build(
    ctx: typer.Context,
    drivers: DriversOrAll = None,
    kernel: Kernel = None,
    source: Source = "auto",
    output: Output = None,
    offline: Offline = False,
    jobs: Jobs = os.cpu_count() or 1,
    as_json: Json = False,
    force: Force = False,
    bundle: Bundle = None,
    sign_with: SignWith = None,
    everything: All = False,
    ethernet: OnlyEthernet = False,
    sysroot: KernelRoot = Path("/"),
) -> None:
    """Fetch, rewrite, build and prove drivers."""
    from omatic import pipeline

    given = pipeline.Settings(ctx.obj, kernel, source, offline, jobs, force, output and output.absolute(), sysroot)
    if everything or not drivers:
        if bundle is not None or sign_with is not None:
            raise errors.UsageError("a bundle is of drivers that are named", hint="name them, or leave out --bundle")
        cli_sweep.build(given, drivers or (), everything=everything, ethernet=ethernet, as_json=as_json)
        return
    done = _outcomes(pipeline.build(drivers, given), as_json=as_json)
    if bundle is not None:
        from omatic.life import bundle as bundling
        from omatic.life import delivery

        bundling.write(done, delivery.of(done, given), bundle.absolute(), sign_with)
    elif sign_with is not None:
        raise errors.UsageError("only a bundle is signed with --sign-with", hint="give --bundle FILE, too")


@app.command(epilog="Example: pfq-omatic verify ixgbe --json")
def verify(
    ctx: typer.Context,
    drivers: Drivers,
    kernel: Kernel = None,
    source: Source = "auto",
    offline: Offline = False,
    jobs: Jobs = os.cpu_count() or 1,
    as_json: Json = False,
    force: Force = False,
    sysroot: KernelRoot = Path("/"),
) -> None:
    """Make every proof of built drivers again (and build them first where something changed)."""
    from omatic import pipeline

    given = pipeline.Settings(ctx.obj, kernel, source, offline, jobs, force, sysroot=sysroot)
    _outcomes(pipeline.check(drivers, given), as_json=as_json)


def _outcomes(running: "Iterator[pipeline.Outcome]", *, as_json: bool) -> "list[pipeline.Outcome]":  # type: ignore[name-defined]  # noqa: F821
    from omatic import pipeline, show

    done = []
    try:
        for outcome in running:
            done.append(outcome)
            if not as_json:
                print(show.outcome(outcome), flush=True)
    finally:
        if as_json:
            print(json.dumps([outcome.to_json() for outcome in done], indent=2))
    pipeline.refuse_unproven(done)
    return done


@app.command(epilog="Examples: pfq-omatic plan ixgbe     pfq-omatic plan igb --diff")
def plan(
    ctx: typer.Context,
    drivers: Drivers,
    kernel: Kernel = None,
    source: Source = "auto",
    offline: Offline = False,
    jobs: Jobs = os.cpu_count() or 1,
    as_json: Json = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show the change to the driver as a patch.")] = False,
    sysroot: KernelRoot = Path("/"),
) -> None:
    """Find the places where drivers deliver packets and show what would change; change nothing."""
    from omatic import cli_plan, pipeline

    given = pipeline.Settings(ctx.obj, kernel, source, offline, jobs, sysroot=sysroot)
    cli_plan.plan(drivers, given, diff=diff, as_json=as_json)


@app.command(name="list-supported", epilog="Example: pfq-omatic list-supported --present")
def list_supported(
    ctx: typer.Context,
    kernel: Kernel = None,
    offline: Offline = False,
    present: Annotated[bool, typer.Option("--present", help="Only drivers of NICs in this machine.")] = False,
    as_json: Json = False,
    sysroot: KernelRoot = Path("/"),
) -> None:
    """List the drivers of a kernel that can be accelerated; a star marks those of NICs in this machine."""
    from omatic import fetch, show_supported, supported
    from omatic import kernel as kernels

    target = kernels.discover(kernel, root=sysroot)
    stock = fetch.stock_kernel(target, cache=ctx.obj, offline=offline)
    rows = [row for row in supported.listing(stock, target, ctx.obj) if row.devices or not present]
    print(json.dumps([r.to_json() for r in rows], indent=2) if as_json else show_supported.table(rows, target.release))


@app.command(epilog="Example: pfq-omatic doctor --kernel 6.1.0-56-amd64")
def doctor(ctx: typer.Context, kernel: Kernel = None, as_json: Json = False, sysroot: KernelRoot = Path("/")) -> None:
    """Check that this machine has what the work needs."""
    from omatic import doctor as physician
    from omatic import show

    findings = physician.examine(kernel, ctx.obj, sysroot)
    print(json.dumps([f.to_json() for f in findings], indent=2) if as_json else show.findings(findings))
    missing = [finding for finding in findings if finding.required and not finding.ok]
    if missing:
        raise errors.UnfitMachine(
            f"{len(missing)} thing{'s are' if len(missing) > 1 else ' is'} missing: "
            + ", ".join(finding.name for finding in missing),
            hint=missing[0].hint,
        )


cli_dkms.register(app)
cli_install.register(app)
cli_load.register(app)
cli_rehearse.register(app)

# --- running, failing, being interrupted

_GIT_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE")
"""What a caller that is itself run by git (a hook) has in its environment, and must not reach our repositories."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    for name in _GIT_HOOK:
        os.environ.pop(name, None)
    try:
        with _explained():
            app(args=arguments, standalone_mode=True)
    except OmaticError as error:
        _complain(error)
        sys.exit(error.exit_code)
    except errors.Interrupted:
        print("pfq-omatic: interrupted; what was half done has been removed", file=sys.stderr)
        sys.exit(errors.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last resort: one line for users, the traceback for -v
        if log.verbose():
            traceback.print_exc()
        print(f"pfq-omatic: internal error: {type(error).__name__}: {error}", file=sys.stderr)
        print("  hint: run again with -v and report the traceback", file=sys.stderr)
        sys.exit(1)
    sys.exit(0)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn the operating system's refusals into errors with a hint."""
    try:
        yield
    except OSError as error:
        where = error.filename or "the cache"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(where) from error
        if error.errno in _UNWRITABLE:
            raise errors.Unwritable(where, os.strerror(error.errno)) from error
        raise


_UNWRITABLE = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP,
)  # fmt: skip


def _interrupted(_signal: int, _frame: object) -> NoReturn:
    # Cleaning up must not be interrupted by an impatient second Ctrl-C.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise errors.Interrupted


def _complain(error: OmaticError) -> None:
    if log.verbose():
        traceback.print_exception(error)
    print(f"pfq-omatic: error: {error.message}", file=sys.stderr)
    for line in error.details:
        print(f"    {line}", file=sys.stderr)
    print(f"  hint: {error.hint}", file=sys.stderr)
