# SPDX-License-Identifier: GPL-2.0-or-later
"""Put built modules where modprobe prefers them, beside the distribution's files and never over them.

Everything that can be refused is refused before the first step: another owner, another module in the way, a signature
that the kernel would not take. Then receipts are written (so that no file of ours is ever without one), the core, the
drivers, depmod, and a look at what modprobe would load now; the initramfs last. If a step fails, all is undone.

    deploy(deliveries, options)    the one entrance; a Delivery holds what is to be installed for one kernel
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from omatic import stock
from omatic.dirs import sha256
from omatic.errors import InstallFailed, KernelMissing, Unwritable
from omatic.life import change, initramfs, journal, modprobe, packaged, receipt, signing, steps
from omatic.life.change import Options, Result
from omatic.life.receipt import CORE, InstalledFile, Receipt
from omatic.life.steps import Step
from omatic.life.system import System
from omatic.model import KernelTarget, StockKernel
from omatic.verify import VENDOR

OWNER = "install"
"""The owner that receipts of this module name."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A proven module to be installed: its name as lsmod prints it, its file, and the stock module's path below
    kernel/; `sites`, `provenance` and whether it was `forced` go into the receipt."""

    name: str
    file: Path
    intree: Path
    sites: int
    provenance: str
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is to be installed for one kernel: pfq_hook.ko and pfq.ko, and drivers."""

    target: KernelTarget
    core: tuple[Path, Path]
    modules: tuple[Ready, ...]

    @property
    def release(self) -> str:
        """The kernel's release."""
        return self.target.release


@dataclass(frozen=True, slots=True)
class _File:
    """A module on its way: whose it is, its name, what is put and where."""

    driver: str
    name: str
    source: Path
    target: str


def deploy(deliveries: Sequence[Delivery], options: Options) -> Result:
    """Install modules for one kernel or several, all or nothing; finishes what the same command left unfinished."""
    system = options.system
    for delivery in deliveries:
        check(system, delivery.release, dry_run=options.dry_run)
    with nullcontext() if options.dry_run else system.lock(), _staging() as staging:
        journal.refuse_others(system, "install", options.argv)
        if not options.dry_run and journal.unfinished(system) is not None:
            for delivery in deliveries:
                initramfs.recover(system, delivery.release)
        plans = [_Planner(delivery, options, staging) for delivery in deliveries]
        # Nobody's kernel is touched until every kernel's plan stands.
        made = [(planner, planner.steps()) for planner in plans]
        todo = tuple(step for _, listed in made for step in listed)
        receipts = tuple(kept for planner in plans for kept in planner.receipts)
        if not options.dry_run and todo:
            back = tuple(step for planner, listed in made if listed for step in planner.way_back())
            steps.run(system, "install", options.argv, todo, back)
        return Result(tuple(map(str, todo)), receipts, options.dry_run)


@contextmanager
def _staging() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pfq-omatic.") as name:
        yield Path(name)


def check(system: System, release: str, *, dry_run: bool = False) -> None:
    """Raise KernelMissing or Unwritable where installing could not even begin; builds need not be made for that."""
    folder = system.modules(release)
    if not (folder / "kernel").is_dir():
        raise KernelMissing(
            f"kernel {release} is not installed: there is no {folder}/kernel",
            hint=f"apt-get install linux-image-{release}",
        )
    if not dry_run and not _may_write(folder):
        raise Unwritable(folder, "permission denied")


def _may_write(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


class _Planner:
    """Plans one kernel: looks at everything and touches nothing."""

    def __init__(self, delivery: Delivery, options: Options, staging: Path) -> None:
        self._release = delivery.release
        self._delivery = delivery
        self._options = options
        self._system = options.system
        self._staging = staging
        self._resumed = journal.unfinished(self._system) is not None
        self._stock = _stock_kernel(self._system, self._release)
        self._outside = modprobe.outside(self._system, self._release)
        self._shared_core = _core_of_dkms(self._system, self._release)
        self._old = {driver: receipt.read(self._system, self._release, driver) for driver in self._drivers()}
        self._files = tuple(self._layout())
        for file in self._files:
            self._refuse(file)
        self._signer = self._sign()
        self.receipts = tuple(self._receipt(driver) for driver in self._drivers())

    def _drivers(self) -> tuple[str, ...]:
        core = () if self._shared_core else (CORE,)
        return (*core, *(module.name for module in self._delivery.modules))

    def _layout(self) -> Iterator[_File]:
        updates = Path("/lib/modules", self._release, modprobe.OUTRANKING[0])
        # The hook first: a driver of ours must never be there without it.
        if not self._shared_core:
            for file in self._delivery.core:
                yield _File(CORE, file.stem, file, str(updates / CORE / file.name))
        elif modprobe.loads(self._system, self._release, "pfq_hook") is None:
            raise InstallFailed(
                f"DKMS owns pfq_hook and pfq, but has not built them for {self._release}",
                hint=f"pfq-omatic dkms retry, or dkms install pfq -k {self._release}",
            )
        for module in self._delivery.modules:
            yield _File(module.name, module.name, module.file, str(updates / module.intree))

    # --- what is refused

    def _refuse(self, file: _File) -> None:
        old = self._old[file.driver]
        if (old is not None and old.owner == "dkms") or dkms_has(self._system, file.driver):
            raise InstallFailed(
                f"{file.driver} is in DKMS's care, which installs it for every kernel",
                hint=f"leave it there, or take it back first: pfq-omatic dkms remove {file.driver}",
            )
        there = change.checksum(self._system, file.target)
        ours = {kept.sha256 for kept in old.files if kept.path == file.target} if old else set()
        if there is not None and there not in ours | {sha256(file.source)}:
            package = packaged.owner(self._system, file.target)
            raise InstallFailed(
                f"{file.target} belongs to the package {package}"
                if package
                else f"{file.target} is there and was not put there by pfq-omatic",
                hint="remove what put it there, then run this again",
            )
        for other in self._outside.get(file.name, ()):
            if not modprobe.same(self._system, other, file.target):
                package = packaged.owner(self._system, other)
                raise InstallFailed(
                    f"another {file.name} is at {other}" + (f" (package {package})" if package else ""),
                    hint="two modules of one name are one too many: remove that one, then run this again",
                )

    # --- signatures

    def _sign(self) -> str:
        options = self._options
        signer = signing.prepare(self._delivery.target, self._system, options.sign_key, options.sign_certificate)
        if signer is None:
            return ""
        self._files = tuple(self._signed(file, signer) for file in self._files)
        return signer.name

    def _signed(self, file: _File, signer: signing.Signer) -> _File:
        # A copy: the build in the cache is compared with what was proven, byte by byte.
        copy = self._staging / f"{self._release}-{file.source.name}"
        there = modprobe.real(self._system, file.target)
        if there.is_file() and signer.has_signed(there, file.source):
            # Not every kind of key signs the same content twice in the same way.
            shutil.copyfile(there, copy)
        else:
            shutil.copyfile(file.source, copy)
            signer.sign(copy)
        return replace(file, source=copy)

    # --- the plan

    def _receipt(self, driver: str) -> Receipt:
        old = self._old[driver]
        ready = next((module for module in self._delivery.modules if module.name == driver), None)
        files = tuple(InstalledFile(file.target, sha256(file.source)) for file in self._files if file.driver == driver)
        made = Receipt(
            driver=driver,
            release=self._release,
            owner=OWNER,
            files=files,
            stock=self._stock_file(ready) if ready else None,
            sites=ready.sites if ready else 0,
            provenance=ready.provenance if ready else "",
            signer=self._signer,
            installed=datetime.now(UTC).isoformat(timespec="seconds"),
            forced=ready.forced if ready else False,
        )
        return old if old is not None and old == replace(made, installed=old.installed) else made

    def _stock_file(self, ready: Ready) -> InstalledFile | None:
        module = stock.Index(self._stock).get(ready.name)
        if module is None and ready.provenance == VENDOR:
            # For a NIC that the kernel has no driver for: there is nothing to outrank.
            return None
        if module is None:
            raise KernelMissing(
                f"kernel {self._release} has no stock module {ready.name} below {self._stock.modules}/kernel",
                hint=f"apt-get install --reinstall linux-image-{self._release}",
            )
        return InstalledFile(modprobe.absolute(self._system, module.path), sha256(module.path))

    def steps(self) -> tuple[Step, ...]:
        """Return what is left to do; nothing if all is in place."""
        release = self._release
        puts = [
            steps.Put(file.source, file.target)
            for file in self._files
            if change.checksum(self._system, file.target) != sha256(file.source)
        ]
        inside = self._initramfs(changed=bool(puts))
        told = [kept for kept in self.receipts if kept != self._old[kept.driver]]
        seen = all(
            modprobe.same(self._system, modprobe.loads(self._system, release, file.name), file.target)
            for file in self._files
        )
        if seen and not puts and not told and not inside and not self._resumed:
            return ()
        todo: list[Step] = [steps.Keep(_with_former(kept, self._old[kept.driver])) for kept in told]
        # A run that was cut short while it undid itself may have left the stock modules preferred.
        todo += [*puts, *([steps.PreferOurs()] if self._resumed else []), steps.Depmod(release)]
        todo += [steps.Expect(release, file.name, file.target) for file in self._files]
        if inside:
            todo.append(steps.MakeInitramfs(release, inside))
        # Until here a replaced file's former checksum was in the receipt, too.
        todo += [steps.Keep(kept) for kept in self.receipts if _with_former(kept, self._old[kept.driver]) != kept]
        if inside or self._resumed:
            todo.append(steps.ForgetInitramfs(release))
        return tuple(todo)

    def _initramfs(self, *, changed: bool) -> tuple[tuple[str, str], ...]:
        """Return what a new initramfs must hold, by name and path; nothing if no new one is needed."""
        image = initramfs.examine(self._system, self._release)
        if image is None or not any(module.name in image.modules for module in self._delivery.modules):
            return ()
        wanted = tuple(
            (file.name, file.target)
            for file in self._files
            if file.name == "pfq_hook" or (file.driver != CORE and file.name in image.modules)
        )
        held = all(image.holds(name, steps.below(path, self._release)) for name, path in wanted)
        return wanted if changed or self._resumed or not held else ()

    def way_back(self) -> tuple[Step, ...]:
        """Return the steps that undo this plan.

        After a power cut nobody knows what was there before the first run: then the way back is the stock driver. The
        core stays if another driver needs it.
        """
        drivers = self._drivers()
        before = change.look(self._system, self._release, [file.target for file in self._files], drivers, self._staging)
        if self._resumed:
            others = {kept.driver for kept in receipt.every(self._system) if kept.release == self._release}
            keep = {CORE} if others - set(drivers) else set()
            before = change.Before(
                self._release,
                {f.target: before.files[f.target] if f.driver in keep else None for f in self._files},
                {driver: before.receipts[driver] if driver in keep else None for driver in drivers},
            )
        former = [file for old in self._old.values() if old for file in old.files]
        checksums = {
            file.target: (sha256(file.source), *(kept.sha256 for kept in former if kept.path == file.target))
            for file in self._files
        }
        prefer = tuple(
            change.intree(kept.stock.path, self._release) for kept in self.receipts if kept.stock is not None
        )
        return change.way_back(before, checksums, prefer)


def _with_former(new: Receipt, old: Receipt | None) -> Receipt:
    """Return a receipt that names the checksums before and after: whatever is cut short, every file is in it."""
    former = tuple(file for file in old.files if file not in new.files) if old else ()
    return replace(new, files=(*new.files, *former))


def _stock_kernel(system: System, release: str) -> StockKernel:
    found = stock.installed(release, system.root / "lib/modules")
    assert found is not None, "looked for before"
    return found


def dkms_has(system: System, driver: str) -> bool:
    """Tell whether a driver, or the core, is registered with DKMS."""
    names = {CORE} if driver == CORE else {f"pfq-{driver}", f"pfq-{driver.replace('_', '-')}"}
    return any((system.root / "var/lib/dkms" / name).is_dir() for name in names)


def _core_of_dkms(system: System, release: str) -> bool:
    kept = receipt.read(system, release, CORE)
    if kept is not None:
        return kept.owner == "dkms"
    return dkms_has(system, CORE)
