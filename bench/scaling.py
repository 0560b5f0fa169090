# SPDX-License-Identifier: GPL-2.0-or-later
"""Do two queues and two readers get twice as much done as one of each?

Counted are the instructions of each processor, by a plugin of the emulator; what matters is the busiest one, for the
others could do no more at the same time. docs/benchmarks.md explains.
"""

import argparse
import os
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

import receive_build
import receive_guest
import sharing
from latest import Figure, keep
from receive_build import HOOK, NIC, PFQ
from receive_guest import DEVICE, Guest
from symbols import Symbols

from omatic import dirs
from omatic.dirs import Cache

DEVICE_SETTINGS = {"size": "60", "frames_as": "skbs", "way": "napi_gro_receive"}
MECHANISM = "pfq-steer"
"""Frames of each queue go to all readers; nothing but the reservation should be shared."""

_CPUS = 5
_ARGUMENTS = ("isolcpus=1-4",)
"""The first processor is for the rest of the system."""

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


def _prepare(guest: Guest, parameters: str) -> None:
    guest.run(f"load {HOOK} && insmod /modules/{NIC}.ko queues=2 && insmod /modules/{PFQ}.ko {parameters}")
    guest.run(f"ip link set {DEVICE} up; sleep 2")
    for knob, value in DEVICE_SETTINGS.items():
        guest.run(f"echo {value} >/sys/class/net/{DEVICE}/source/{knob}")
    # Who waits for an interrupt executes nothing: no driver that would have it look out for work instead.
    guest.run("! grep -v none /sys/devices/system/cpu/cpuidle/current_driver")


@dataclass(frozen=True, slots=True)
class Seen:
    """Where the plugins of the emulator write what they saw."""

    counts: Path
    lines: Path

    def options(self, work: Path) -> tuple[str, ...]:
        """Return the emulator's options."""
        plugins = {"vcpus": self.counts, "lines": self.lines}
        given = [("-plugin", f"{receive_build.plugin(name, work)},into={path}") for name, path in plugins.items()]
        return tuple(word for pair in given for word in pair)


def _executed(guest: Guest, ways: int, place: Place, frames: int, seen: Seen) -> list[float]:
    """Return the instructions of each processor, for each frame."""
    command = f"bench-receive {MECHANISM} {DEVICE} {ways} poll"
    where = f"{ways} {place.first}"
    guest.receive(f"{command} 4096 {where}", 4096)
    guest.receive(f"{command} {frames} {where}", frames)
    each = [0] * _CPUS
    for line in seen.counts.read_text().splitlines():
        cpu, instructions = line.split()
        each[int(cpu)] = int(instructions)
    return [one / frames for one in each]


def _figures(guest: Guest, frames: int, seen: Seen, taken: dict[str, list[float]]) -> None:
    for place in PLACES:
        busiest = {}
        for ways in (1, 2):
            each = _executed(guest, ways, place, frames, seen)
            busiest[ways] = max(each)
            name = f"rx.pfq.busiest.{ways}q{ways}r{place.name}.60"
            print(f"{name:36} {busiest[ways]:10.1f}  of {' '.join(f'{one:.1f}' for one in each)}", flush=True)
            taken.setdefault(name, []).append(round(busiest[ways], 2))
        taken.setdefault(f"rx.pfq.scaling.2q2r{place.name}.60", []).append(round(busiest[1] / busiest[2], 4))
        _tell_sharing(guest, seen)


def _tell_sharing(guest: Guest, seen: Seen) -> None:
    """Of two queues and two readers, the last that ran."""
    found = sharing.lines(seen.lines.read_text(), Symbols(guest.run("cat /proc/kallsyms")))
    for kind, count in sorted(found.items()):
        print(f"{'ok' if kind.endswith(_KNOWN) else 'NO':3} {count} lines written by one and used by another: {kind}")
    if found[sharing.RESERVATION] != 2:
        print("NO  each reader should have one line for the reservation")


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
        seen = Seen(work / "counts", work / "lines")
        options = seen.options(work)
        for _ in range(given.runs):
            with receive_guest.boot(built, work / "logs", options, _ARGUMENTS, cpus=_CPUS) as guest:
                _prepare(guest, given.parameters)
                _figures(guest, given.frames, seen, taken)
    figures = [Figure(name, _unit(name), round(statistics.median(runs), 4), runs) for name, runs in taken.items()]
    for one in figures:
        if one.name.startswith("rx.pfq.scaling"):
            print(f"{'ok' if one.value >= _TIMES else 'NO':3} {one.name:70} {one.value:8.3f} (at least {_TIMES:g})")
    keep(figures)


def _unit(name: str) -> str:
    return "times 1q1r" if ".scaling." in name else "instructions/packet"


if __name__ == "__main__":
    main()
