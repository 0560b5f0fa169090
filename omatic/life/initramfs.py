# SPDX-License-Identifier: GPL-2.0-or-later
"""The initramfs: which modules are inside, making it again, and having the previous one back when that fails.

A driver inside is loaded before the disks are there, so whatever is in place on the disk comes too late. Debian's
initramfs-tools, dracut and mkinitcpio are known. Below another root than / nothing is looked at or made.
"""

import contextlib
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from omatic import log, proc, stock
from omatic.errors import CommandError
from omatic.life.system import System, remove_durably, sync


@dataclass(frozen=True, slots=True)
class _Generator:
    """What makes images: the program, where they are, how to list one and how to make it again.

    {release}, {image} and, on Arch, {base} (the kernel's package) are filled in.
    """

    program: str
    images: tuple[str, ...]
    listing: tuple[str, ...]
    making: tuple[str, ...]


_GENERATORS = (
    _Generator(
        # Not mkinitramfs: that stays on a Debian where dracut has taken its place.
        "update-initramfs",
        ("boot/initrd.img-{release}",),
        ("lsinitramfs", "{image}"),
        ("update-initramfs", "-u", "-k", "{release}"),
    ),
    _Generator(
        "dracut",
        ("boot/initramfs-{release}.img", "boot/initrd.img-{release}", "boot/initrd-{release}"),
        ("lsinitrd", "{image}"),
        ("dracut", "-f", "{image}", "{release}"),
    ),
    _Generator(
        "mkinitcpio",
        ("boot/initramfs-{base}.img",),
        ("lsinitcpio", "{image}"),
        ("mkinitcpio", "-k", "{release}", "-g", "{image}"),
    ),
)


@dataclass(frozen=True, slots=True)
class Image:
    """A kernel's initramfs and the modules in it: by name, their paths below lib/modules/RELEASE."""

    path: Path
    modules: Mapping[str, tuple[str, ...]] = field(hash=False)

    def holds(self, name: str, path: str) -> bool:
        """Tell whether it has a module from the file `path`, compressed or not, below lib/modules/RELEASE."""
        return any(_plain(held) == _plain(path) for held in self.modules.get(name, ()))


def examine(system: System, release: str) -> Image | None:
    """Look into a kernel's initramfs; None if it has none or nobody here can read it."""
    found = _find(system, release)
    if found is None:
        return None
    generator, image = found
    listed = proc.run(_filled(generator.listing, system, release, image)).stdout
    return Image(image, modules(listed, release))


def make(system: System, release: str) -> None:
    """Make a kernel's initramfs again; the one before is kept until `forget`."""
    found = _find(system, release)
    if found is None:
        return
    generator, image = found
    _keep(system, release, image)
    with log.step(f"making the initramfs of {release} again"):
        proc.run(_filled(generator.making, system, release, image))
        sync(image)
        sync(image.parent)


def restore(system: System, release: str) -> None:
    """Put the image back that was kept, if one was."""
    found = _find(system, release)
    kept = _kept(system, release)
    if found is not None and kept.is_file():
        _copy(kept, found[1])
        forget(system, release)


def recover(system: System, release: str) -> None:
    """After a run that was cut short: if the image cannot be read, put the one back that was kept."""
    try:
        examine(system, release)
    except CommandError:
        restore(system, release)


def forget(system: System, release: str) -> None:
    """Drop the image that was kept: the new one is good."""
    kept = _kept(system, release)
    remove_durably(kept)
    # The folder goes with the last one.
    with contextlib.suppress(OSError):
        kept.parent.rmdir()


def _keep(system: System, release: str, image: Path) -> None:
    # One that is there already is from a run that was cut short, and older: that is the one to go back to.
    kept = _kept(system, release)
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        _copy(image, kept)


def _kept(system: System, release: str) -> Path:
    return system.state / "initramfs" / release


def _copy(source: Path, target: Path) -> None:
    """Copy a file with its mode, so that the target is the old or the whole new one."""
    temporary = target.with_name(f".{target.name}.pfq-omatic")
    try:
        shutil.copy2(source, temporary)
        sync(temporary)
        temporary.replace(target)
        sync(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _find(system: System, release: str) -> tuple[_Generator, Path] | None:
    if system.root != Path("/"):
        return None
    for generator in _GENERATORS:
        if not proc.available(generator.program) or not proc.available(generator.listing[0]):
            continue
        for name in _filled(generator.images, system, release, Path()):
            if (image := system.root / name).is_file():
                return generator, image
    return None


def _filled(templates: Sequence[str], system: System, release: str, image: Path) -> list[str]:
    package = system.modules(release) / "pkgbase"
    base = package.read_text().strip() if package.is_file() else release
    return [text.format(release=release, image=image, base=base) for text in templates]


def modules(listing: str, release: str) -> Mapping[str, tuple[str, ...]]:
    """Return the modules of a listing: one file a line, its path at the end, whatever is before it."""
    found: dict[str, list[str]] = {}
    pattern = rf"(?:^|[\s/])lib/modules/{re.escape(release)}/(\S+)$"
    for path in re.findall(pattern, listing, re.MULTILINE):
        if (stem := stock.stem(path.rsplit("/", 1)[-1])) is not None:
            found.setdefault(stock.module_name(stem), []).append(path)
    return {name: tuple(dict.fromkeys(paths)) for name, paths in found.items()}


def _plain(path: str) -> str:
    return path[: path.index(".ko") + 3] if ".ko" in path else path
