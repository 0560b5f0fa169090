# SPDX-License-Identifier: GPL-2.0-or-later
"""What is installed for a driver and a kernel, and by whom: one JSON file each, exact enough to undo it."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from omatic.life.system import System, remove_durably, write_durably

CORE = "pfq"
"""The receipt's name for pfq_hook and pfq, which all drivers of a kernel share."""


@dataclass(frozen=True, slots=True)
class InstalledFile:
    """A file that we put on the machine: absolute path below the root, and its content's SHA-256."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was installed: `owner` is "install" or "dkms"; `stock` the distribution's module that it outranks (None for
    the core, and for a vendor's driver where the kernel has none); `provenance` the proof's verdict; `signer` who
    signed the modules, "" for nobody; `forced` whether the proof was not enough and --force was given."""

    driver: str
    release: str
    owner: str
    files: tuple[InstalledFile, ...]
    stock: InstalledFile | None
    sites: int
    provenance: str
    signer: str
    installed: str
    forced: bool = False


def _path(system: System, release: str, driver: str) -> Path:
    return system.receipts / release / f"{driver}.json"


def write(system: System, receipt: Receipt) -> None:
    """Keep a receipt."""
    data = json.dumps(asdict(receipt), indent=1).encode() + b"\n"
    write_durably(_path(system, receipt.release, receipt.driver), data)


def read(system: System, release: str, driver: str) -> Receipt | None:
    """Return a receipt; None if there is none."""
    try:
        kept = json.loads(_path(system, release, driver).read_text())
    except FileNotFoundError:
        return None
    files = tuple(InstalledFile(**file) for file in kept.pop("files"))
    stock = kept.pop("stock")
    return Receipt(files=files, stock=InstalledFile(**stock) if stock else None, **kept)


def remove(system: System, release: str, driver: str) -> None:
    """Drop a receipt, and the kernel's folder of receipts with the last one."""
    path = _path(system, release, driver)
    remove_durably(path)
    if path.parent.is_dir() and not any(path.parent.iterdir()):
        path.parent.rmdir()


def every(system: System) -> Iterator[Receipt]:
    """Yield all receipts, by kernel and driver."""
    for path in sorted(system.receipts.glob("*/*.json")):
        found = read(system, path.parent.name, path.stem)
        if found is not None:
            yield found
