# SPDX-License-Identifier: GPL-2.0-or-later
"""The record of a swap, and what load and confirm refuse before anything changes."""

import dataclasses
from pathlib import Path

import pytest

from omatic.errors import NotInstalled, UnsafeSwap, UsageError
from omatic.life import journal, kmods, load, swap, watchdog
from omatic.life.kmods import File
from omatic.life.netapply import Report
from omatic.life.netstate import Snapshot
from omatic.life.swap import State, Swap
from omatic.life.system import System

EMPTY = Snapshot((), (), (), (), (), {1: "lo"}, 1.5)


def record(**other: object) -> Swap:
    """Return a swap that waits for confirmation."""
    plain = Swap(
        "load", "e1000e", "6.1.0-1", swap.boot_id(), "2026-01-02T03:04:05+00:00", 77, State.UNCONFIRMED,
        File("/lib/stock.ko"), File("/lib/ours.ko", ("InterruptThrottleRate=1",)), ("e1000e",), ("pfq_hook", "pfq"),
        120, 1000.0, EMPTY, Report(3, ("eth0: MTU 9000",), ("eth0",)),
    )  # fmt: skip
    return dataclasses.replace(plain, **other)  # type: ignore[arg-type]


def test_records_are_read_back(tmp_path: Path) -> None:
    """Every field survives the disk."""
    system = System(tmp_path)
    assert swap.read(system, "e1000e") is None
    swap.write(system, record())
    assert swap.read(system, "e1000e") == record()
    assert list(swap.every(system)) == [record()]
    swap.forget(system, "e1000e")
    assert swap.read(system, "e1000e") is None


def test_a_swap_ends_with_its_boot(tmp_path: Path) -> None:
    """After a reboot there is nothing to confirm or to watch."""
    system = System(tmp_path)
    assert record().open
    assert not record(state=State.CONFIRMED).open
    swap.write(system, record(boot="another"))
    with pytest.raises(NotInstalled, match="nothing of e1000e waits"):
        load.confirm(system, "e1000e")
    with pytest.raises(UnsafeSwap):
        watchdog.become(system, "e1000e")
    assert not watchdog.armed(system, "e1000e")


def test_confirming_keeps_it(tmp_path: Path) -> None:
    """Once; the second time is told what the last swap came to."""
    system = System(tmp_path)
    swap.write(system, record())
    assert [kept.driver for kept in load.confirm(system, None)] == ["e1000e"]
    kept = swap.read(system, "e1000e")
    assert kept is not None and kept.state is State.CONFIRMED
    with pytest.raises(NotInstalled, match="the last load was confirmed"):
        load.confirm(system, "e1000e")


def test_a_load_that_a_power_cut_ended_is_ended(tmp_path: Path) -> None:
    """After the boot the accelerated driver runs: the same command has nothing to do but to forget its journal."""
    system = System(tmp_path)
    journal.begin(system, "load", ["e1000e"], ["keep the network", "arm the watchdog"]).done()
    nothing = load.Prospect(record(state=State.SWAPPING), (), ())
    assert load.carry_out(system, nothing) == nothing
    assert journal.unfinished(system) is None


def test_only_what_is_installed_is_loaded(tmp_path: Path) -> None:
    """Without a receipt there is nothing to load, whatever modprobe would find."""
    with pytest.raises(NotInstalled) as refused:
        load.prepare(System(tmp_path), load.LOAD, load.Wish("e1000e", 120))
    assert refused.value.hint == "pfq-omatic install e1000e"


@pytest.mark.parametrize(("text", "expected"), [("120", 120), ("90s", 90), ("2m", 120), ("1h", 3600)])
def test_times(text: str, expected: int) -> None:
    """Seconds, minutes, hours."""
    assert load.seconds(text) == expected


@pytest.mark.parametrize("text", ["", "0", "3s", "two minutes", "25h", "-5"])
def test_times_that_make_no_sense(text: str) -> None:
    """Too short, too long, or no time."""
    with pytest.raises(UsageError):
        load.seconds(text)


def test_modules_that_stand_on_each_other_are_found() -> None:
    """On this machine's own modules, as far as it has any: holders come before what they hold."""
    held = [
        path for path in kmods.MODULES.glob("*") if (path / "holders").is_dir() and any((path / "holders").iterdir())
    ]
    if not held:
        pytest.skip("no module of this kernel is used by another one")
    order = kmods.unload_order(held[0].name)
    assert order[-1] == held[0].name
    assert set(order) >= {entry.name for entry in (held[0] / "holders").iterdir()}
