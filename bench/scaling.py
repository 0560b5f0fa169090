# SPDX-License-Identifier: GPL-2.0-or-later
"""Do two queues and two readers get twice as much done as one of each?

Counted are the instructions of each processor, by a plugin of the emulator; what matters is the busiest one, for the
others could do no more at the same time. docs/benchmarks.md explains.
"""

import argparse
import contextlib
import os
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import receive_build
import receive_guest
import sharing
from latest import Figure, keep
from receive_build import HOOK, NIC, PFQ, Built
from receive_guest import DEVICE, Guest
from symbols import Symbols

from omatic import dirs
from omatic.dirs import Cache

DEVICE_SETTINGS = {"size": "60", "frames_as": "skbs", "way": "napi_gro_receive"}
MECHANISM = "pfq-steer"
"""Frames of each queue go to all readers; nothing but the reservation should be shared."""

_CPUS = 5
_ARGUMENTS = ("isolcpus=1-4", "nohz_full=1-4", "rcu_nocbs=1-4")
"""The first processor is for the rest of the system; no tick counts as work, which comes by the time of the host."""

_KNOWN = (sharing.SLOTS, sharing.RESERVATION, sharing.ONCE)
_TIMES = 1.7
"""How many times as much two queues and readers should get done."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the readers are: one on each processor from the `first` on. Source i is on processor 1 + i."""

    name: str
    first: int


PLACES = (Place("", 3), Place(".beside", 1))
"""On processors of their own, and on those of the sources."""


@contextlib.contextmanager
def _guest(built: Built, work: Path, plugin: str, parameters: str) -> Iterator[tuple[Guest, Path]]:
    """Boot a guest that is watched by a plugin of the emulator; yields it, and where the plugin writes what it saw."""
    seen = work / plugin
    options = ("-plugin", f"{receive_build.plugin(plugin, work)},into={seen}")
    with receive_guest.boot(built, work / "logs", options, _ARGUMENTS, cpus=_CPUS) as guest:
        guest.run(f"load {HOOK} && insmod /modules/{NIC}.ko queues=2 && insmod /modules/{PFQ}.ko {parameters}")
        guest.run(f"ip link set {DEVICE} up; sleep 2")
        for knob, value in DEVICE_SETTINGS.items():
            guest.run(f"echo {value} >/sys/class/net/{DEVICE}/source/{knob}")
        # Who waits for an interrupt executes nothing: no driver that would have it look out for work instead.
        guest.run("! grep -v none /sys/devices/system/cpu/cpuidle/current_driver")
        yield guest, seen


def _receive(guest: Guest, ways: int, place: Place, frames: int) -> None:
    for count in (4096, frames):  # what is allocated once is allocated before
        guest.receive(f"bench-receive {MECHANISM} {DEVICE} {ways} poll {count} {ways} {place.first}", count)


def _executed(counts: Path) -> list[int]:
    """Return the instructions of each processor."""
    each = [0] * _CPUS
    for line in counts.read_text().splitlines():
        cpu, instructions = line.split()
        each[int(cpu)] = int(instructions)
    return each


def _figures(guest: Guest, counts: Path, frames: int, taken: dict[str, list[float]]) -> None:
    for place in PLACES:
        busiest = {}
        for ways in (1, 2):
            _receive(guest, ways, place, frames)
            each = [one / frames for one in _executed(counts)]
            busiest[ways] = max(each)
            name = f"rx.pfq.busiest.{ways}q{ways}r{place.name}.60"
            print(f"{name:36} {busiest[ways]:10.1f}  of {' '.join(f'{one:.1f}' for one in each)}", flush=True)
            taken.setdefault(name, []).append(round(busiest[ways], 2))
        taken.setdefault(f"rx.pfq.scaling.2q2r{place.name}.60", []).append(round(busiest[1] / busiest[2], 4))


def _tell_sharing(guest: Guest, lines: Path, frames: int) -> None:
    _receive(guest, 2, PLACES[0], frames)
    found = sharing.lines(lines.read_text(), Symbols(guest.run("cat /proc/kallsyms")))
    for kind, count in sorted(found.items()):
        good = count == 2 if kind == sharing.RESERVATION else kind.endswith(_KNOWN)
        print(f"{'ok' if good else 'NO':3} {count} lines written by one and used by another: {kind}")


def main() -> None:
    """Measure, print a table, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--runs", type=int, default=3, help="guests booted, one after the other")
    parser.add_argument("--frames", type=int, default=65536)
    parser.add_argument("--parameters", default="", help="of pfq, as for insmod")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        built = receive_build.build(given.kernel, Cache(dirs.default_cache()), work, given.jobs)
        for _ in range(given.runs):
            with _guest(built, work, "vcpus", given.parameters) as (guest, seen):
                _figures(guest, seen, given.frames, taken)
        with _guest(built, work, "lines", given.parameters) as (guest, seen):
            _tell_sharing(guest, seen, given.frames)
    figures = [Figure(name, _unit(name), round(statistics.median(runs), 4), runs) for name, runs in taken.items()]
    for one in figures:
        if one.name.startswith("rx.pfq.scaling"):
            print(f"{'ok' if one.value >= _TIMES else 'NO':3} {one.name:70} {one.value:8.3f} (at least {_TIMES:g})")
    keep(figures)


def _unit(name: str) -> str:
    return "times 1q1r" if ".scaling." in name else "instructions/packet"


if __name__ == "__main__":
    main()
