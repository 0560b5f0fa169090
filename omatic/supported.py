# SPDX-License-Identifier: GPL-2.0-or-later
"""Which drivers of a kernel can be accelerated: those whose stock modules import a delivery function.

Needs neither sources nor network, and stays light: what answers is this machine, its stock modules and the cache.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from omatic import catalog, fetch, modalias, state, stock
from omatic.dirs import Cache
from omatic.life import receipt, running
from omatic.life.system import System
from omatic.model import KernelTarget, StockKernel, StockModule

SYS = Path("/sys")


class State(Enum):
    """How far a driver is: what counts is the farthest."""

    STOCK = "stock"
    BUILT = "built"
    INSTALLED = "installed"
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Supported:
    """One driver: its delivery functions, the devices of this machine that it serves, whether its sources are at hand
    without a network, and how far we got with it. `refused` says why its build is not delivered, if that is so."""

    module: StockModule
    symbols: tuple[str, ...]
    devices: tuple[str, ...]
    sources: bool
    state: State
    refused: str | None

    def to_json(self) -> dict[str, object]:
        """Return it as `list-supported --json` prints it."""
        return {
            "module": self.module.name,
            "symbols": list(self.symbols),
            "stock": str(self.module.path),
            "devices": list(self.devices),
            "sources": self.sources,
            "state": self.state.value,
            "refused": self.refused,
        }


def listing(
    kernel: StockKernel, target: KernelTarget, cache: Cache, *, system: System | None = None, sys: Path = SYS
) -> tuple[Supported, ...]:
    """Return every driver below drivers/net that delivers packets, by in-tree path.

    Drivers are installed below the target's root, unless another `system` is given; devices are this machine's.
    """
    system = system or System(target.root)
    delivering = dict(_delivering(kernel))
    known = modalias.patterns(kernel.modules / "modules.alias", {module.name for module in delivering})
    present = modalias.devices(known, sys)
    sources = fetch.at_hand(target, {module.folder for module in delivering}, cache)
    rows = []
    for module, symbols in delivering.items():
        built = cache.work(target.place, module.name) / "out" / module.intree.name
        refused = state.read_refusal(built.parent)
        rows.append(
            Supported(
                module=module,
                symbols=tuple(sorted(symbols)),
                devices=present.get(module.name, ()),
                sources=module.folder in sources,
                state=_state(module, target, system, built if refused == "" else None),
                refused=refused or None,
            )
        )
    return tuple(rows)


def _delivering(kernel: StockKernel) -> Iterator[tuple[StockModule, frozenset[str]]]:
    for module in stock.modules(kernel, stock.NET):
        if symbols := catalog.delivers(module.path):
            yield module, symbols


def _state(module: StockModule, target: KernelTarget, system: System, built: Path | None) -> State:
    kept = receipt.read(system, target.release, module.name)
    files = [system.root / file.path.lstrip("/") for file in kept.files] if kept else []
    installed = bool(files) and all(file.is_file() for file in files)
    # Receipts list the module first; one that was loaded from the cache or from an output folder is ours by its mark.
    ours = files[0] if installed else built
    if running.release(system) == target.release and (
        running.whose(system, module.name, ours, module.path) in running.HOOKED
    ):
        return State.RUNNING
    if installed:
        return State.INSTALLED
    return State.STOCK if built is None else State.BUILT
