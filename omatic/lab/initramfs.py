# SPDX-License-Identifier: GPL-2.0-or-later
"""Puts together what a guest boots with: busybox, our init, modules and static programs, as one cpio archive.

init            the agent (guest/init)
bin/            busybox; its applets are linked when the guest starts
lab/            functions for the scenario, and the programs under test
boot/           modules that the control ports need, loaded by init in the order of lab/boot-modules
modules/        modules that the scenario loads, by name
stock/          the distribution's own version of the driver
"""

from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path

from omatic import proc
from omatic.errors import RehearsalFailed
from omatic.lab import cpio
from omatic.lab.modules import Module, ModuleTree

BOOT_MODULES = ("virtio_pci", "virtio_console")
"""What the control ports need; built in on some kernels, modules on others."""


def build(
    tree: ModuleTree,
    *,
    modules: Iterable[Module],
    stock: Iterable[Module] = (),
    programs: Mapping[str, Path] | None = None,
    data: Mapping[str, bytes] | None = None,
) -> bytes:
    """Return the archive; `programs` and `data` become lab/NAME."""
    boot = tree.order(name for name in BOOT_MODULES if name in tree)
    entries = [
        cpio.character_device("dev/console", 5, 1),
        cpio.file("bin/busybox", busybox().read_bytes(), executable=True),
        cpio.file("init", guest_file("init"), executable=True),
        cpio.file("lab/functions", guest_file("functions")),
        cpio.file("lab/boot-modules", "".join(f"{module.name}\n" for module in boot).encode()),
        *_modules("boot", boot),
        *_modules("modules", modules),
        *_modules("stock", stock),
        *(cpio.file(f"lab/{name}", path.read_bytes(), executable=True) for name, path in (programs or {}).items()),
        *(cpio.file(f"lab/{name}", content) for name, content in (data or {}).items()),
    ]
    return cpio.archive(entries)


def guest_file(name: str) -> bytes:
    """Return one of the files in omatic/lab/guest/."""
    return files("omatic.lab").joinpath("guest", name).read_bytes()


def busybox() -> Path:
    """Return the static busybox; RehearsalFailed if the one installed needs libraries, which the guest has not."""
    path = proc.find("busybox")
    if b"ld-linux" in path.read_bytes()[:4096]:
        raise RehearsalFailed(f"{path} is not a static program", hint="apt-get install busybox-static")
    return path


def _modules(folder: str, modules: Iterable[Module]) -> list[cpio.Entry]:
    return [cpio.file(f"{folder}/{module.name}.ko", module.data) for module in modules]
