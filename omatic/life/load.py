# SPDX-License-Identifier: GPL-2.0-or-later
"""Loads an accelerated driver in the place of the running one, or the stock driver again, without cutting anyone off.

First everything is decided and refused that can be; then the record is written, the watchdog armed, and only then the
driver exchanged. From there on nothing that happens to the terminal stops the work half way.
"""

import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import IO, cast

from omatic import kernel, log
from omatic.dirs import sha256
from omatic.errors import NotInstalled, OmaticError, SwapFailed, UnsafeSwap, UsageError
from omatic.life import (
    carriers,
    journal,
    kmods,
    modprobe,
    netapply,
    netstate,
    receipt,
    running,
    signing,
    swap,
    watchdog,
)
from omatic.life.carriers import Carrier
from omatic.life.kmods import File
from omatic.life.netapply import Report
from omatic.life.receipt import CORE, Receipt
from omatic.life.swap import State, Swap
from omatic.life.system import System, remove_durably

LOAD, UNLOAD = "load", "unload"
_CORE = ("pfq_hook", "pfq")
_SHORTEST, _LONGEST = 5, 24 * 3600


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user wants: `within` seconds to confirm (0: no watchdog), and whether there is another way in."""

    driver: str
    within: int
    console: bool = False


@dataclass(frozen=True, slots=True)
class Prospect:
    """A swap that can be done: what it carries, and its steps in words. No steps: nothing is to be done."""

    swap: Swap
    carried: tuple[Carrier, ...]
    steps: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Return it as JSON-able values."""
        return {
            "driver": self.swap.driver,
            "from": self.swap.back.path,
            "to": self.swap.forth.path,
            "ports": [link.name for link in self.swap.before.ports],
            "carries": [str(each) for each in self.carried],
            "steps": list(self.steps),
            "state": self.swap.state.value if self.steps else "nothing to do",
            "confirm_within": self.swap.within,
            "restored": self.swap.report.restored,
            "missing": list(self.swap.report.missing),
            "without_carrier": list(self.swap.report.without_carrier),
        }


def seconds(text: str) -> int:
    """Return a time like 120, 120s or 2m in seconds; UsageError if it is none, too short or too long."""
    found = re.fullmatch(r"(\d+)([smh]?)", text.strip())
    value = int(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]] if found else 0
    if not _SHORTEST <= value <= _LONGEST:
        raise UsageError(
            f"'{text}' is not a time to confirm within",
            hint=f"give seconds, minutes or hours, from {_SHORTEST}s to {_LONGEST // 3600}h: 90s, 2m",
        )
    return value


def prepare(system: System, command: str, wish: Wish) -> Prospect:
    """Decide how to swap, changing nothing; UnsafeSwap or NotInstalled if it should not be done."""
    release = kernel.running()
    earlier = swap.read(system, wish.driver)
    if earlier is not None and earlier.open and watchdog.armed(system, wish.driver):
        left = max(0, int(earlier.ends - time.time()))
        raise UnsafeSwap(
            f"the {earlier.command} of {wish.driver} has not been confirmed yet",
            hint=f"pfq-omatic confirm {wish.driver}, or wait {left} s until it is undone",
        )
    ours, stock = _files(system, release, wish.driver, load=command == LOAD)
    needed, options = kmods.configured(wish.driver)
    forth, back = (File(ours, options), File(stock, options))[:: 1 if command == LOAD else -1]
    origin = running.whose(system, wish.driver, modprobe.real(system, ours), modprobe.real(system, stock))
    if origin == running.ABSENT:
        back = File("")
    order = kmods.unload_order(wish.driver)
    ports = kmods.ports(order)
    planned = Swap(
        command=command, driver=wish.driver, release=release, boot=swap.boot_id(),
        started=datetime.now(UTC).isoformat(), process=os.getpid(), state=State.SWAPPING, back=back, forth=forth,
        modules=order, needed=tuple(dict.fromkeys((*_CORE, *needed))) if command == LOAD else (),
        within=wish.within if back.path else 0, ends=0.0, before=netstate.take(ports), report=Report(),
    )  # fmt: skip
    wanted = running.OURS if command == LOAD else running.STOCK
    if origin == wanted or (command == UNLOAD and origin == running.ABSENT):
        return Prospect(planned, (), ())
    carried = carriers.carried_by(carriers.find(), wish.driver, ports) if back.path else ()
    _refuse(planned, carried, wish)
    if command == LOAD:
        core = (modprobe.loads(system, release, name) for name in _CORE if not kmods.loaded(name))
        signing.require([ours, *filter(None, core)], release, system)
    return Prospect(planned, carried, _steps(planned))


def _files(system: System, release: str, driver: str, *, load: bool) -> tuple[str, str]:
    """Return the accelerated file, which must be the one modprobe would load, and the stock file."""
    kept = receipt.read(system, release, driver)
    if kept is not None and kept.stock is None and kept.driver != CORE:
        raise UnsafeSwap(
            f"kernel {release} has no {driver} of its own, so there is nothing to swap and no way back",
            hint=f"modprobe {driver}",
        )
    if kept is None or kept.stock is None:
        raise NotInstalled(
            f"the accelerated {driver} is not installed for {release}, the running kernel",
            hint=f"pfq-omatic install {driver}",
        )
    preferred = modprobe.loads(system, release, driver)
    ours = _installed(system, kept, preferred)
    if ours is None and load:
        raise NotInstalled(
            f"modprobe would load {preferred or 'nothing'} for {driver}, which is not what was installed",
            hint=f"see what came in between with pfq-omatic status, then pfq-omatic install {driver}",
            details=[f"installed: {file.path}" for file in kept.files],
        )
    stock = modprobe.real(system, kept.stock.path)
    if not stock.is_file():
        raise UnsafeSwap(
            f"the stock driver {kept.stock.path} is not there, so there would be no way back",
            hint="reinstall the kernel's package",
        )
    return ours or kept.files[0].path, kept.stock.path


def _installed(system: System, kept: Receipt, preferred: str | None) -> str | None:
    for file in kept.files:
        path = modprobe.real(system, file.path)
        if modprobe.same(system, preferred, file.path) and path.is_file() and sha256(path) == file.sha256:
            return file.path
    return None


def _refuse(planned: Swap, carried: Sequence[Carrier], wish: Wish) -> None:
    driver = planned.driver
    if not planned.back.path:
        return
    if users := kmods.users(planned.modules):
        raise UnsafeSwap(
            f"{driver} cannot be unloaded: it is in use",
            hint="end what uses it, then run this again",
            details=users,
        )
    if lost := kmods.hidden(planned.modules):
        raise UnsafeSwap(
            f"{driver} has what could not be put back after a swap",
            hint="remove the virtual functions, bring ports back from other namespaces, or reboot into the new driver",
            details=lost,
        )
    if root := [str(each) for each in carried if each.what == "the file system /"]:
        raise UnsafeSwap(
            f"the root file system hangs on {driver}", hint="reboot into the new driver instead", details=root
        )
    if carried and not wish.within and not wish.console:
        raise UnsafeSwap(
            f"{driver} carries what would be cut off if the swap failed, and the watchdog is switched off",
            hint="leave out --no-watchdog; or add --yes-i-have-a-console if you can reach the machine another way",
            details=[str(each) for each in carried],
        )


def _steps(planned: Swap) -> tuple[str, ...]:
    ports = ", ".join(link.name for link in planned.before.ports) or "no port"
    watch = (f"arm the watchdog: {planned.back.path} comes back in {planned.within} s unless confirmed",)
    return (
        f"keep the network around {ports}",
        *(watch if planned.within else ()),
        *([f"load {', '.join(planned.needed)}"] if planned.needed else []),
        f"put {planned.forth.path} in the place of {planned.back.path or 'nothing'}",
        f"restore the network around {ports}",
        "wait for confirmation" if planned.within else "keep it",
    )


def carry_out(system: System, prospect: Prospect) -> Prospect:
    """Do the swap. SwapFailed if it went wrong: then the former driver is back. The caller holds the lock."""
    planned = prospect.swap
    if not prospect.steps:
        # A journal of this very command is from before a power cut; the boot after it has loaded what was wanted.
        remove_durably(system.journal)
        return prospect
    under_way = journal.begin(system, planned.command, [planned.driver], prospect.steps)
    exchanged = False
    with _unstoppable():
        try:
            planned = swap.write(system, replace(planned, ends=time.time() + planned.within))
            under_way.done()
            if planned.within:
                watchdog.arm(system, planned.driver)
                under_way.done()
            if planned.needed:
                kmods.load_named(planned.needed)
                under_way.done()
            with log.step(f"Swapping {planned.driver}"):
                exchanged = True
                kmods.exchange(planned.modules, planned.forth)
                under_way.done()
            with log.step("Restoring the network"):
                report = netapply.restore(planned.before)
                under_way.done()
            if absent := [port for port in report.missing if port.endswith("did not come back")]:
                raise SwapFailed("not every port came back", hint="see the kernel's log: dmesg", details=absent)
            state = State.UNCONFIRMED if planned.within else State.CONFIRMED
            planned = swap.write(system, replace(planned, state=state, report=report))
            under_way.done()
            under_way.end()
        except (OmaticError, OSError) as error:
            _give_up(system, planned, under_way, error, exchanged=exchanged)
    return replace(prospect, swap=planned)


def _give_up(system: System, planned: Swap, under_way: journal.Journal, error: Exception, *, exchanged: bool) -> None:
    if not exchanged:
        swap.forget(system, planned.driver)
        under_way.end()
        raise error
    ended = swap.undo(system, planned)
    under_way.end()
    details = error.details if isinstance(error, OmaticError) else ()
    raise SwapFailed(
        f"{planned.driver} could not be swapped: {error}",
        hint="the former driver is back; see the kernel's log: dmesg",
        details=(*details, *(f"not restored: {each}" for each in ended.report.missing)),
    ) from error


def confirm(system: System, driver: str | None) -> tuple[Swap, ...]:
    """Keep what was swapped, of one driver or of all; NotInstalled if nothing waits for that."""
    with system.lock():
        waiting = [each for each in swap.every(system) if each.open and driver in (None, each.driver)]
        if not waiting:
            last = swap.read(system, driver) if driver else None
            over = f"; the last {last.command} was {last.state.value}" if last else ""
            raise NotInstalled(
                f"nothing{f' of {driver}' if driver else ''} waits for confirmation{over}",
                hint="pfq-omatic load DRIVER comes first; a swap that is not confirmed in time is undone",
            )
        return tuple(swap.write(system, replace(each, state=State.CONFIRMED)) for each in waiting)


class _Forgiving:
    # Standard error that does not mind that its terminal has gone.
    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write if that is possible."""
        with contextlib.suppress(OSError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush if that is possible."""
        with contextlib.suppress(OSError):
            self._stream.flush()

    def isatty(self) -> bool:
        """Nothing moves while drivers are swapped."""
        return False


@contextlib.contextmanager
def _unstoppable() -> Iterator[None]:
    # Half a swap is the worst of all: neither Ctrl-C nor a closed terminal may stop it.
    numbers = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    former = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        with contextlib.redirect_stderr(cast(IO[str], _Forgiving(sys.stderr))):
            yield
    finally:
        for number, handler in zip(numbers, former, strict=True):
            signal.signal(number, handler)
