# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands that swap the running driver: load, confirm, unload, and the hidden one that is their watchdog."""

import json
import time
from typing import Annotated

import typer

from omatic.options import DryRun, Json

OneDriver = Annotated[str, typer.Argument(help="Name as lsmod prints it.", metavar="DRIVER", show_default=False)]
Within = Annotated[
    str,
    typer.Option("--confirm-within", help="Undo the swap unless confirmed in this time.", metavar="TIME"),
]
NoWatchdog = Annotated[
    bool, typer.Option("--no-watchdog", help="Swap for good at once; refused for a driver that carries a session.")
]
Console = Annotated[
    bool,
    typer.Option("--yes-i-have-a-console", help="With --no-watchdog: there is a way in that needs no network."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(
        epilog="Examples: pfq-omatic load ixgbe     pfq-omatic load igb --dry-run     "
        "pfq-omatic load e1000e --confirm-within 2m     Then see that you still get in, and: pfq-omatic confirm"
    )(load)
    app.command(epilog="Examples: pfq-omatic confirm     pfq-omatic confirm ixgbe")(confirm)
    app.command(
        epilog="Example: pfq-omatic unload ixgbe     Then see that you still get in, and: pfq-omatic confirm ixgbe"
    )(unload)
    app.command(hidden=True)(watchdog)


def load(
    driver: OneDriver,
    confirm_within: Within = "120s",
    no_watchdog: NoWatchdog = False,
    console: Console = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Put the installed accelerated driver in the place of the running one; undone unless confirmed in time."""
    _swap("load", driver, confirm_within, (no_watchdog, console, dry_run, as_json))


def unload(
    driver: OneDriver,
    confirm_within: Within = "120s",
    no_watchdog: NoWatchdog = False,
    console: Console = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Put the stock driver in the place of the accelerated one; undone unless confirmed in time."""
    _swap("unload", driver, confirm_within, (no_watchdog, console, dry_run, as_json))


def _swap(command: str, driver: str, within: str, flags: tuple[bool, bool, bool, bool]) -> None:
    from omatic.life import journal
    from omatic.life import load as loading
    from omatic.life.system import System
    from omatic.stock import module_name

    no_watchdog, console, dry_run, as_json = flags
    wish = loading.Wish(module_name(driver), 0 if no_watchdog else loading.seconds(within), console)
    system = System()
    with system.lock():
        journal.refuse_others(system, command, [wish.driver])
        prospect = loading.prepare(system, command, wish)
        if not dry_run:
            prospect = loading.carry_out(system, prospect)
    if as_json:
        print(json.dumps(prospect.to_json(), indent=2))
    elif not prospect.steps:
        print(f"{wish.driver}: {prospect.swap.forth.path} is in charge already")
    elif dry_run:
        print("\n".join((*map(str, prospect.carried), *prospect.steps)))
    else:
        print("\n".join(_said(prospect)))


def _said(prospect: "loading.Prospect") -> list[str]:  # type: ignore[name-defined]  # noqa: F821
    done = prospect.swap
    ports = ", ".join(link.name for link in done.before.ports) or "no port"
    lines = [f"{done.driver}: {done.forth.path} is in charge of {ports}; {done.report.restored} settings put back"]
    lines += [f"not restored: {each}" for each in done.report.missing]
    lines += [f"no carrier yet: {each}" for each in done.report.without_carrier]
    if done.within:
        left = max(0, int(done.ends - time.time()))
        lines.append(f"confirm within {left} s, or it is undone: pfq-omatic confirm {done.driver}")
    return lines


def confirm(
    driver: Annotated[
        str | None, typer.Argument(help="Of this driver only.", metavar="DRIVER", show_default=False)
    ] = None,
) -> None:
    """Keep what load or unload has swapped: its watchdog stands down."""
    from omatic.life import load as loading
    from omatic.life.system import System
    from omatic.stock import module_name

    for kept in loading.confirm(System(), driver and module_name(driver)):
        print(f"{kept.driver}: {kept.forth.path} stays in charge")


def watchdog(driver: str) -> None:
    """Become the watchdog of a swap; load and unload call this."""
    from omatic.life import watchdog as guard
    from omatic.life.system import System

    guard.become(System(), driver)
