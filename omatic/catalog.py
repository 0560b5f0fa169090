# SPDX-License-Identifier: GPL-2.0-or-later
"""From what a user types to the modules that are rebuilt.

Drivers are named as lsmod names them, or by the names that people use for families. Which modules deliver packets is
asked of the stock modules themselves: no list of drivers is kept here.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from omatic import elf, stock
from omatic.errors import BuiltInDriver, UnknownDriver
from omatic.model import StockKernel, StockModule
from omatic.rules import TWINS

FAMILIES = {
    "mlx4": ("mlx4_core", "mlx4_en"),
    "mlx5": ("mlx5_core",),
    "mlx": ("mlx4_core", "mlx4_en", "mlx5_core"),
}
"""Names that people use for more than one module, or for one of another name."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One module to rebuild, and the name under which it was asked for."""

    request: str
    module: StockModule


def delivers(path: Path) -> frozenset[str]:
    """Return the delivery functions that a module imports."""
    return elf.imports(path) & TWINS.keys()


def resolve(requests: Iterable[str], kernel: StockKernel, release: str) -> tuple[Choice, ...]:
    """Return the modules to rebuild, each once, in the order asked for; raise UnknownDriver or BuiltInDriver."""
    index = stock.Index(kernel)
    chosen: dict[str, Choice] = {}
    for request in requests:
        for module in _modules(request, index, kernel, release):
            chosen.setdefault(module.name, Choice(request, module))
    return tuple(chosen.values())


def of_vendor(requests: Iterable[str], kernel: StockKernel) -> tuple[Choice, ...]:
    """Return the modules of a vendor's source, by the names asked for; what they are is known when they are built.

    They take the place of the stock modules of those names, where there are such.
    """
    index = stock.Index(kernel)
    chosen: dict[str, Choice] = {}
    for request in requests:
        name = stock.module_name(request)
        known = index.get(name)
        intree = known.intree if known else stock.NET / f"{request}.ko"
        chosen.setdefault(name, Choice(request, StockModule(name, Path(), intree)))
    return tuple(chosen.values())


def _modules(
    request: str, index: Mapping[str, StockModule], kernel: StockKernel, release: str
) -> tuple[StockModule, ...]:
    name = stock.module_name(request)
    if name in FAMILIES:
        return tuple(_find(member, index, kernel, release) for member in FAMILIES[name])
    module = _find(name, index, kernel, release)
    if delivers(module.path):
        return (module,)
    through = _through(module, index)
    if not through:
        raise _no_deliverer(module, index)
    return (module, *through)


def _find(name: str, index: Mapping[str, StockModule], kernel: StockKernel, release: str) -> StockModule:
    if name in index:
        return index[name]
    if (path := stock.builtin(kernel).get(name)) is not None:
        raise BuiltInDriver(
            f"{name} is built into kernel {release} ({path}); a built-in driver cannot be replaced",
            hint="choose a kernel that has it as a module (=m), or another NIC",
        )
    net = [module.name for module in index.values() if stock.NET in module.intree.parents]
    close = difflib.get_close_matches(name, [*net, *FAMILIES], n=3)
    raise UnknownDriver(
        f"kernel {release} has no module named {name}",
        hint=(f"did you mean {' or '.join(close)}? " if close else "") + "see: pfq-omatic list-supported",
    )


def _through(module: StockModule, index: Mapping[str, StockModule]) -> tuple[StockModule, ...]:
    """Return the NIC modules that `module` depends on and that deliver for it (ne2k-pci: 8390)."""
    seen: dict[str, StockModule] = {}
    todo = [module]
    while todo:
        for listed in elf.modinfo(todo.pop().path).get("depends", ()):
            for name in filter(None, listed.split(",")):
                found = index.get(stock.module_name(name))
                if found is not None and found.name not in seen:
                    seen[found.name] = found
                    todo.append(found)
    return tuple(m for m in seen.values() if stock.NET in m.intree.parents and delivers(m.path))


def _no_deliverer(module: StockModule, index: Mapping[str, StockModule]) -> UnknownDriver:
    users = [
        other.name
        for other in index.values()
        if stock.NET in other.intree.parents
        and module.name in ",".join(elf.modinfo(other.path).get("depends", ())).replace("-", "_").split(",")
        and delivers(other.path)
    ]
    hint = f"these use it and do: {', '.join(users[:6])}" if users else "see: pfq-omatic list-supported"
    return UnknownDriver(f"{module.name} delivers no packets to the network stack", hint=hint)
