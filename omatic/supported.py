# SPDX-License-Identifier: GPL-2.0-or-later
"""Which drivers of a kernel can be accelerated: those whose stock modules import a delivery function.

Needs no sources. Devices of this machine are matched as the kernel itself does it: by modalias.
"""

import fnmatch
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from omatic import catalog, stock
from omatic.dirs import Cache
from omatic.model import StockKernel, StockModule

SYS = Path("/sys")


@dataclass(frozen=True, slots=True)
class Supported:
    """One driver: its delivery functions, the devices of this machine that it serves, and how far we got with it.

    `state` is "stock", or "built" when an accelerated module is in the cache.
    """

    module: StockModule
    symbols: tuple[str, ...]
    devices: tuple[str, ...]
    state: str

    def to_json(self) -> dict[str, object]:
        """Return it as `list-supported --json` prints it."""
        return {
            "module": self.module.name,
            "symbols": list(self.symbols),
            "stock": str(self.module.path),
            "devices": list(self.devices),
            "state": self.state,
        }


def listing(kernel: StockKernel, place: str, cache: Cache, sys: Path = SYS) -> tuple[Supported, ...]:
    """Return every driver below drivers/net that delivers packets, by in-tree path; `place` is the target's."""
    present = devices(kernel, sys)
    found = []
    for module in stock.modules(kernel, stock.NET):
        if symbols := catalog.delivers(module.path):
            built = (cache.work(place, module.name) / "out/state.json").is_file()
            state = "built" if built else "stock"
            found.append(Supported(module, tuple(sorted(symbols)), present.get(module.name, ()), state))
    return tuple(found)


def devices(kernel: StockKernel, sys: Path = SYS) -> Mapping[str, tuple[str, ...]]:
    """Return the devices of this machine by the module that would serve them, e.g. igb: "0000:03:00.0 (eth0)"."""
    aliases = kernel.modules / "modules.alias"
    text = aliases.read_text() if aliases.is_file() else ""
    patterns = re.findall(r"^alias (\S+) (\S+)$", text, re.MULTILINE)
    found: dict[str, list[str]] = {}
    for folder, modalias in _modaliases(sys):
        bus = modalias.split(":", 1)[0] + ":"
        for pattern, module in patterns:
            if pattern.startswith(bus) and fnmatch.fnmatchcase(modalias, pattern):
                found.setdefault(stock.module_name(module), []).append(_label(folder))
    return {module: tuple(dict.fromkeys(listed)) for module, listed in found.items()}


def _modaliases(sys: Path) -> Iterable[tuple[Path, str]]:
    for path in sorted(sys.glob("bus/*/devices/*/modalias")):
        try:
            yield path.parent, path.read_text().strip()
        except OSError:
            continue


def _label(device: Path) -> str:
    # virtio puts the interface below a device of its own; PCI and USB directly below theirs.
    names = sorted({path.name for pattern in ("net/*", "*/net/*") for path in device.glob(pattern)})
    return device.name + (f" ({', '.join(names)})" if names else "")
