# SPDX-License-Identifier: GPL-2.0-or-later
"""What is to be loaded: which accelerated modules there are, what goes in together with each, and what the guest gets.

Only a module that is built, untouched and proven is a subject. A guest gets the modules of several drivers, as many as
fit into a small machine.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from omatic import state, stock, verify
from omatic.core import Core
from omatic.dirs import Cache
from omatic.lab import closure, initramfs, modules
from omatic.lab.closure import Needs
from omatic.lab.loading import HOOK, Round
from omatic.lab.machine import Plug, Setup
from omatic.lab.modules import Module, ModuleTree
from omatic.lab.nic import Nic
from omatic.lab.qemu import Qemu
from omatic.model import KernelTarget, StockKernel, StockModule

ROOM = 128 << 20
"""How many bytes of modules one guest gets, unless a single driver needs more."""

_MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Subject:
    """An accelerated module, and the two rounds that it is tried in."""

    module: StockModule
    built: Path
    dependents: tuple[str, ...]
    stock: Round
    accelerated: Round

    @property
    def name(self) -> str:
        """The driver, as lsmod prints it."""
        return self.module.name

    @property
    def family(self) -> tuple[str, ...]:
        """The driver and those that need it: each may be what drives the device."""
        return self.name, *self.dependents


def accelerated(module: StockModule, target: KernelTarget, cache: Cache) -> tuple[Path, str]:
    """Return where the accelerated module is, and why it cannot be tried; the latter is empty if it can."""
    out = cache.work(target.place, module.name) / "out"
    built = out / module.intree.name
    report = state.latest_report(out, built)
    if report is None:
        return built, "not built"
    refusal = verify.go(report, target, force=False)
    return built, f"not proven: {refusal}" if refusal else ""


class Stockroom:
    """All modules that guests can get: the kernel's own and the core."""

    def __init__(self, kernel: StockKernel, hook: Core) -> None:
        self._hook = hook.hook
        self._paths = {module.name: module.path for module in stock.modules(kernel)}
        self._needs: Needs = closure.read(self._paths)
        self._tree = ModuleTree(kernel.modules)

    def subject(self, module: StockModule, built: Path) -> Subject:
        """Return what there is to try of a module.

        What needs another part of the same driver counts as needing it: mlx4_ib talks to mlx4_core, as mlx4_en does.
        """
        parts = [name for name in self._needs[module.name] if self._folder(name) == module.path.parent]
        users = {user for name in (module.name, *parts) for user in closure.dependents(self._needs, name)}
        dependents = tuple(sorted(users - {module.name}))
        together = (module.name, *dependents)
        ours = {module.name: closure.needed_by(built), HOOK: ()}
        return Subject(
            module,
            built,
            dependents,
            Round(module.name, False, closure.order(self._needs, together)),
            Round(module.name, True, closure.order({**self._needs, **ours}, together)),
        )

    def _folder(self, name: str) -> Path | None:
        path = self._paths.get(name)
        return path and path.parent

    def setup(self, subjects: Sequence[Subject], given: "Laboratory", logs: Path) -> Setup:
        """Return the guest for these subjects."""
        stocked = sorted({name for subject in subjects for name in subject.stock.modules})
        ours = [Module(HOOK, modules.read(self._hook))]
        ours += [Module(subject.name, subject.built.read_bytes()) for subject in subjects]
        archive = initramfs.build(
            self._tree,
            modules=ours,
            stock=(Module(name, modules.read(self._paths[name])) for name in stocked),
            programs={"labtool": given.labtool},
        )
        plugs = tuple(Plug(nic, wired=False) for nic in given.nics_of(subjects))
        memory = 512 + 3 * len(archive) // _MEGABYTE
        return Setup(given.qemu, given.image, archive, logs, plugs, memory=memory)

    def batches(self, subjects: Iterable[Subject], room: int = ROOM) -> Iterator[tuple[Subject, ...]]:
        """Yield the subjects in groups that fit into one guest each."""
        batch: list[Subject] = []
        inside: dict[str, int] = {}
        for subject in subjects:
            wanted = {name: self._paths[name].stat().st_size for name in subject.stock.modules}
            wanted[f"our {subject.name}"] = subject.built.stat().st_size
            if batch and sum((inside | wanted).values()) > room:
                yield tuple(batch)
                batch, inside = [], {}
            batch.append(subject)
            inside |= wanted
        if batch:
            yield tuple(batch)


@dataclass(frozen=True, slots=True)
class Laboratory:
    """What all guests have in common: the emulator, its NICs, the kernel's image and the helper program."""

    qemu: Qemu
    nics: tuple[Nic, ...]
    image: Path
    labtool: Path

    def nics_of(self, subjects: Iterable[Subject]) -> list[Nic]:
        """Return the NICs that the subjects, or what needs them, drive."""
        drivers = {name for subject in subjects for name in subject.family}
        return [nic for nic in self.nics if nic.driver in drivers]
