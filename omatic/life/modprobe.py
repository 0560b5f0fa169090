# SPDX-License-Identifier: GPL-2.0-or-later
"""Which file modprobe would load for a name, how depmod is made to see our files, and what can outrank them."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from omatic import proc, stock
from omatic.life import packaged
from omatic.life.system import System, remove_durably, sync, write_durably

OUTRANKING = ("updates", "extra", "weak-updates")
"""Folders beside kernel/ whose modules may take the place of the distribution's."""

_CONFIG = ("etc/depmod.d", "run/depmod.d", "usr/local/lib/depmod.d", "lib/depmod.d")


def real(system: System, path: str | Path) -> Path:
    """Return where an absolute path of the machine is below the system's root."""
    return system.root / Path(path).relative_to("/")


def absolute(system: System, path: Path) -> str:
    """Return the path on the machine of a file below the system's root."""
    return f"/{path.relative_to(system.root)}"


def loads(system: System, release: str, name: str) -> str | None:
    """Return the file that modprobe would load for a module's name, as an absolute path of the machine.

    None if there is no such module; "(builtin)" if it is part of the kernel image.
    """
    said = proc.run(["modinfo", *_base(system), "-k", release, "-n", name], check=False)
    if said.returncode != 0:
        return None
    path = said.stdout.strip()
    return path if path.startswith("(") else absolute(system, Path(path))


def same(system: System, one: str | None, other: str) -> bool:
    """Tell whether two paths of the machine are one file, whichever way /lib is spelt."""
    return one is not None and real(system, one).resolve() == real(system, other).resolve()


def depmod(system: System, release: str) -> None:
    """Have depmod look at a kernel's modules again, and the disk keep what it wrote."""
    # With another root, that root's configuration counts and not this machine's.
    config = [] if system.root == Path("/") else [f"--config={system.root / folder}" for folder in _CONFIG]
    proc.run(["depmod", *_base(system), *config, release])
    for written in (*system.modules(release).glob("modules.*"), system.modules(release)):
        sync(written)


def signer(path: Path) -> str:
    """Return who signed a module; "" for nobody."""
    return proc.run(["modinfo", "-F", "signer", path], check=False).stdout.strip()


def outside(system: System, release: str) -> Mapping[str, tuple[str, ...]]:
    """Return the modules that are not where the kernel's own are: by name, their absolute paths."""
    found: dict[str, list[str]] = {}
    for top in OUTRANKING:
        for path in sorted((system.modules(release) / top).rglob("*.ko*")):
            if (stem := stock.stem(path.name)) is not None:
                found.setdefault(stock.module_name(stem), []).append(absolute(system, path))
    return {name: tuple(paths) for name, paths in found.items()}


def outranking(system: System, name: str) -> tuple[str, ...]:
    """Return the lines of depmod's configuration that decide where modules of that name are taken from."""
    found = []
    for folder in _CONFIG:
        for path in sorted((system.root / folder).glob("*.conf")):
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
                match line.split():
                    case ["override", module, *_] if module in ("*", name, name.replace("_", "-")):
                        found.append(f"{absolute(system, path)}:{number}: {line.strip()}")
                    case ["search", *_]:
                        found.append(f"{absolute(system, path)}:{number}: {line.strip()}")
    return tuple(found)


def prefer_stock(system: System, release: str, modules: Iterable[Path]) -> None:
    """Have depmod take these modules (paths below kernel/) from there, whatever else there is, until `prefer_ours`.

    So the files that outrank them can be removed while nothing refers to them any more: a power cut in between leaves
    a machine that finds its driver.
    """
    # The release is a regular expression to depmod.
    pattern = re.sub(r"[^\w-]", ".", release)
    lines = [f"override {path.stem} {pattern} kernel/{path.parent}\n" for path in modules]
    write_durably(_preference(system), "".join(lines).encode())


def prefer_ours(system: System) -> None:
    """End what `prefer_stock` began; its folder goes, too, if it is nobody's."""
    preference = _preference(system)
    remove_durably(preference)
    folder = preference.parent
    if folder.is_dir() and not any(folder.iterdir()) and packaged.owner(system, absolute(system, folder)) is None:
        folder.rmdir()


def _preference(system: System) -> Path:
    return system.root / "etc/depmod.d/pfq-omatic.conf"


def _base(system: System) -> list[str | Path]:
    return [] if system.root == Path("/") else ["-b", system.root]
