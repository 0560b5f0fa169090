# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables that the kernel's build writes beside the code: .modinfo, symbol versions and Module.symvers.

Bytes and text in, values out; where the bytes come from is the business of `elf`.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from omatic.errors import SourceCorrupt

_VERSION = struct.Struct("Q56s")
"""struct modversion_info: an unsigned long and a name, 64 bytes in all."""


@dataclass(frozen=True, slots=True)
class Export:
    """A symbol offered to other modules. `crc` is None where the kernel has no MODVERSIONS."""

    name: str
    crc: int | None
    gpl: bool
    namespace: str
    module: str = ""


def parse_modinfo(data: bytes) -> dict[str, tuple[str, ...]]:
    """Return every value of every key of a .modinfo section, in their order."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in data.split(b"\0"):
        key, separator, value = entry.decode(errors="replace").partition("=")
        if separator:
            found[key] = (*found.get(key, ()), value)
    return found


def parse_versions(data: bytes, order: str = "<") -> dict[str, int]:
    """Return the CRC that a module expects of each symbol it imports, from its __versions section."""
    entry = struct.Struct(order + _VERSION.format)
    if len(data) % entry.size:
        raise ValueError(f"__versions has {len(data)} bytes, no multiple of {entry.size}")
    return {name.rstrip(b"\0").decode(): crc & 0xFFFFFFFF for crc, name in entry.iter_unpack(data)}


def parse_extended_versions(crcs: bytes, names: bytes, order: str = "<") -> dict[str, int]:
    """Return the same from __version_ext_crcs and __version_ext_names (CONFIG_EXTENDED_MODVERSIONS, 6.14 on)."""
    values = [crc for (crc,) in struct.iter_unpack(order + "I", crcs)]
    keys = [name.decode() for name in names.split(b"\0") if name]
    if len(keys) != len(values):
        raise ValueError(f"{len(values)} extended symbol versions for {len(keys)} names")
    return dict(zip(keys, values, strict=True))


@dataclass(frozen=True, slots=True)
class Symvers:
    """What kernels and modules export, from Module.symvers files. A kernel has 30 000 lines: split only when asked."""

    _lines: Mapping[str, str] = field(repr=False)

    @classmethod
    def load(cls, paths: Iterable[Path]) -> "Symvers":
        """Read Module.symvers files; where two name the same symbol the earlier file counts."""
        lines: dict[str, str] = {}
        for path in paths:
            text = path.read_text(errors="replace")
            try:
                own = {line.split("\t", 2)[1]: line for line in text.splitlines() if line}
            except IndexError as error:
                raise SourceCorrupt(
                    f"{path} is not a table of symbol versions", hint="reinstall the kernel headers, or build again"
                ) from error
            lines = own | lines
        return cls(lines)

    def get(self, name: str) -> Export | None:
        """Return one symbol, or None if nobody exports it. An absent CRC is written as zeros."""
        line = self._lines.get(name)
        if line is None:
            return None
        crc, symbol, module, kind, *namespace = line.split("\t")
        return Export(symbol, int(crc, 16), "GPL" in kind, namespace[0] if namespace else "", module)

    def of_module(self, module: str) -> tuple[Export, ...]:
        """Return what one module exports; it is named by its path below the tree, without suffix."""
        wanted = f"\t{module}\t"
        found = (self.get(name) for name, line in self._lines.items() if wanted in line)
        return tuple(export for export in found if export is not None and export.module == module)

    def modules(self) -> frozenset[str]:
        """Return the names, as lsmod prints them, of the modules that export anything here."""
        return frozenset(line.split("\t", 3)[2].rsplit("/", 1)[-1].replace("-", "_") for line in self._lines.values())
