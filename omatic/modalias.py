# SPDX-License-Identifier: GPL-2.0-or-later
"""Which modules serve the devices of a machine, told as the kernel itself tells it: by modalias.

A kernel has tens of thousands of patterns, and making a regular expression of each takes seconds. Patterns are found
by their beginning, which has no wildcard and tells nearly all of them apart; only those few are matched in full.
"""

import fnmatch
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path

_WILD = re.compile(r"[*?\[]")


class Patterns:
    """The patterns of some modules, to be asked which module a device is for."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Take (pattern, module) pairs."""
        self._by_start: dict[str, list[tuple[str, str]]] = {}
        for pattern, module in pairs:
            wild = _WILD.search(pattern)
            self._by_start.setdefault(pattern[: wild.start()] if wild else pattern, []).append((pattern, module))
        self._lengths = sorted({len(start) for start in self._by_start})

    def of(self, modalias: str) -> tuple[str, ...]:
        """Return the modules whose patterns match a device's modalias, each once."""
        starts = (modalias[:length] for length in self._lengths if length <= len(modalias))
        near = (pair for start in starts for pair in self._by_start.get(start, ()))
        return tuple(dict.fromkeys(module for pattern, module in near if fnmatch.fnmatchcase(modalias, pattern)))


def patterns(aliases: Path, modules: Container[str]) -> Patterns:
    """Read a kernel's modules.alias; only the given modules, named as lsmod names them, count."""
    text = aliases.read_text() if aliases.is_file() else ""
    words = (line.split() for line in text.splitlines() if line.startswith("alias "))
    pairs = ((each[1], each[2].replace("-", "_")) for each in words if len(each) == 3)
    return Patterns(pair for pair in pairs if pair[1] in modules)


def devices(known: Patterns, sys: Path) -> Mapping[str, tuple[str, ...]]:
    """Return the devices below /sys by the module that serves them, e.g. igb: "0000:03:00.0 (eth0)"."""
    found: dict[str, list[str]] = {}
    for folder, modalias in _modaliases(sys):
        for module in known.of(modalias):
            found.setdefault(module, []).append(_label(folder))
    return {module: tuple(dict.fromkeys(listed)) for module, listed in found.items()}


def _modaliases(sys: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(sys.glob("bus/*/devices/*/modalias")):
        try:
            yield path.parent, path.read_text().strip()
        except OSError:
            continue


def _label(device: Path) -> str:
    # virtio puts the interface below a device of its own; PCI and USB directly below theirs.
    names = sorted({path.name for pattern in ("net/*", "*/net/*") for path in device.glob(pattern)})
    return device.name + (f" ({', '.join(names)})" if names else "")
