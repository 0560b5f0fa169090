# SPDX-License-Identifier: GPL-2.0-or-later
"""Power cuts at every journal entry of a command, and what must be true of the machine that comes up again.

The command runs once, in a small machine. It is halted at each entry, and the disk is frozen as it is at that moment:
that file is what a machine finds that lost its power there, for the guest's memory goes with the machine. Between two
entries there is one more cut where the step takes longer than `_WITHIN` seconds. Each of these disks is then booted.
"""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omatic.errors import NotInstalled
from tests.life.conftest import Boot
from tests.life.rig import Rig, Task

_ENTRY = re.compile(r"journal: .*")
_WITHIN = 4.0
_JOURNAL = "/var/lib/pfq-omatic/journal"


@dataclass(frozen=True, slots=True)
class Cut:
    """A moment of the run, in words, and the disk as it was then."""

    moment: str
    disk: Path


def at_every_entry(vm: Rig, command: str, folder: Path) -> list[Cut]:
    """Run a command to its end and return the disk at each of its journal entries; the machine's own is the last."""
    folder.mkdir(parents=True, exist_ok=True)
    task = vm.background(f"rig-step pfq-omatic -v {command}")
    cuts: list[Cut] = []
    for entry in _entries(task):
        if entry is not None:
            cuts.append(_freeze(vm, entry, folder / f"cut{len(cuts)}.qcow2"))
            vm.must("echo go >/run/rig/go")
        elif cuts and not cuts[-1].moment.endswith("..."):
            cuts.append(_freeze(vm, f"{cuts[-1].moment} ...", folder / f"cut{len(cuts)}.qcow2"))
    done = task.result()
    assert done.status == 0, done.output
    assert cuts, f"no journal entry was told of: {done.output}"
    return cuts


def _entries(task: Task) -> Iterator[str | None]:
    """Yield each entry as it comes, and None when none has come for a while."""
    seen, since = 0, time.monotonic()
    while not task.ended():
        told = _ENTRY.findall(task.text())
        if len(told) > seen:
            yield told[seen].strip()
            seen, since = seen + 1, time.monotonic()
        elif time.monotonic() - since > _WITHIN:
            yield None
            since = time.monotonic()
        time.sleep(0.01)


def _freeze(vm: Rig, moment: str, new: Path) -> Cut:
    return Cut(moment, vm.freeze_disk(new))


def examine(vm: Rig, command: str, driver: str) -> None:
    """Check a machine after a power cut: the NIC works, and `status` tells what is so."""
    vm.bring_up(0)
    assert vm.reaches(0), "the NIC carries nothing"
    told = vm.run("pfq-omatic status --json")
    assert told.status in (0, 1, 2), told.output
    status = json.loads(told.output)
    assert status["level"] == told.status
    left = vm.run(f"head -n 1 {_JOURNAL} 2>/dev/null").output.strip()
    if left:
        assert told.status != 0, "something is unfinished and all is said to be well"
        assert status["unfinished"], f"the journal is there and status does not say so: {left}"
        said = " ".join((status["unfinished"]["command"], *status["unfinished"]["argv"]))
        assert said.split()[0] == command.split()[0] and driver in said, said
        assert any(said in trouble["hint"] for trouble in status["troubles"]), told.output
    else:
        assert status["unfinished"] is None, told.output
    for found in (one for one in status["drivers"] if one["name"] == driver and one["release"] == status["running"]):
        assert found["modprobe"] == whose(vm, driver), found
        # An initramfs may still hold ours when its file is gone; status then calls it another build of ours.
        assert found["running"].partition(",")[0] == running(vm, driver), found


def whose(vm: Rig, driver: str) -> str:
    """Return whose module modprobe would load: ours or stock."""
    return "ours" if "/updates/" in vm.must(f"modinfo -n {driver}") else "stock"


def running(vm: Rig, driver: str) -> str:
    """Return whose module is loaded, by the version that it states."""
    version = vm.run(f"cat /sys/module/{driver}/version").output
    return "ours" if "pfq" in version else "stock"


def finish(vm: Rig, command: str) -> None:
    """Run the command again; afterwards nothing is unfinished."""
    again = vm.run(f"if test -e {_JOURNAL}; then echo left; fi; pfq-omatic {command}", patience=1800.0)
    # What was taken away to the end cannot be taken away again.
    gone = command.startswith("uninstall") and not again.output.startswith("left")
    assert again.status in ((0, NotInstalled.exit_code) if gone else (0,)), again.output
    assert vm.run(f"test -e {_JOURNAL}").status == 1, "the journal is still there"
    status = json.loads(vm.run("pfq-omatic status --json").output)
    assert status["unfinished"] is None
    assert status["level"] < 2, status["troubles"]


def survive(boot: Boot, command: str, driver: str, *, again: bool) -> None:
    """Boot what a cut has left and check it; `again` runs the command again, too."""
    with boot.boot(small=True, nics=(driver,)) as vm:
        examine(vm, command, driver)
        if again:
            finish(vm, command)
        assert not vm.complaints()
