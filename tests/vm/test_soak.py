# SPDX-License-Identifier: GPL-2.0-or-later
"""The module and its sockets come and go under traffic, again and again, in one guest; then its memory is as it was.

PFQ_TEST_SOAK_LOADS and PFQ_TEST_SOAK_CYCLES say how often the module is loaded and how often a socket is opened, bound
and closed; a few times by default, which shows that it works. What grows little is seen by many (make test-soak).
"""

import os
from pathlib import Path

import pytest

from omatic.lab import leaks
from tests.vm import arena
from tests.vm.arena import DEVICE, PEER, Arena, Kit

pytestmark = pytest.mark.vm

LOADS = int(os.environ.get("PFQ_TEST_SOAK_LOADS", "20"))
CYCLES = int(os.environ.get("PFQ_TEST_SOAK_CYCLES", "200"))
_NOISE = 200
"""What fewer repetitions leave behind cannot be told from noise, unless it is much."""


def _soak(guest: Arena, loads: int, cycles: int) -> None:
    """Let the client do it while frames come in; each round of it says whether it captured."""
    guest.must(f"traffic {PEER} 0 60 >/dev/null 2>&1 & echo $! >/tmp/traffic.pid")
    command = f"conformance --soak {loads},{cycles} --device {DEVICE} >/tmp/soak 2>&1"
    said = guest.machine.guest.run(command, patience=600.0 + 10.0 * (loads + cycles))
    guest.machine.guest.run("kill $(cat /tmp/traffic.pid); wait $(cat /tmp/traffic.pid)")
    assert said.status == 0, guest.must("tail -n 20 /tmp/soak")


def _repeat(guest: Arena, loads: int, cycles: int) -> None:
    """Do it in two halves: noise (a page of objects more for each processor) grows once, and a leak each time."""
    grown: list[dict[str, str]] = []
    before = guest.snapshot()
    for _ in range(2):
        _soak(guest, loads // 2, cycles // 2)
        after = guest.snapshot()
        found = leaks.growth(before, after, max((loads + cycles) // 2, _NOISE))
        grown.append({line.partition(":")[0]: line for line in found})
        before = after
    assert not grown[0].keys() & grown[1].keys(), grown


def test_nothing_is_left_behind(kit: Kit, tmp_path: Path) -> None:
    """Slabs, vmalloc areas, memory per CPU, free memory and module references; the kernel has nothing to say."""
    with arena.arena(kit, tmp_path) as guest:
        # What the first rounds allocate for good is no leak.
        _soak(guest, 5, 50)
        guest.must("mark 'soak, loads'")
        _repeat(guest, LOADS, 0)
        guest.must("mark 'soak, cycles'")
        _repeat(guest, 0, CYCLES)
