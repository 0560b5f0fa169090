# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps of which changes to the machine are made, and how a list of them is done under a journal.

A step is a frozen value that a plan can be made of, printed and compared; `do` does it, and does nothing more when it
is done again. Paths are absolute paths of the machine, whatever the root is.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from omatic import log
from omatic.dirs import sha256
from omatic.errors import CommandError, InstallFailed
from omatic.life import initramfs, journal, modprobe, packaged, receipt
from omatic.life.receipt import Receipt
from omatic.life.system import System, remove_durably, write_durably


class Step(Protocol):
    """One step: its words are what the journal and --dry-run show."""

    def do(self, system: System) -> None:
        """Do it, or what is left of it."""


@dataclass(frozen=True, slots=True)
class Put:
    """Put a file in its place, over one of ours if there is one."""

    source: Path
    target: str

    def __str__(self) -> str:
        """Return it in words."""
        return f"put {self.target}"

    def do(self, system: System) -> None:
        """Write it, unless it is there."""
        target = modprobe.real(system, self.target)
        if not target.is_file() or sha256(target) != sha256(self.source):
            write_durably(target, self.source.read_bytes())


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a file that has one of these checksums; any other is somebody else's and stays."""

    target: str
    checksums: tuple[str, ...]

    def __str__(self) -> str:
        """Return it in words."""
        return f"remove {self.target}"

    def do(self, system: System) -> None:
        """Remove it, unless it was changed."""
        target = modprobe.real(system, self.target)
        if not target.is_file():
            return
        if sha256(target) in self.checksums:
            remove_durably(target)
        else:
            log.warn(f"{self.target} is not what was installed, so it stays: look what it is, and remove it yourself")


@dataclass(frozen=True, slots=True)
class Prune:
    """Remove the folders under updates/ that held these files, if they are empty and no package's."""

    targets: tuple[str, ...]

    def __str__(self) -> str:
        """Return it in words."""
        return f"remove empty folders of {len(self.targets)} file{'s' * (len(self.targets) != 1)}"

    def do(self, system: System) -> None:
        """Remove them, from the innermost out."""
        for target in self.targets:
            folder = Path(target).parent
            while modprobe.OUTRANKING[0] in folder.parts:
                there = modprobe.real(system, folder)
                if there.is_dir() and (any(there.iterdir()) or _shipped(system, folder)):
                    break
                with contextlib.suppress(FileNotFoundError):
                    there.rmdir()
                folder = folder.parent


def _shipped(system: System, folder: Path) -> bool:
    # Some distributions' kernels come with an empty updates/.
    return folder.name == modprobe.OUTRANKING[0] and packaged.owner(system, str(folder)) is not None


@dataclass(frozen=True, slots=True)
class PreferStock:
    """Have depmod take modules (paths below kernel/) from the kernel's own folder."""

    release: str
    modules: tuple[Path, ...]

    def __str__(self) -> str:
        """Return it in words."""
        return f"let depmod prefer the stock {', '.join(path.stem for path in self.modules)} of {self.release}"

    def do(self, system: System) -> None:
        """Write the preference."""
        modprobe.prefer_stock(system, self.release, self.modules)


@dataclass(frozen=True, slots=True)
class PreferOurs:
    """End the preference for stock modules."""

    def __str__(self) -> str:
        """Return it in words."""
        return "let depmod prefer updates/ again"

    def do(self, system: System) -> None:
        """Remove the preference."""
        modprobe.prefer_ours(system)


@dataclass(frozen=True, slots=True)
class Depmod:
    """Run depmod for a kernel."""

    release: str

    def __str__(self) -> str:
        """Return it in words."""
        return f"depmod {self.release}"

    def do(self, system: System) -> None:
        """Run it."""
        modprobe.depmod(system, self.release)


@dataclass(frozen=True, slots=True)
class Expect:
    """See that modprobe would load this file for the name."""

    release: str
    name: str
    target: str

    def __str__(self) -> str:
        """Return it in words."""
        return f"check that modprobe loads {self.target}"

    def do(self, system: System) -> None:
        """Raise InstallFailed if it would load another."""
        found = modprobe.loads(system, self.release, self.name)
        if modprobe.same(system, found, self.target):
            return
        lines = modprobe.outranking(system, self.name)
        raise InstallFailed(
            f"modprobe would load {found or 'nothing'} for {self.name} on {self.release}, not {self.target}",
            hint="change what depmod's configuration says, then run this again"
            if lines
            else f"see: modinfo -k {self.release} -n {self.name}",
            details=lines,
        )


@dataclass(frozen=True, slots=True)
class MakeInitramfs:
    """Make a kernel's initramfs again; it must then hold these files, given by name and path on the machine."""

    release: str
    modules: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        """Return it in words."""
        return f"make the initramfs of {self.release} again"

    def do(self, system: System) -> None:
        """Make it and look into it."""
        try:
            initramfs.make(system, self.release)
        except CommandError as error:
            raise InstallFailed(
                f"the initramfs of {self.release} could not be made again",
                hint=f"see what is wrong with it: {log.shell(error.argv)}",
                details=error.details,
            ) from error
        image = initramfs.examine(system, self.release)
        for name, path in self.modules:
            if image is not None and not image.holds(name, below(path, self.release)):
                raise InstallFailed(
                    f"{image.path} does not hold {path} after it was made again",
                    hint=f"see why its generator takes another {name}: the driver in there is the one that is used",
                    details=[f"it has {held}" for held in image.modules.get(name, ("no module of that name",))],
                )


@dataclass(frozen=True, slots=True)
class RestoreInitramfs:
    """Put the initramfs back that was there before."""

    release: str

    def __str__(self) -> str:
        """Return it in words."""
        return f"put back the initramfs of {self.release}"

    def do(self, system: System) -> None:
        """Put it back, if one was kept."""
        initramfs.restore(system, self.release)


@dataclass(frozen=True, slots=True)
class ForgetInitramfs:
    """Drop the copy of the initramfs that was there before."""

    release: str

    def __str__(self) -> str:
        """Return it in words."""
        return f"drop the copy of the former initramfs of {self.release}"

    def do(self, system: System) -> None:
        """Drop it, if there is one."""
        initramfs.forget(system, self.release)


@dataclass(frozen=True, slots=True)
class Keep:
    """Write a receipt."""

    receipt: Receipt

    def __str__(self) -> str:
        """Return it in words."""
        return f"write the receipt of {self.receipt.driver} for {self.receipt.release}"

    def do(self, system: System) -> None:
        """Write it."""
        receipt.write(system, self.receipt)


@dataclass(frozen=True, slots=True)
class Drop:
    """Drop a receipt."""

    release: str
    driver: str

    def __str__(self) -> str:
        """Return it in words."""
        return f"drop the receipt of {self.driver} for {self.release}"

    def do(self, system: System) -> None:
        """Drop it."""
        receipt.remove(system, self.release, self.driver)


def below(path: str, release: str) -> str:
    """Return the part of a module's path below lib/modules/RELEASE."""
    return path.split(f"lib/modules/{release}/", 1)[-1]


def run(system: System, command: str, argv: Sequence[str], steps: Sequence[Step], undo: Sequence[Step]) -> None:
    """Do the steps under a journal; if one fails, do `undo` and let the error go on. The caller holds the lock.

    A step of `undo` that fails is told, and leaves the journal there: `status` then says that something is unfinished.
    """
    under_way = journal.begin(system, command, argv, [str(step) for step in steps])
    try:
        for step in steps:
            step.do(system)
            under_way.done()
    except BaseException:
        if _undone(system, undo):
            under_way.end()
        raise
    under_way.end()


def _undone(system: System, undo: Sequence[Step]) -> bool:
    log.info("undoing what was done")
    complete = True
    for step in undo:
        try:
            step.do(system)
            log.debug(f"undone: {step}")
        # Whatever keeps one step from being undone must not keep the others.
        except Exception as error:  # noqa: BLE001
            log.warn(f"could not {step}: {error}")
            complete = False
    return complete
