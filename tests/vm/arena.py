# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest for hostile tests: PFQ, pairs of accelerated veth, and programs that attack it from within.

Traffic is made in the guest, so no NIC is plugged in. What the kernel says, leaks, or keeps is looked at by
`finish`: every test ends with it.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from omatic import core, dirs, kernel, pipeline, proc
from omatic.dirs import Cache
from omatic.lab import initramfs, kmsg, leaks, machine, qemu, tools
from omatic.lab.leaks import Snapshot
from omatic.lab.machine import Machine, Setup
from omatic.lab.modules import ModuleTree
from omatic.pipeline import Settings

TOP = Path(__file__).resolve().parents[2]
PROGRAMS = ("executor", "traffic", "reader", "fuzz", "faults", "conformance")
MODULES = ("pfq_hook", "veth", "pktgen", "pfq")
DEVICE, PEER = "v0", "v1"
"""A pair in the guest: what is sent on the peer comes in on the device, which is accelerated."""

_LEAKED = (
    "mount -t debugfs none /sys/kernel/debug 2>/dev/null; leaks=/sys/kernel/debug/kmemleak; [ ! -e $leaks ] || "
    "{ echo scan >$leaks; sleep 6; echo scan >$leaks; cat $leaks; }"
)
"""Twice, since what was freed a moment ago may still look lost."""


@dataclass(frozen=True, slots=True)
class Kit:
    """What a guest is made of: boot image, initramfs, names of the modules in the order in which they load."""

    release: str
    image: Path
    archive: bytes
    modules: tuple[str, ...]

    @property
    def debug(self) -> bool:
        """Tell whether the kernel was built to find faults (tools/debug_kernel.py)."""
        return "-pfq-" in self.release


@dataclass(frozen=True, slots=True)
class Arena:
    """A guest that runs, with modules loaded and the pair up."""

    kit: Kit
    machine: Machine

    def must(self, command: str, patience: float = 900.0) -> str:
        """Run a command that has to succeed."""
        return self.machine.guest.must(command, patience=patience)

    def devices(self) -> dict[str, int]:
        """Return the numbers of the network devices by name."""
        said = self.must("cd /sys/class/net && for each in *; do echo $each $(cat $each/ifindex); done; cd /")
        return {name: int(number) for name, number in (line.split() for line in said.splitlines())}

    def snapshot(self) -> Snapshot:
        """Return what the kernel's memory looks like now, at rest."""
        return leaks.parse(self.must("snapshot"))


def kit(release: str, work: Path) -> Kit:
    """Build everything that a guest needs, as a user does."""
    cache = Cache(dirs.default_cache())
    settings = Settings(cache, kernel=release, source=sources(release, cache), jobs=os.cpu_count() or 1)
    (outcome,) = pipeline.build(["veth"], settings)
    target = kernel.discover(release)
    found = pipeline.stock_kernel(target, settings)
    assert outcome.module is not None and found.image is not None
    built = core.build(target, cache, settings.jobs)
    programs = work / "programs"
    proc.run(["make", "-C", TOP / "tests/vm", f"BUILD={programs}"])
    tree = ModuleTree(found.modules, {"pfq_hook": built.hook, "pfq": built.core, "veth": outcome.module})
    modules = tree.order(MODULES)
    archive = initramfs.build(
        tree,
        modules=modules,
        programs={"labtool": tools.labtool(work), **{name: programs / name for name in PROGRAMS}},
    )
    return Kit(release, found.image, archive, tuple(module.name for module in modules))


def sources(release: str, cache: Cache) -> str:
    """Return what the option --source has to say for a kernel."""
    # A debug kernel is of no package; the tree that it was built from is beside it.
    built = Path("/lib/modules", release, "build").resolve()
    return str(built.parents[1] / "linux") if cache.root.resolve() / "debug-kernel" in built.parents else "auto"


@contextlib.contextmanager
def arena(made: Kit, logs: Path, *, cpus: int = 2, memory: int = 1024, expected: Sequence[str] = ()) -> Iterator[Arena]:
    """Boot a guest for the length of the block, with its pair up and PFQ loaded; what the kernel complains of in the
    meantime fails the test (unless it has one of the `expected` texts), and so does a PFQ that cannot be unloaded."""
    extra = 3 if made.debug else 1
    setup = Setup(qemu.find(), made.image, made.archive, logs, cpus=cpus, memory=memory * extra)
    with machine.boot(setup) as booted:
        guest = Arena(made, booted)
        guest.must("mark begin")
        guest.must("load " + " ".join(name for name in made.modules if name != "pktgen"))
        guest.must(f"ip link add {DEVICE} type veth && ip link set veth0 name {PEER}")
        guest.must(f"ip link set {PEER} up && up {DEVICE}")
        yield guest
        leaked = guest.must(_LEAKED, patience=1800.0) if made.debug else ""
        guest.must("unload pfq")
        guest.must("mark end")
        booted.kmsg.wait_for(b"phase: end", 60.0)
        complaints = [
            str(each.line)
            for each in kmsg.complaints(kmsg.parse(booted.kmsg.text()))
            if not any(text in each.line.text for text in expected)
        ]
    assert not complaints, "\n".join(complaints)
    assert "pfq" not in leaked, leaked
