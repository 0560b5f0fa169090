# SPDX-License-Identifier: GPL-2.0-or-later
"""What a sweep will do, as a list: the modules of a kernel that deliver packets, and those that others deliver for.

Told by the stock modules alone: no sources are needed and no list of drivers is kept.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from omatic import elf, stock
from omatic.model import StockKernel, StockModule
from omatic.modinfo import Symvers
from omatic.rules import TWINS


class Scope(Enum):
    """Which part of the kernel a sweep covers."""

    NET = "net"
    ETHERNET = "ethernet"

    @property
    def folder(self) -> Path:
        """The in-tree folder."""
        return stock.NET if self is Scope.NET else stock.NET / "ethernet"


KERNEL = "vmlinux"
IN_THE_KERNEL = frozenset(("dev_forward_skb", "__dev_forward_skb", "gro_cells_receive"))
"""Functions of the kernel image that deliver what a module hands them. They have no twin: they act for a virtual
device, behind the NIC's driver, from where the packet came in the first place."""


@dataclass(frozen=True, slots=True)
class Task:
    """One module to build: the delivery functions that the stock module imports, and how large it is.

    `aside` are functions of the kernel image that it hands packets to as well, which have no twin.
    """

    module: StockModule
    symbols: tuple[str, ...]
    aside: tuple[str, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Through:
    """A module that calls no delivery function itself, though packets pass from it to those who do.

    `calls` has what it calls, by the module that exports it; `deliverers` are the modules at the end of that chain,
    which do call a delivery function; KERNEL is the kernel image.
    """

    module: StockModule
    calls: Mapping[str, tuple[str, ...]]
    deliverers: tuple[str, ...]


def tasks(kernel: StockKernel, scope: Scope) -> tuple[Task, ...]:
    """Return the modules that deliver packets, the smallest first: what is wrong with all of them shows early."""
    found = []
    for module in stock.modules(kernel, scope.folder):
        imported = elf.imports(module.path)
        if symbols := imported & TWINS.keys():
            aside = tuple(sorted(imported & IN_THE_KERNEL))
            found.append(Task(module, tuple(sorted(symbols)), aside, module.path.stat().st_size))
    return tuple(sorted(found, key=lambda task: (task.size, task.module.name)))


def through(kernel: StockKernel, scope: Scope, symvers: Symvers) -> tuple[Through, ...]:
    """Return the modules that deliver through another one (usbnet, mac80211) or through the kernel (gro_cells)."""
    index = stock.Index(kernel)
    inside = list(stock.modules(kernel, scope.folder))
    known = _with_dependencies(inside, index)
    imported = {name: elf.imports(module.path) for name, module in known.items()}
    ends: dict[str, frozenset[str]] = {}
    for name, symbols in imported.items():
        if symbols & TWINS.keys():
            ends[name] = frozenset((name,))
        elif symbols & IN_THE_KERNEL:
            ends[name] = frozenset((KERNEL,))
    exports = ((symbol, symvers.get(symbol)) for symbol in frozenset().union(*imported.values()))
    exporter = {symbol: stock.module_name(Path(e.module).name) for symbol, e in exports if e is not None}
    used = {name: {exporter[symbol] for symbol in symbols & exporter.keys()} for name, symbols in imported.items()}
    while more := {name: reached for name in used.keys() - ends.keys() if (reached := _reached(used[name], ends))}:
        ends.update(more)
    return tuple(
        Through(module, _calls(imported[module.name], exporter, ends), tuple(sorted(ends[module.name])))
        for module in inside
        if module.name in ends and not imported[module.name] & TWINS.keys()
    )


def _reached(used: Iterable[str], ends: Mapping[str, frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*(ends[name] for name in used if name in ends))


def _calls(
    imported: frozenset[str], exporter: Mapping[str, str], ends: Mapping[str, frozenset[str]]
) -> dict[str, tuple[str, ...]]:
    calls: dict[str, list[str]] = {}
    for symbol in sorted(imported):
        if symbol in IN_THE_KERNEL:
            calls.setdefault(KERNEL, []).append(symbol)
        elif exporter.get(symbol) in ends:
            calls.setdefault(exporter[symbol], []).append(symbol)
    return {name: tuple(symbols) for name, symbols in calls.items()}


def _with_dependencies(modules: Iterable[StockModule], index: Mapping[str, StockModule]) -> dict[str, StockModule]:
    found = {module.name: module for module in modules}
    todo = list(found.values())
    while todo:
        for value in elf.modinfo(todo.pop().path).get("depends", ()):
            for name in (stock.module_name(listed) for listed in value.split(",") if listed):
                if name not in found and name in index:
                    found[name] = index[name]
                    todo.append(index[name])
    return found
