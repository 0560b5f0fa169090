# SPDX-License-Identifier: GPL-2.0-or-later
"""A swap of a running driver: the record of it, doing it, and undoing it.

The record is on the disk before anything changes, with all that undoing needs. It belongs to one boot: after the next
one the machine has whatever modprobe prefers, and there is nothing to confirm or undo any more.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path

from omatic import log
from omatic.errors import CommandError
from omatic.life import journal, kmods, netapply
from omatic.life.kmods import File
from omatic.life.netapply import Report
from omatic.life.netstate import Snapshot
from omatic.life.system import System, remove_durably, write_durably

_BOOT = Path("/proc/sys/kernel/random/boot_id")


class State(Enum):
    """How far a swap is. SWAPPING and UNCONFIRMED can still be undone; the others are its end."""

    SWAPPING = "swapping"
    UNCONFIRMED = "unconfirmed"
    CONFIRMED = "confirmed"
    UNDONE = "undone"


OPEN = (State.SWAPPING, State.UNCONFIRMED)


@dataclass(frozen=True, slots=True)
class Swap:
    """A swap: `command` (load or unload) of a driver, from the file `back` to the file `forth`.

    `modules` is the order in which modules are unloaded, the driver last. `process` is who swaps, `within` the seconds
    after which the watchdog puts `back` back (0: there is none), `ends` when that is, on the clock of `time.time`.
    """

    command: str
    driver: str
    release: str
    boot: str
    started: str
    process: int
    state: State
    back: File
    forth: File
    modules: tuple[str, ...]
    needed: tuple[str, ...]
    within: int
    ends: float
    before: Snapshot
    report: Report

    @property
    def current(self) -> bool:
        """Whether it belongs to the present boot."""
        return self.boot == boot_id()

    @property
    def open(self) -> bool:
        """Whether it waits for its end: not confirmed, not undone, and of the present boot."""
        return self.current and self.state in OPEN


def boot_id() -> str:
    """Return what tells this boot from all others."""
    return _BOOT.read_text().strip()


def _path(system: System, driver: str) -> Path:
    return system.swaps / f"{driver}.json"


def read(system: System, driver: str) -> Swap | None:
    """Return the last swap of a driver; None if there was none."""
    try:
        kept = json.loads(_path(system, driver).read_text())
    except FileNotFoundError:
        return None
    given = {
        "state": State(kept.pop("state")),
        "modules": tuple(kept.pop("modules")),
        "needed": tuple(kept.pop("needed")),
        "before": Snapshot.from_json(kept.pop("before")),
        "report": _report(**kept.pop("report")),
    }
    files = {side: File(kept[side]["path"], tuple(kept[side]["options"])) for side in ("back", "forth")}
    return Swap(**{**kept, **files, **given})


def _report(restored: int, missing: list[str], without_carrier: list[str]) -> Report:
    return Report(restored, tuple(missing), tuple(without_carrier))


def every(system: System) -> Iterator[Swap]:
    """Yield the last swap of each driver."""
    for path in sorted(system.swaps.glob("*.json")):
        if (found := read(system, path.stem)) is not None:
            yield found


def write(system: System, swap: Swap) -> Swap:
    """Keep a swap, and return it."""
    data = {**asdict(swap), "state": swap.state.value}
    write_durably(_path(system, swap.driver), json.dumps(data, indent=1).encode() + b"\n")
    return swap


def forget(system: System, driver: str) -> None:
    """Drop the record of a swap."""
    remove_durably(_path(system, driver))


def undo(system: System, swap: Swap) -> Swap:
    """Put back the driver that was there, and the network around it; never raises, the report has what went wrong.

    If that driver does not load any more, the new one is better than none.
    """
    log.info(f"Putting back {swap.back.path or 'no driver'}")
    said: tuple[str, ...] = ()
    for file in (swap.back, swap.forth):
        try:
            kmods.exchange(swap.modules, file)
            break
        except (CommandError, OSError) as error:
            details = error.details if isinstance(error, CommandError) else ()
            said = (*said, f"{file.path} could not be loaded: {error}", *details)
    report = netapply.restore(swap.before)
    ended = replace(swap, state=State.UNDONE, report=replace(report, missing=(*said, *report.missing)))
    try:
        write(system, ended)
        left = journal.unfinished(system)
        if left is not None and (left.command, left.argv) == (swap.command, (swap.driver,)):
            remove_durably(system.journal)
    except OSError as error:
        # The network is back, which matters more than the record of it.
        log.warn(f"could not write that the swap of {swap.driver} was undone: {error}")
    return ended
