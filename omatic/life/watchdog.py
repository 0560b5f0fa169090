# SPDX-License-Identifier: GPL-2.0-or-later
"""The watchdog of a swap: a process of its own that undoes the swap unless somebody confirms it in time.

It is armed before anything changes. By then it has read the record, loaded and tried all code that it will need, and
locked itself into memory, so that it depends on nothing but a few programs of the base system. It belongs to
systemd where that runs, and else to nobody: no terminal, session or network connection takes it away.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from omatic import log, proc
from omatic.errors import Busy, CommandError, UnsafeSwap
from omatic.life import netapply, netdiff, swap
from omatic.life.swap import State, Swap
from omatic.life.system import System

COMMAND = "watchdog"
"""The hidden command that becomes the watchdog."""

_ARMING_PATIENCE = 300.0
_LOCK_PATIENCE = 15.0
_LOOK = 0.3
_EVERYTHING = 3
"""MCL_CURRENT | MCL_FUTURE."""


def _file(system: System, driver: str) -> Path:
    return system.run / f"watchdog-{driver}"


def arm(system: System, driver: str) -> None:
    """Start the watchdog of a swap that is on record; it is ready when this returns. UnsafeSwap if it is not."""
    argv = [sys.executable, "-m", "omatic", *(["-v"] if log.verbose() else []), COMMAND, driver]
    path = ":".join(entry for entry in (str(Path(__file__).parents[2]), *sys.path) if entry)
    try:
        if Path("/run/systemd/system").is_dir() and proc.available("systemd-run"):
            wrapped = [
                "systemd-run", "--quiet", "--collect", f"--unit=pfq-omatic-watchdog-{driver}",
                "--description=puts the network driver back unless pfq-omatic confirm comes",
                "--property=Type=forking", "--property=OOMScoreAdjust=-1000", f"--setenv=PYTHONPATH={path}",
            ]  # fmt: skip
            proc.run([*wrapped, *argv], timeout=_ARMING_PATIENCE)
        else:
            proc.run(argv, env={"PYTHONPATH": path}, timeout=_ARMING_PATIENCE)
    except CommandError as error:
        raise UnsafeSwap(
            f"the watchdog of {driver} could not be armed, so nothing was changed",
            hint=f"see {_file(system, driver)}.log",
            details=error.details,
        ) from error
    if not armed(system, driver):
        raise UnsafeSwap(f"the watchdog of {driver} has ended at once", hint=f"see {_file(system, driver)}.log")


def armed(system: System, driver: str) -> bool:
    """Tell whether a watchdog keeps an eye on this driver."""
    try:
        with _file(system, driver).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def become(system: System, driver: str) -> None:
    """Turn into the watchdog: returns in the process that was called once the other one, the watchdog, is ready.

    In that other process it returns when there is nothing to watch any more.
    """
    watched = swap.read(system, driver)
    if watched is None or not watched.open:
        raise UnsafeSwap(f"there is no swap of {driver} to watch", hint="pfq-omatic load arms its watchdog itself")
    _rehearse(watched)
    ready, tell = os.pipe()
    if os.fork():
        os.close(tell)
        with os.fdopen(ready, "rb") as pipe:
            if not pipe.read(1):
                raise UnsafeSwap(f"the watchdog of {driver} did not start", hint=f"see {_file(system, driver)}.log")
        return
    os.close(ready)
    with _file(system, driver).open("w") as mine:
        fcntl.flock(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
        mine.write(f"{os.getpid()}\n")
        mine.flush()
        _settle_in(_file(system, driver).with_suffix(".log").open("w"))
        os.write(tell, b"1")
        os.close(tell)
        _watch(system, watched)


def _rehearse(watched: Swap) -> None:
    # Whatever Python would load at the first use, it loads now.
    now = netapply.picture(watched.before)
    netdiff.plan(watched.before, now)
    netapply.execute(())
    netapply.settle()
    for program in ("insmod", "rmmod", "modprobe"):
        proc.find(program)


def _settle_in(output: IO[str]) -> None:
    # The terminal may go, and with it whatever was inherited from it.
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, output.fileno()), (2, output.fileno())):
        os.dup2(source, target)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("-1000")
    ctypes.CDLL(None).mlockall(_EVERYTHING)


def _watch(system: System, watched: Swap) -> None:
    log.info(f"armed: {watched.driver} is put back in {watched.within} s unless confirmed")
    deadline = time.monotonic() + watched.within
    while _waits(system, watched) and time.monotonic() < deadline:
        time.sleep(_LOOK)
    if not _waits(system, watched):
        log.info("nothing to watch any more")
        return
    _end_swapping(system, watched)
    with _lock(system):
        if _waits(system, watched):
            log.info("nobody has confirmed in time")
            ended = swap.undo(system, watched)
            log.info(f"put back; {len(ended.report.missing)} things are missing: {ended.report.missing}")


def _waits(system: System, watched: Swap) -> bool:
    try:
        found = swap.read(system, watched.driver)
    except (OSError, ValueError, KeyError, TypeError):
        # A record that cannot be read confirms nothing.
        return True
    return found is not None and found.open and found.started == watched.started


def _end_swapping(system: System, watched: Swap) -> None:
    # A swap that takes longer than the time given hangs, and holds the lock.
    with contextlib.suppress(OSError, ValueError):
        found = swap.read(system, watched.driver)
        if found is not None and found.state is State.SWAPPING:
            os.kill(watched.process, signal.SIGKILL)


@contextlib.contextmanager
def _lock(system: System) -> Iterator[None]:
    # Somebody else's long operation must not keep the machine off the network.
    end = time.monotonic() + _LOCK_PATIENCE
    with contextlib.ExitStack() as stack:
        while time.monotonic() < end:
            try:
                stack.enter_context(system.lock())
                break
            except Busy:
                time.sleep(_LOOK)
        yield
