# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a picture of the network true again: waits for the ports, executes what `netdiff` plans, waits for carrier.

The machine's own services (udev, networkd, NetworkManager, ifupdown) react to ports that come back, too. So nothing
here assumes to be alone: each round starts from a new picture, and the last one decides what could not be restored.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from omatic import log, proc
from omatic.errors import ToolMissing
from omatic.life import netdiff, netstate
from omatic.life.ethtool import Ethtool
from omatic.life.netdiff import Action, Kind
from omatic.life.netlink import Netlink
from omatic.life.netstate import Link, Snapshot

_ROUNDS = 8
_PORTS_PATIENCE = 30.0
_CARRIER_PATIENCE = 30.0
_SETTLE = 10


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it: how much was put back, what could not be, and which ports have no carrier that had one."""

    restored: int = 0
    missing: tuple[str, ...] = ()
    without_carrier: tuple[str, ...] = ()


def restore(before: Snapshot, *, carrier_patience: float = _CARRIER_PATIENCE) -> Report:
    """Restore the picture as far as possible and say what is missing; never raises for what the kernel refuses."""
    _wait(lambda: not _absent(before), _PORTS_PATIENCE)
    settle()
    done, missing = _converge(before)
    without = _await_carrier(before, carrier_patience)
    # With carrier come routers' advertisements and the services' second thoughts.
    again, missing = _converge(before)
    return Report(done + again, missing, without)


def settle() -> None:
    """Wait until udev has named what came, if there is a udev."""
    with contextlib.suppress(ToolMissing):
        proc.run(["udevadm", "settle", f"--timeout={_SETTLE}"], check=False, timeout=_SETTLE + 5)


def picture(before: Snapshot) -> Snapshot:
    """Take the present picture of what an earlier one shows: the same ports, whatever their names are now."""
    places = {link.bus for link in before.ports}
    virtual = {link.name for link in before.links if not link.bus}
    names = [entry.name for entry in netstate.SYS.iterdir()]
    return netstate.take([name for name in names if name in virtual or netstate.place(name) in places])


def _converge(before: Snapshot) -> tuple[int, tuple[str, ...]]:
    done = 0
    refused: dict[str, str] = {}
    now = picture(before)
    for _ in range(_ROUNDS):
        actions = netdiff.plan(before, now, refused)
        if not actions:
            break
        succeeded, failed = execute(actions)
        done += succeeded
        refused.update(failed)
        now = picture(before)
    left = [f"{text}: {why}" for text, why in refused.items()]
    return done, (*netdiff.lost(before, now), *left, *(action.text for action in netdiff.plan(before, now, refused)))


def execute(actions: Sequence[Action]) -> tuple[int, dict[str, str]]:
    """Execute actions; return how many succeeded, and why the others did not, by their text.

    What fails is tried again after the others, because routes need routes.
    """
    done = 0
    failed: dict[str, str] = {}
    waiting = list(actions)
    with Netlink() as kernel, contextlib.closing(Ethtool()) as tool:
        while waiting:
            again = []
            for action in waiting:
                try:
                    _execute(action, kernel, tool)
                except OSError as error:
                    failed[action.text] = error.strerror or str(error)
                    again.append(action)
                else:
                    log.debug(f"put back: {action.text}")
                    failed.pop(action.text, None)
                    done += 1
            if len(again) == len(waiting):
                break
            waiting = again
    return done, failed


def _execute(action: Action, kernel: Netlink, tool: Ethtool) -> None:
    match action.kind:
        case Kind.MESSAGE:
            kernel.change(int(action.target), action.flags, bytes.fromhex(action.value))
        case Kind.ETHTOOL:
            tool.write(action.device, action.target, action.value)
        case Kind.FILE:
            Path(action.target).write_text(action.value + "\n")


def _absent(before: Snapshot) -> set[str]:
    present = {netstate.place(entry.name) for entry in netstate.SYS.iterdir()}
    return {link.bus for link in before.ports} - present


def _await_carrier(before: Snapshot, patience: float) -> tuple[str, ...]:
    had = [link for link in before.ports if link.flags & netstate.LOWER_UP and link.flags & netstate.UP]
    _wait(lambda: not any(map(_without_carrier, had)), patience)
    return tuple(link.name for link in had if _without_carrier(link))


def _without_carrier(link: Link) -> bool:
    try:
        return (netstate.SYS / link.name / "carrier").read_text().strip() != "1"
    except OSError:
        return True


def _wait(until: Callable[[], bool], patience: float) -> None:
    end = time.monotonic() + patience
    while not until() and time.monotonic() < end:
        time.sleep(0.1)
