# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest in which receiving is measured: one processor, one instruction a nanosecond, nothing else going on.

docs/benchmarks.md says why it is set up like this; omatic/lab boots it.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from receive_build import FLOOR, HOOK, NIC, PFQ, Built
from receive_cases import Case, Driver

from omatic.errors import RehearsalFailed
from omatic.lab import initramfs, kmsg, machine, qemu, tools
from omatic.lab.machine import Machine, Setup
from omatic.lab.modules import Module, ModuleTree, read

CPU = "max,-erms,-fsrm"
_REP_GOOD = 3 * 32 + 16
ARGUMENTS = ("init_on_alloc=0", "mitigations=off", f"clearcpuid={_REP_GOOD}", "nokaslr", "transparent_hugepage=never")
"""No processor on which the kernel moves bytes by `rep`: each iteration would count as an instruction, whatever it
moves. So a copy costs 0.4 instructions a byte, on all kernels."""

DEVICE = "bench0"
UNSUPPORTED = 4
_PATIENCE = 1800.0


@dataclass(frozen=True, slots=True)
class Figure:
    """Instructions for each packet; None if this PFQ cannot do it."""

    name: str
    value: float | None


@contextlib.contextmanager
def boot(
    built: Built,
    logs: Path,
    options: tuple[str, ...] = (),
    arguments: tuple[str, ...] = (),
    parameters: str = "",
    cpus: int = 1,
) -> Iterator["Guest"]:
    """Boot the guest for the length of the block; afterwards its log must be clean.

    `options` are for QEMU, `arguments` for the kernel, `parameters` for pfq. With several `cpus` time is that of the
    host, and says nothing.
    """
    paths = {HOOK: built.hook, PFQ: built.pfq, FLOOR: built.floor, NIC: built.accelerated}
    tree = ModuleTree(built.kernel.modules, paths)
    archive = initramfs.build(
        tree,
        modules=[Module(name, read(path)) for name, path in paths.items()],
        stock=[Module(NIC, read(built.stock))],
        programs={"labtool": tools.labtool(logs), "bench-receive": built.program},
    )
    assert built.kernel.image is not None
    setup = Setup(
        qemu.find(),
        built.kernel.image,
        archive,
        logs,
        (),
        (*ARGUMENTS, *arguments),
        cpus=cpus,
        cpu=CPU,
        exact=cpus == 1,
        options=options,
    )
    with machine.boot(setup) as booted:
        # What the kernel put off when it booted it does now; idle time takes no time here.
        booted.guest.must("mark bench; sleep 30")
        yield Guest(booted, parameters)
        booted.guest.must("mark end")
        booted.kmsg.wait_for(b"phase: end", 60.0)
    if found := kmsg.complaints(kmsg.parse(booted.kmsg.text())):
        raise RehearsalFailed(
            "the kernel complained during the benchmark",
            hint=f"see {logs}",
            details=[str(one.line) for one in found],
        )


class Guest:
    """Takes figures in a running guest; drivers and cores are exchanged as the cases want them."""

    def __init__(self, booted: Machine, parameters: str) -> None:
        self._guest = booted.guest
        self._parameters = parameters
        self._loaded: tuple[Driver, str | None] | None = None

    def figure(self, case: Case, size: int, frames: int) -> Figure:
        """Return one figure; RehearsalFailed if frames were lost, for then it means nothing."""
        self._load(case.driver, case.core)
        for knob, value in (("size", size), ("way", case.way), ("frames_as", case.made)):
            self._guest.must(f"echo {value} >/sys/class/net/{DEVICE}/source/{knob}")
        command = f"bench-receive {case.mechanism} {DEVICE} {case.readers} {case.wait}"
        name = f"{case.name}.{size}"
        # What is allocated once is allocated now.
        warm = self._guest.run(f"{command} 4096", patience=_PATIENCE)
        if warm.status == UNSUPPORTED:
            return Figure(name, None)
        found = self.receive(f"{command} {frames}", frames)
        return Figure(name, (found["cycles"] - 1000 * found["idle_us"]) / frames)

    def receive(self, command: str, frames: int) -> dict[str, Any]:
        """Run a command of bench-receive and return what it says; RehearsalFailed if frames were lost."""
        said = self._guest.must(command, patience=_PATIENCE)
        found: dict[str, Any] = json.loads(said)
        if any(found["lost"]) or sum(found["read"]) % frames:
            raise RehearsalFailed(f"{command}: frames were lost", hint="is a ring too small?", details=[said])
        return found

    def run(self, command: str) -> str:
        """Run a command of the shell in the guest; it must succeed."""
        return self._guest.must(command)

    def _load(self, driver: Driver, core: str | None) -> None:
        if self._loaded == (driver, core):
            return
        if self._loaded:
            self._guest.must(f"ip link set {DEVICE} down; unload $(loaded {FLOOR} {PFQ} {NIC} {HOOK})")
        if driver is Driver.STOCK:
            self._guest.must(f"insmod /stock/{NIC}.ko")
        else:
            self._guest.must(f"load {HOOK} {NIC}")
        if core:
            self._guest.must(f"load {HOOK} && insmod /modules/{core}.ko {self._parameters if core == PFQ else ''}")
        self._guest.must(f"ip link set {DEVICE} up; sleep 2")
        self._loaded = (driver, core)
