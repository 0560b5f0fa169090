# SPDX-License-Identifier: GPL-2.0-or-later
"""Take away what a receipt says was installed, and see that the distribution's driver is what modprobe loads then.

depmod is made to prefer the stock modules first, so the machine has its driver at every moment in between.
"""

import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from omatic import elf, log, stock
from omatic.catalog import FAMILIES
from omatic.errors import InstallFailed, NotInstalled, UsageError
from omatic.life import change, initramfs, journal, modprobe, receipt, steps
from omatic.life.change import Options, Result
from omatic.life.install import OWNER
from omatic.life.receipt import CORE, Receipt
from omatic.life.steps import Step
from omatic.life.system import System
from omatic.rules import TWINS


def withdraw(requests: Sequence[str], release: str | None, options: Options) -> Result:
    """Uninstall drivers from one kernel, or (None) from every kernel that has them."""
    system = options.system
    with nullcontext() if options.dry_run else system.lock(), tempfile.TemporaryDirectory() as copies:
        resumed = _goes_on(system, options.argv)
        found = _receipts(system, requests, release, required=not resumed)
        for name in found if resumed and not options.dry_run else ():
            initramfs.recover(system, name)
        found = {name: with_core(system, receipts) for name, receipts in found.items()}
        todo = tuple(step for receipts in found.values() for step in removal(system, receipts))
        dropped = tuple(kept for receipts in found.values() for kept in receipts)
        if not options.dry_run and (todo or resumed):
            back = tuple(
                step for name, receipts in found.items() for step in _way_back(system, name, receipts, Path(copies))
            )
            steps.run(system, "uninstall", options.argv, todo, back)
        return Result(tuple(map(str, todo)), dropped, options.dry_run)


def with_core(system: System, receipts: Sequence[Receipt]) -> tuple[Receipt, ...]:
    """Return receipts of one kernel with that of its core, if no other driver of the kernel needs it."""
    release = receipts[0].release
    needed = {kept.driver for kept in receipt.every(system) if kept.release == release}
    core = receipt.read(system, release, CORE)
    if core is None or core.owner != OWNER or needed - {CORE, *(kept.driver for kept in receipts)}:
        return tuple(receipts)
    return (*receipts, core)


def removal(system: System, receipts: Sequence[Receipt]) -> tuple[Step, ...]:
    """Return the steps that undo receipts of one kernel; the caller holds the system's lock, and gives them to
    `steps.run`."""
    release = receipts[0].release
    files = tuple(file for kept in receipts for file in kept.files)
    paths = tuple(dict.fromkeys(file.path for file in files))
    removes = [steps.Remove(path, tuple(f.sha256 for f in files if f.path == path)) for path in paths]
    # The core's receipt goes before its drivers': while one of theirs is there, a run that was cut short can go on.
    drops = [steps.Drop(release, kept.driver) for kept in reversed(receipts)]
    if not (system.modules(release) / "kernel").is_dir():
        # The kernel's package is gone: there is nobody to load anything any more.
        return (*removes, steps.Prune(paths), *drops)
    originals = _originals(system, receipts)
    prefer = tuple(change.intree(path, release) for _, path in originals)
    todo: list[Step] = [steps.PreferStock(release, prefer), steps.Depmod(release)] if prefer else []
    todo += [steps.Expect(release, name, path) for name, path in originals]
    todo += [*removes, steps.PreferOurs(), steps.Depmod(release)]
    staying = _staying(system, release, receipts, removes)
    todo += [steps.Expect(release, name, path) for name, path in originals if name not in staying]
    if inside := _initramfs(system, release, originals, paths):
        todo.append(steps.MakeInitramfs(release, inside))
    if inside or journal.unfinished(system) is not None:
        todo.append(steps.ForgetInitramfs(release))
    return (*todo, steps.Prune(paths), *drops)


def _originals(system: System, receipts: Sequence[Receipt]) -> list[tuple[str, str]]:
    """Return the stock modules to go back to, by name and path; raise InstallFailed if one is not there."""
    originals = [(kept.driver, kept.stock.path) for kept in receipts if kept.stock is not None]
    missing = [path for _, path in originals if not modprobe.real(system, path).is_file()]
    if missing:
        raise InstallFailed(
            f"the distribution's own module is not there: {', '.join(missing)}",
            hint=f"put it back first, or the NIC has no driver: apt-get install --reinstall "
            f"linux-image-{receipts[0].release}",
        )
    return originals


def _staying(
    system: System, release: str, receipts: Sequence[Receipt], removes: Sequence[steps.Remove]
) -> frozenset[str]:
    """Return the drivers that modprobe will still find outside kernel/, because somebody else put them there."""
    outside = modprobe.outside(system, release)
    ours = {remove.target for remove in removes if change.checksum(system, remove.target) in remove.checksums}
    staying = {}
    for kept in receipts:
        staying[kept.driver] = [path for path in outside.get(kept.driver, ()) if path not in ours]
        for path in staying[kept.driver]:
            log.warn(f"{path} is not ours and stays; modprobe may load it instead of the distribution's")
    return frozenset(driver for driver, paths in staying.items() if paths)


def _initramfs(
    system: System, release: str, originals: Sequence[tuple[str, str]], paths: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    image = initramfs.examine(system, release)
    if image is None:
        return ()
    held = {path for path in paths for name in image.modules if image.holds(name, steps.below(path, release))}
    return tuple((name, path) for name, path in originals if name in image.modules) if held else ()


def _way_back(system: System, release: str, receipts: Sequence[Receipt], copies: Path) -> tuple[Step, ...]:
    files = [file.path for kept in receipts for file in kept.files]
    before = change.look(system, release, dict.fromkeys(files), [kept.driver for kept in receipts], copies)
    return change.way_back(before, {}, ())


def _goes_on(system: System, argv: Sequence[str]) -> bool:
    """Tell whether an unfinished operation is ended by this one: the same, or an install of nothing but these."""
    left = journal.unfinished(system)
    if left is None:
        return False
    # A bundle brings its kernel with it, and may be gone.
    same = "--bundle" in left.argv or _kernels(left.argv) == _kernels(argv)
    if left.command == "install" and same and _drivers(left.argv) <= _drivers(argv):
        return True
    journal.refuse_others(system, "uninstall", argv)
    return True


def _drivers(argv: Sequence[str]) -> set[str]:
    end = next((i for i, word in enumerate(argv) if word.startswith("-")), len(argv))
    return set(argv[:end])


def _kernels(argv: Sequence[str]) -> str | None:
    return argv[argv.index("--kernel") + 1] if "--kernel" in argv else None


# --- whose receipts


def _receipts(
    system: System, requests: Sequence[str], release: str | None, *, required: bool
) -> dict[str, tuple[Receipt, ...]]:
    """Return the receipts to be undone, by kernel."""
    if CORE in requests:
        raise UsageError(f"{CORE} is no driver: it goes with the last driver of a kernel", hint="name the drivers")
    kept = tuple(receipt.every(system))
    releases = dict.fromkeys(one.release for one in kept if release in (None, one.release))
    found = {name: _of_kernel(system, requests, {r.driver: r for r in kept if r.release == name}) for name in releases}
    for request in requests:
        members = _members(request)
        there = [one for receipts in found.values() for one in receipts if one.driver in members]
        for one in there:
            if one.owner != OWNER:
                raise NotInstalled(
                    f"{one.driver} for {one.release} is in DKMS's care",
                    hint=f"pfq-omatic dkms remove {one.driver}",
                )
        if not there and required:
            elsewhere = [f"installed for {one.release}" for one in kept if one.driver in members]
            raise NotInstalled(
                f"{request} is not installed" + (f" for {release}" if release else ""),
                hint="choose its kernel with --kernel" if elsewhere else "see: pfq-omatic status",
                details=elsewhere,
            )
    return {name: receipts for name, receipts in found.items() if receipts}


def _members(request: str) -> tuple[str, ...]:
    name = stock.module_name(request)
    return FAMILIES.get(name, (name,))


def _of_kernel(system: System, requests: Sequence[str], kept: dict[str, Receipt]) -> tuple[Receipt, ...]:
    """Return the receipts that requests mean, with those of the modules that came along with them, last one first."""
    asked = [name for request in requests for name in _members(request) if name in kept]
    along = [name for driver in asked if _delivers_through_another(system, kept[driver])
             for name in _depends(system, kept[driver]) if name in kept and name not in asked]  # fmt: skip
    for driver, other in kept.items():
        if driver not in asked and driver not in along:
            for name in set(along).intersection(_depends(system, other)):
                log.info(f"{name} stays: {driver} uses it")
                along.remove(name)
    return tuple(kept[name] for name in reversed(dict.fromkeys((*along, *asked))))


def _module(system: System, kept: Receipt) -> Path | None:
    path = modprobe.real(system, kept.files[0].path) if kept.files else None
    return path if path is not None and path.is_file() else None


def _delivers_through_another(system: System, kept: Receipt) -> bool:
    path = _module(system, kept)
    return path is not None and not elf.imports(path).intersection(TWINS.values())


def _depends(system: System, kept: Receipt) -> tuple[str, ...]:
    path = _module(system, kept)
    listed = elf.modinfo(path).get("depends", ()) if path is not None else ()
    return tuple(stock.module_name(name) for line in listed for name in line.split(",") if name)
