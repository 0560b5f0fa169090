# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds kernel modules of one release, decompresses them and puts them in the order in which they must be loaded.

A module is known by the name that lsmod prints (underscores). Direct dependencies come from the module itself
(`depends=` in .modinfo), because a replaced module may depend on something that modules.dep has never heard of.
"""

import gzip
import lzma
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import zstandard

from omatic.errors import RehearsalFailed

_DEPENDS = re.compile(rb"(?:^|\0)depends=([^\0]*)\0")
_SUFFIX = re.compile(r"\.ko(?:\.(?:xz|zst|gz))?$")


@dataclass(frozen=True, slots=True)
class Module:
    """A module ready to be loaded: its name and its bytes, decompressed."""

    name: str
    data: bytes


def name_of(path: Path | str) -> str:
    """Return the name that lsmod prints for a module file: .../8139too.ko.xz -> 8139too."""
    return _SUFFIX.sub("", Path(path).name).replace("-", "_")


def read(path: Path) -> bytes:
    """Return the bytes of a module file, decompressed according to its suffix."""
    data = path.read_bytes()
    match path.suffix:
        case ".xz":
            return lzma.decompress(data)
        case ".gz":
            return gzip.decompress(data)
        case ".zst":
            return zstandard.ZstdDecompressor().decompressobj().decompress(data)
        case _:
            return data


def depends(data: bytes) -> tuple[str, ...]:
    """Return the names of the modules whose symbols a module uses, from its .modinfo."""
    found = _DEPENDS.search(data)
    names = found[1].decode().split(",") if found else []
    return tuple(name.replace("-", "_") for name in names if name)


class ModuleTree:
    """The modules of one release: a stock tree, with some of its modules replaced and some added."""

    def __init__(self, stock: Path, replacements: Mapping[str, Path] | None = None) -> None:
        self._stock = _stock_paths(stock)
        self._builtin = _builtin_names(stock)
        self._replacements = dict(replacements or {})

    def __contains__(self, name: str) -> bool:
        return name in self._replacements or name in self._stock

    def built_in(self, name: str) -> bool:
        """Tell whether the kernel image contains that module."""
        return name in self._builtin

    def load(self, name: str, *, stock: bool = False) -> Module:
        """Return a module, its replacement if there is one and `stock` does not ask for the original."""
        path = None if stock else self._replacements.get(name)
        path = path or self._stock.get(name)
        if path is None:
            raise RehearsalFailed(
                f"this kernel has no module '{name}'",
                hint="check that the stock modules belong to this kernel",
            )
        return Module(name, read(path))

    def order(self, names: Iterable[str]) -> tuple[Module, ...]:
        """Return these modules and all they depend on, each once, dependencies first; built-in ones are left out."""
        done: dict[str, Module] = {}

        def _visit(name: str) -> None:
            if name in done or (name in self._builtin and name not in self):
                return
            module = self.load(name)
            for needed in depends(module.data):
                _visit(needed)
            done[name] = module

        for name in names:
            _visit(name)
        return tuple(done.values())


def _stock_paths(stock: Path) -> dict[str, Path]:
    listing = stock / "modules.dep"
    if listing.is_file():
        lines = listing.read_text().splitlines()
        paths = (path for path, found, _ in (line.partition(":") for line in lines) if found)
        # What is in updates/ is not the distribution's: it may be what was accelerated and installed before.
        return {name_of(path): stock / path for path in paths if path.startswith("kernel/")}
    # An unpacked package has not been through depmod.
    return {name_of(path): path for path in sorted(stock.glob("kernel/**/*.ko*"))}


def _builtin_names(stock: Path) -> frozenset[str]:
    listing = stock / "modules.builtin"
    return frozenset(map(name_of, listing.read_text().split())) if listing.is_file() else frozenset()
