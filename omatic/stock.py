# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel as the distribution ships it: where its modules are, and which of them deliver packets.

Stock modules are the oracle: they say which drivers exist, what they import, and what a rebuild must equal. When the
image package is not installed (headers alone are enough to build), `fetch` unpacks it into the cache.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from omatic.kernel import MODULES
from omatic.model import StockKernel, StockModule

_SUFFIXES = (".ko", ".ko.xz", ".ko.zst", ".ko.gz")
NET = Path("drivers/net")


def installed(release: str, modules: Path = MODULES) -> StockKernel | None:
    """Return the installed kernel of that release, or None if its image package is not installed."""
    folder = modules / release
    if not (folder / "kernel").is_dir():
        return None
    image = modules.parents[1] / "boot" / f"vmlinuz-{release}"
    return StockKernel(folder, image if image.is_file() else None, "installed")


def at(root: Path, release: str) -> StockKernel | None:
    """Return the kernel unpacked below `root` (an image package's content), if it is there."""
    for folder in (root / "lib/modules" / release, root / "usr/lib/modules" / release):
        if (folder / "kernel").is_dir():
            image = root / "boot" / f"vmlinuz-{release}"
            return StockKernel(folder, image if image.is_file() else None, "package")
    return None


def module_name(name: str) -> str:
    """Return the name as lsmod prints it: ne2k-pci is ne2k_pci."""
    return name.replace("-", "_")


def stem(filename: str) -> str | None:
    """Return a module file's name without suffixes; None for a file that is no module."""
    for suffix in _SUFFIXES:
        if filename.endswith(suffix):
            return filename.removesuffix(suffix)
    return None


def modules(stock: StockKernel, below: Path = Path()) -> Iterator[StockModule]:
    """Yield the stock modules whose in-tree path is below `below`, in path order; never those of updates/."""
    top = stock.modules / "kernel"
    for folder, subfolders, files in os.walk(top / below):
        subfolders.sort()
        for filename in sorted(files):
            name = stem(filename)
            if name is not None:
                intree = Path(folder).relative_to(top) / f"{name}.ko"
                yield StockModule(module_name(name), Path(folder, filename), intree)


class Index(Mapping[str, StockModule]):
    """All stock modules by name. Thousands of files are listed; a module is looked at only when it is asked for."""

    def __init__(self, stock: StockKernel) -> None:
        self._top = os.fspath(stock.modules / "kernel")
        self._found: dict[str, tuple[str, str, str]] = {}
        for folder, _, files in os.walk(self._top):
            for filename in files:
                if (name := stem(filename)) is not None:
                    self._found[module_name(name)] = (folder, filename, name)

    def __getitem__(self, name: str) -> StockModule:
        folder, filename, stem = self._found[name]
        return StockModule(name, Path(folder, filename), Path(os.path.relpath(folder, self._top), f"{stem}.ko"))

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def builtin(stock: StockKernel) -> Mapping[str, Path]:
    """Return the modules that are part of the kernel image, by name, with their in-tree path."""
    listing = stock.modules / "modules.builtin"
    if not listing.is_file():
        return {}
    paths = (Path(line).relative_to("kernel") for line in listing.read_text().split())
    return {module_name(path.name.removesuffix(".ko")): path for path in paths}
