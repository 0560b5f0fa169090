# SPDX-License-Identifier: GPL-2.0-or-later
"""The modules of the running kernel: who uses them, which ports they drive, and taking one out and another in.

Modules go in by path: which file modprobe would choose is decided before, and the stock file has to be loaded while
modprobe would choose ours.
"""

import contextlib
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from omatic import proc
from omatic.life import carriers, netstate
from omatic.life.ethtool import Ethtool
from omatic.stock import module_name

MODULES = Path("/sys/module")
_NIC_CLASS = "0x02"
_RDMA = "/dev/infiniband"


@dataclass(frozen=True, slots=True)
class File:
    """A module's file and the options that the machine's configuration gives it; path "" stands for no module."""

    path: str
    options: tuple[str, ...] = ()


def loaded(name: str) -> bool:
    """Tell whether a module is loaded."""
    return (MODULES / name / "initstate").exists()


def unload_order(name: str) -> tuple[str, ...]:
    """Return the modules that stand on this one, itself last, in the order in which they can be unloaded."""
    order: dict[str, None] = {}

    def _visit(each: str) -> None:
        for holder in _holders(each):
            _visit(holder)
        order[each] = None

    _visit(name)
    return tuple(order)


def _holders(name: str) -> list[str]:
    folder = MODULES / name / "holders"
    return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []


def users(order: Iterable[str]) -> tuple[str, ...]:
    """Return, in words, who keeps these modules from being unloaded, other than each other."""
    found = []
    for name in order:
        with contextlib.suppress(OSError, ValueError):
            count = int((MODULES / name / "refcnt").read_text()) - len(_holders(name))
            if count > 0:
                found.append(f"{name} is in use ({count} reference{'s' * (count != 1)})")
    return (*found, *_rdma_users()) if found else ()


def _rdma_users() -> Iterator[str]:
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and any(str(fd.readlink()).startswith(_RDMA) for fd in (entry / "fd").iterdir()):
                yield f"process {entry.name} ({(entry / 'comm').read_text().strip()}) uses RDMA"


def ports(order: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the devices that would go with these modules."""
    names = set(order)
    with contextlib.closing(Ethtool()) as tool:
        return tuple(
            entry.name
            for entry in sorted(netstate.SYS.iterdir())
            if (entry / "device").exists()
            and (carriers.hardware(entry.name) in names or module_name(tool.driver(entry.name)) in names)
        )


def hidden(order: Iterable[str]) -> tuple[str, ...]:
    """Return, in words, what would go with these modules and could not be put back: ports out of sight, functions."""
    found = []
    for device in (device for name in order for device in _bound(name)):
        with contextlib.suppress(OSError):
            if (count := (device / "sriov_numvfs").read_text().strip()) != "0":
                found.append(f"{device.name} has {count} virtual functions")
        with contextlib.suppress(OSError):
            if (device / "class").read_text().startswith(_NIC_CLASS) and not any((device / "net").iterdir()):
                found.append(f"the port of {device.name} is in another network namespace")
    return tuple(found)


def _bound(name: str) -> Iterator[Path]:
    for driver in (MODULES / name / "drivers").glob("*"):
        for entry in driver.iterdir():
            if entry.is_symlink() and entry.name != "module":
                yield entry.resolve()


def configured(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the modules that a module needs, and the options that the machine's configuration gives it."""
    said = proc.run(["modprobe", "--show-depends", "--ignore-install", name]).stdout.splitlines()
    lines = [shlex.split(line)[1:] for line in said if line.startswith("insmod ")]
    needed = tuple(module_name(Path(words[0]).name.split(".ko")[0]) for words in lines[:-1])
    return needed, tuple(lines[-1][1:]) if lines else ()


def load_named(names: Iterable[str]) -> None:
    """Load modules as modprobe does."""
    for name in names:
        proc.run(["modprobe", name])


def exchange(order: Sequence[str], file: File) -> None:
    """Take these modules out and put a file in the place of the last; then the others again."""
    there = [name for name in order if loaded(name)]
    for name in there:
        proc.run(["rmmod", name])
    if file.path:
        proc.run(["insmod", file.path, *file.options])
        load_named(name for name in reversed(order[:-1]) if name in there or not loaded(name))
