# SPDX-License-Identifier: GPL-2.0-or-later
"""What the running kernel has loaded, told by build id and by the +pfq mark of the version, never by a file's name."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from omatic import elf
from omatic.life.system import System

OURS, OTHER_BUILD, STOCK, FOREIGN, ABSENT = "ours", "ours, another build", "stock", "another", "not loaded"
"""Whose a loaded module is: the installed file's or another one of ours, the distribution's, somebody else's."""

HOOKED = (OURS, OTHER_BUILD)

_BUILD_ID = ".note.gnu.build-id"
_MARK = re.compile(r"\+pfq\d+$")


@dataclass(frozen=True, slots=True)
class Device:
    """A network device: its driver's module, whether its packets meet the hook, and the groups it is bound to."""

    name: str
    module: str
    hooked: bool
    groups: tuple[int, ...]

    def to_json(self) -> dict[str, object]:
        """Return it as JSON-able values."""
        return {"name": self.name, "module": self.module, "hooked": self.hooked, "groups": list(self.groups)}


def release(system: System) -> str:
    """Return the release of the running kernel; "" where no kernel runs (another root)."""
    return _text(system.root / "proc/sys/kernel/osrelease")


def whose(system: System, name: str, ours: Path | None, stock: Path | None) -> str:
    """Tell whose the loaded module of a name is; `ours` and `stock` are files that it may have come from."""
    folder = system.root / "sys/module" / name
    if not folder.is_dir():
        return ABSENT
    note = _bytes(folder / "notes" / _BUILD_ID)
    for path, meaning in ((ours, OURS), (stock, STOCK)):
        if note and path is not None and path.is_file() and elf.load(path).data_of(_BUILD_ID) == note:
            return meaning
    if _MARK.search(version(system, name)):
        return OTHER_BUILD
    return FOREIGN if note and stock is not None else STOCK


def version(system: System, name: str) -> str:
    """Return the version that a loaded module states; "" if it states none."""
    return _text(system.root / "sys/module" / name / "version")


def loaded(system: System, name: str) -> bool:
    """Tell whether a module is loaded."""
    return (system.root / "sys/module" / name).is_dir()


def devices(system: System, origins: Mapping[str, str]) -> Iterator[Device]:
    """Yield the network devices that a module drives; `origins` says of some modules whose they are."""
    bound = dict(_bound(_text(system.root / "proc/net/pfq/devices")))
    for path in sorted((system.root / "sys/class/net").glob("*")):
        module = path / "device/driver/module"
        if not module.exists():
            continue
        name = module.resolve().name
        origin = origins.get(name) or whose(system, name, None, None)
        yield Device(path.name, name, origin in HOOKED, bound.get(path.name, ()))


def _bound(text: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    head, *lines = text.splitlines() or [""]
    for line in lines:
        # By the names of the columns: the core that is loaded may be another version's.
        row = dict(zip(head.split(), line.split(), strict=False))
        yield row["name"], tuple(bit for bit in range(64) if int(row["groups"], 16) >> bit & 1)


def _text(path: Path) -> str:
    return _bytes(path).decode(errors="replace").strip()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
