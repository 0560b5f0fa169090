# SPDX-License-Identifier: GPL-2.0-or-later
"""Drivers that follow the kernel: registered with DKMS, made for each kernel, removed without a trace.

dkms is the builder and keeps the books; when it builds is up to us. Its own autoinstall would make the kernel's
package fail where a driver cannot be made (dkms before 3.1 even where it is skipped). So the kernel hook calls
`prefetch` and `retry`, which record what failed and leave the stock driver in charge; a timer calls `retry` again.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

from omatic import catalog, kernel, log, pipeline, proc, stock
from omatic.dirs import Cache
from omatic.errors import (
    Busy,
    DkmsFailed,
    KernelMissing,
    NotInstalled,
    OmaticError,
    SourceUnreachable,
    ToolMissing,
    UnknownDriver,
    UsageError,
)
from omatic.life import dkmshooks, dkmsmake, dkmsrecord, dkmstree, journal, receipt, steps
from omatic.life.dkmsrecord import FAILED, SKIPPED, Record
from omatic.life.dkmstree import CORE_PACKAGE, UNDER_LOCK, Package
from omatic.life.install import OWNER
from omatic.life.receipt import CORE
from omatic.life.system import System
from omatic.pipeline import Settings

_PATIENCE = 120.0
"""Seconds that the hook and the timer wait for another pfq-omatic; a person is told at once."""


@dataclass(frozen=True, slots=True)
class Result:
    """How it stands with one driver on one kernel."""

    driver: str
    release: str
    record: Record

    def to_json(self) -> dict[str, object]:
        """Return it as --json prints it."""
        return {
            "driver": self.driver,
            "kernel": self.release,
            "result": self.record.result,
            "why": self.record.why,
            "hint": self.record.hint,
        }


# --- steps


@dataclass(frozen=True, slots=True)
class _Register:
    package: Package
    cache: Cache

    def __str__(self) -> str:
        return f"register {self.package.name} with dkms"

    def do(self, system: System) -> None:
        """Register it."""
        dkmstree.register(system, self.package, self.cache)


@dataclass(frozen=True, slots=True)
class _Unregister:
    package: Package

    def __str__(self) -> str:
        return f"have dkms remove {self.package.name}"

    def do(self, system: System) -> None:
        """Remove every version of it, its receipts and its records."""
        for version in dkmstree.remains(system, self.package):
            dkmstree.unregister(system, self.package, version)
        for kept in list(receipt.every(system)):
            if (kept.driver, kept.owner) == (self.package.driver, "dkms"):
                receipt.remove(system, kept.release, kept.driver)
        for path in list(dkmsrecord.folder(system).glob(f"*/{self.package.driver}.json")):
            dkmsrecord.remove(system, path.parent.name, self.package.driver)


@dataclass(frozen=True, slots=True)
class _PutHooks:
    cache: Cache

    def __str__(self) -> str:
        return "put the kernel hooks and the timer"

    def do(self, system: System) -> None:
        """Put them."""
        dkmshooks.put(system, self.cache)


@dataclass(frozen=True, slots=True)
class _RemoveHooks:
    def __str__(self) -> str:
        return "remove the kernel hooks and the timer"

    def do(self, system: System) -> None:
        """Remove them."""
        dkmshooks.remove(system)


@dataclass(frozen=True, slots=True)
class _Complete:
    package: Package
    release: str

    def __str__(self) -> str:
        return f"make {self.package.name} for {self.release}"

    def do(self, system: System) -> None:
        """Make it; what cannot be made is recorded and told, and keeps nothing else from being made."""
        try:
            dkmsmake.complete(system, self.package, self.release)
        except OmaticError as error:
            record = dkmsrecord.read(system, self.release, self.package.driver)
            log.warn(f"{self.package.name} for {self.release}: {record.why if record else error.message}")


@dataclass(frozen=True, slots=True)
class _RefreshInitramfs:
    release: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"make the initramfs of {self.release} again if it holds other modules"

    def do(self, system: System) -> None:
        """Make it again where it is stale."""
        dkmsmake.refresh_initramfs(system, self.release, self.names)


# --- commands


def add(
    names: Sequence[str], release: str | None, cache: Cache, *, dry_run: bool
) -> tuple[Sequence[str], list[Result]]:
    """Register drivers and make them for the kernels that are here; return the steps, and how it stands."""
    system = _machine()
    argv = [*names, *(["--kernel", release] if release else [])]
    with _locked(system):
        journal.refuse_others(system, "dkms add", argv)
        kernels = [release] if release else _buildable(system)
        packages = _resolve(names, kernels)
        todo: list[steps.Step] = [_Register(package, cache) for package in (CORE_PACKAGE, *packages)]
        todo.append(_PutHooks(cache))
        for each in kernels:
            todo += [_Complete(package, each) for package in (CORE_PACKAGE, *packages)]
            todo.append(_RefreshInitramfs(each, tuple(package.driver for package in packages)))
        if not dry_run:
            steps.run(system, "dkms add", argv, todo, _undo_add(system, packages))
    return [str(step) for step in todo], [] if dry_run else _results(system, packages, kernels)


def remove(names: Sequence[str], *, dry_run: bool) -> Sequence[str]:
    """Have dkms forget drivers; with the last one go the core, the hooks and the timer. Return the steps."""
    system = _machine()
    with _locked(system):
        journal.refuse_others(system, "dkms remove", names)
        known = {package.driver: package for package in dkmstree.registered(system)}
        wanted = {stock.module_name(member) for name in names for member in catalog.FAMILIES.get(name, (name,))}
        if (missing := sorted(wanted - known.keys())) and journal.unfinished(system) is None:
            raise NotInstalled(
                f"not registered with dkms: {', '.join(missing)}",
                hint=f"registered are: {', '.join(known) or 'none'}",
            )
        # One that is unknown was on its way out when the power went.
        leaving = [known.get(name, Package(name, (name,))) for name in sorted(wanted)]
        last = not known.keys() - wanted
        if last:
            _refuse_to_take_core(system)
        kernels = sorted({kept.release for kept in receipt.every(system) if kept.driver in wanted})
        todo: list[steps.Step] = [_RemoveHooks()] if last else []
        todo += [_Unregister(package) for package in (*leaving, *([CORE_PACKAGE] if last else []))]
        todo += [_RefreshInitramfs(each, tuple(sorted(wanted))) for each in kernels]
        if not dry_run:
            steps.run(system, "dkms remove", names, todo, ())
            dkmsrecord.prune(system)
            _tidy(system)
    return [str(step) for step in todo]


def retry(release: str | None) -> list[Result]:
    """Make what is registered and not in place, for one kernel or all of them; return how it stands."""
    system = _machine()
    packages = dkmstree.registered(system)
    if not packages:
        raise NotInstalled("no driver is registered with dkms", hint="pfq-omatic dkms add DRIVER")
    kernels = [release] if release else _present(system)
    with _locked(system, _PATIENCE):
        journal.refuse_others(system, "dkms retry", [])
        dkmsrecord.prune(system)
        for each in kernels:
            if _nothing_to_build(system, each, packages):
                continue
            for package in (CORE_PACKAGE, *packages):
                _Complete(package, each).do(system)
            dkmsmake.refresh_initramfs(system, each, [package.driver for package in packages])
    return _results(system, packages, kernels)


def prefetch(release: str | None, cache: Cache) -> list[Result]:
    """Fetch the sources of the registered drivers; record what cannot be had, and return it."""
    system = _machine()
    packages = dkmstree.registered(system)
    unfetched = []
    for each in [release] if release else _present(system):
        if _nothing_to_build(system, each, packages):
            continue
        lacking = [package for package in packages if not dkmsmake.current(system, package, each)]
        unfetched += _results(system, _unfetched(system, lacking, each, cache), [each])
    return [result for result in unfetched if result.driver != CORE]


def _unfetched(system: System, packages: Sequence[Package], release: str, cache: Cache) -> list[Package]:
    """Fetch the sources of drivers; return those for which something else than the driver itself is missing."""
    try:
        # All in one go: reading the kernel's archive takes longer than fetching it.
        _fetch(system, packages, release, cache)
        return []
    except SourceUnreachable as error:
        log.warn(f"{release}: {error.message}")
        return list(packages)
    except OmaticError:
        return [package for package in packages if not _fetched(system, package, release, cache)]


def _fetched(system: System, package: Package, release: str, cache: Cache) -> bool:
    try:
        _fetch(system, [package], release, cache)
    except OmaticError as error:
        log.warn(f"{package.name} for {release}: {error.message}")
        record = dkmsrecord.read(system, release, package.driver)
        return record is not None and record.result == SKIPPED
    return True


def _fetch(system: System, packages: Sequence[Package], release: str, cache: Cache) -> None:
    drivers = [package.driver for package in packages]
    with ExitStack() as attempts:
        for driver in drivers:
            attempts.enter_context(dkmsrecord.attempt(system, release, driver))
        if drivers:
            with log.step(f"Fetching the sources of {', '.join(drivers)} for {release}"):
                pipeline.select(drivers, Settings(cache, release))
        for driver in drivers:
            hint = f"pfq-omatic dkms retry --kernel {release}"
            dkmsrecord.write(system, release, driver, FAILED, "fetched, but not built yet", hint=hint)


# --- the machine


def scripted(system: System) -> AbstractContextManager[None]:
    """Hold the machine's lock for what dkms calls, unless whoever called dkms holds it for us."""
    return _locked(system, 0.0 if UNDER_LOCK not in os.environ else None)


@contextmanager
def _locked(system: System, patience: float | None = 0.0) -> Iterator[None]:
    """Hold the machine's lock, waiting so many seconds for it; None: it is held for us."""
    if patience is None:
        yield
        return
    deadline = time.monotonic() + patience
    while True:
        try:
            with system.lock():
                yield
                return
        except Busy:
            if time.monotonic() >= deadline:
                raise
        time.sleep(1.0)


def _machine() -> System:
    if not proc.available("dkms"):
        raise ToolMissing("dkms")
    if os.geteuid() != 0:
        raise UsageError("dkms changes the system", hint="run it as root")
    return System()


def _present(system: System) -> list[str]:
    """Return the kernels that are installed, headers or not."""
    return [path.parent.name for path in sorted(system.modules("*").parent.glob("*/kernel"))]


def _buildable(system: System) -> list[str]:
    found = [release for release in _present(system) if release in kernel.releases()]
    if not found:
        raise KernelMissing(
            "no kernel on this machine has its image and its headers installed",
            hint=f"apt-get install linux-image-{kernel.running()} linux-headers-{kernel.running()}",
        )
    return found


def _resolve(names: Sequence[str], kernels: Sequence[str]) -> list[Package]:
    """Return the packages for what was asked for; a driver that only some kernels have is skipped for the others."""
    found: dict[str, Package] = {}
    missing: dict[str, UnknownDriver] = {}
    for name in names:
        for release in kernels:
            here = stock.installed(release)
            if here is None:
                raise KernelMissing(f"kernel {release} is not installed", hint=f"apt-get install linux-image-{release}")
            try:
                for choice in catalog.resolve([name], here, release):
                    found[choice.module.name] = Package(choice.module.name, (choice.module.object_name,))
                missing.pop(name, None)
                break
            except UnknownDriver as error:
                missing[name] = error
    if missing:
        raise next(iter(missing.values()))
    return list(found.values())


def _nothing_to_build(system: System, release: str, packages: Sequence[Package]) -> bool:
    """Record that a kernel has no headers yet, if so; most often they are about to be installed."""
    if release in kernel.releases():
        return False
    for package in packages:
        dkmsrecord.write(
            system,
            release,
            package.driver,
            SKIPPED,
            f"the headers of kernel {release} are not installed",
            hint=f"apt-get install linux-headers-{release}",
        )
    return True


def _refuse_to_take_core(system: System) -> None:
    """Raise if what `install` has put there needs the core that dkms has."""
    kept = tuple(receipt.every(system))
    shared = {each.release for each in kept if (each.driver, each.owner) == (CORE, "dkms")}
    needing = [each for each in kept if each.owner == OWNER and each.release in shared]
    if needing:
        raise DkmsFailed(
            "the core has to stay: drivers that were installed without dkms need it",
            hint=f"pfq-omatic uninstall {' '.join(sorted({each.driver for each in needing}))}, then this again",
            details=[f"{each.driver} on {each.release}" for each in needing],
        )


def _undo_add(system: System, packages: Sequence[Package]) -> list[steps.Step]:
    known = {package.driver for package in dkmstree.registered(system)}
    fresh = [package for package in packages if package.driver not in known]
    if known:
        return [_Unregister(package) for package in fresh]
    return [_RemoveHooks(), *(_Unregister(package) for package in (*fresh, CORE_PACKAGE))]


def _tidy(system: System) -> None:
    """Remove the folders of our state that are empty."""
    for folder in (dkmsrecord.folder(system), system.receipts, system.state / "initramfs", system.state):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _results(system: System, packages: Sequence[Package], kernels: Sequence[str]) -> list[Result]:
    found = [
        (package.driver, release, dkmsrecord.read(system, release, package.driver))
        for release in kernels
        for package in (CORE_PACKAGE, *packages)
    ]
    return [Result(driver, release, record) for driver, release, record in found if record is not None]
