# SPDX-License-Identifier: GPL-2.0-or-later
"""The fuzzer (fuzz.c) in a guest: options, memory, rings, filters and programs, by many threads, under traffic.

The seed is printed; PFQ_TEST_SEED repeats a run, as far as the scheduler of a guest does. PFQ_TEST_FUZZ is how many
operations there are.
"""

import json
import os
import random
import re
from pathlib import Path

import pytest

from omatic.lab import leaks
from tests.vm import arena
from tests.vm.arena import DEVICE, PEER, Arena, Kit

pytestmark = pytest.mark.vm
OPERATIONS = int(os.environ.get("PFQ_TEST_FUZZ", "5000"))
ROUND = 50_000
"""At most so many operations are done by one run of the program; then everything is looked at."""


def _device_laws(table: str) -> list[str]:
    """Return the lines of /proc/net/pfq/devices that do not add up."""
    wrong = []
    for line in re.findall(r"^ +\d+:.*", table, re.MULTILINE):
        handed, consumed, passed, both, freed = map(int, line.split(":")[1].split()[:5])
        if handed != consumed + passed + both + freed:
            wrong.append(line)
    return wrong


def _run(guest: Arena, seed: int, operations: int) -> None:
    said = guest.machine.guest.run(f"fuzz {seed} {operations} {DEVICE} {PEER}", patience=7200.0)
    what = f"fuzz {seed} {operations} {DEVICE} {PEER}\n{said.output[-2000:]}"
    assert said.status == 0, what
    print(said.output)
    line = next(line for line in said.output.splitlines() if line.startswith('{"'))
    done = json.loads(line)
    assert done["operations"] >= operations, what
    assert done["recv"] > 0 and done["slots"] + done["lost"] == done["recv"] and done["wrong"] == 0, what
    assert not _device_laws(said.output), what
    # Each kind of attack must get through now and then, or it attacks nothing.
    idle = [kind for kind, (tried, good) in done["kinds"].items() if tried > 300 and not good]
    assert set(idle) <= {"death", "filter", "program"}, what


def test_fuzz(kit: Kit, tmp_path: Path) -> None:
    """Nothing that user space does brings the kernel out of order, leaks, or costs a well-behaved neighbour a frame."""
    seed = int(os.environ.get("PFQ_TEST_SEED") or random.randrange(1 << 32))
    print(f"PFQ_TEST_SEED={seed}")
    with arena.arena(kit, tmp_path) as guest:
        # What the first round allocates for good is no leak, and neither is what grows once: a leak grows each time.
        _run(guest, seed, min(OPERATIONS, 2000))
        before = guest.snapshot()
        grown: list[set[str]] = []
        rounds = max(-(-OPERATIONS // ROUND), 2)
        for number in range(rounds):
            guest.must(f"mark 'fuzz {number}'")
            _run(guest, seed + number + 1, OPERATIONS // rounds)
            after = guest.snapshot()
            found = leaks.growth(before, after, max(OPERATIONS // rounds // 50, 200))
            print(*found, sep="\n")
            grown.append({line.partition(":")[0] for line in found})
            before = after
        assert not set.intersection(*grown), grown
