# SPDX-License-Identifier: GPL-2.0-or-later
"""How things are: what is wanted, what is in place, what would be loaded, what is loaded, and what is wrong with it.

Looks at the machine itself; receipts only say what is wanted. Changes nothing and needs no lock.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace

from omatic import kernel as kernels
from omatic import state, stock
from omatic.dirs import Cache, sha256
from omatic.errors import CommandError
from omatic.life import dkmsrecord, enforcement, initramfs, journal, modprobe, receipt, running, signing, steps, swap
from omatic.life.dkmsrecord import Record
from omatic.life.initramfs import Image
from omatic.life.install import dkms_has
from omatic.life.journal import Operation
from omatic.life.receipt import CORE, Receipt
from omatic.life.running import Device
from omatic.life.system import System

GOOD, DEGRADED, BROKEN = 0, 1, 2
"""All as wanted; a stock driver is in charge where ours is wanted; something does not fit together."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is not as wanted, and what to do about it."""

    level: int
    what: str
    hint: str


@dataclass(frozen=True, slots=True)
class Driver:
    """One driver of one kernel. Words are empty where a question makes no sense, e.g. `running` of another kernel.

    `installed` is "yes", "no", "missing" or "changed"; `modprobe` says whose file would be loaded, `running` whose is
    loaded, `initramfs` whose is inside: "ours", "stock", "another" and so on.
    """

    name: str
    release: str
    owner: str
    stock: str
    built: bool
    installed: str
    modprobe: str
    running: str
    initramfs: str
    signer: str
    provenance: str
    dkms: Record | None
    troubles: tuple[Trouble, ...]
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """Everything there is to tell. `core` maps pfq_hook and pfq to their version if they are loaded, else to None."""

    running: str
    drivers: tuple[Driver, ...]
    core: Mapping[str, str | None]
    devices: tuple[Device, ...]
    unfinished: Operation | None
    troubles: tuple[Trouble, ...]

    @property
    def level(self) -> int:
        """The worst of all troubles, which is the exit code."""
        return max((trouble.level for trouble in self.all_troubles()), default=GOOD)

    def all_troubles(self) -> tuple[Trouble, ...]:
        """Return the troubles of the machine and of every driver, each once."""
        own = (trouble for driver in self.drivers for trouble in driver.troubles)
        return tuple(dict.fromkeys((*self.troubles, *own)))

    def to_json(self) -> dict[str, object]:
        """Return it as `status --json` prints it."""
        return {
            "level": self.level,
            "running": self.running,
            "drivers": [asdict(driver) for driver in self.drivers],
            "core": dict(self.core),
            "devices": [device.to_json() for device in self.devices],
            "unfinished": asdict(self.unfinished) if self.unfinished else None,
            "troubles": [asdict(trouble) for trouble in self.all_troubles()],
        }


def examine(system: System, cache: Cache, release: str | None = None) -> Status:
    """Look at one kernel, or at all that matter: those with anything of ours, the running one and the newest."""
    now = running.release(system)
    releases = (release,) if release else _releases(system, cache, now)
    drivers = tuple(driver for one in releases for driver in _Kernel(system, cache, one, now).drivers())
    origins = {driver.name: driver.running for driver in drivers if driver.running}
    core = {
        name: (running.version(system, name) or "loaded") if running.loaded(system, name) else None
        for name in ("pfq_hook", CORE)
    }
    left = journal.unfinished(system)
    return Status(now, drivers, core, tuple(running.devices(system, origins)), left, tuple(_machine(system, left)))


def _releases(system: System, cache: Cache, now: str) -> tuple[str, ...]:
    installed = [path.parent.name for path in (system.root / "lib/modules").glob("*/kernel")]
    installed.sort(key=kernels.release_key)
    ours = {path.name for top in (system.receipts, dkmsrecord.folder(system)) for path in top.glob("*")}
    built = {path.name for path in (cache.root / "work").glob("*")} & set(installed)
    wanted = ours | built | {one for one in installed if one == now} | set(installed[-1:])
    return tuple(sorted(wanted, key=kernels.release_key))


def _machine(system: System, left: Operation | None) -> Iterator[Trouble]:
    if left is not None:
        command = f"pfq-omatic {' '.join((left.command, *left.argv))}"
        yield Trouble(DEGRADED, f"an operation was cut short, or is under way: {left}", f"finish it: {command}")
    for one in swap.every(system):
        if one.open:
            hint = f"pfq-omatic confirm {one.driver}; without it the former driver comes back"
            yield Trouble(DEGRADED, f"`{one.command} {one.driver}` is not confirmed", hint)


class _Kernel:
    """Looks at one kernel."""

    def __init__(self, system: System, cache: Cache, release: str, now: str) -> None:
        self._system = system
        self._cache = cache
        self._release = release
        self._running = release == now
        self._stock = stock.installed(release, system.root / "lib/modules")
        self._index = stock.Index(self._stock) if self._stock else {}
        self._outside = modprobe.outside(system, release)
        self._image, self._readable = _image(system, release)

    def drivers(self) -> Iterator[Driver]:
        """Yield what is wanted, built, or was tried for this kernel, by name."""
        kept = {path.stem for path in (self._system.receipts / self._release).glob("*.json")}
        tried = {path.stem for path in (dkmsrecord.folder(self._system) / self._release).glob("*.json")}
        outs = (self._cache.root / "work" / self._release).glob("*/out")
        built = {out.parent.name for out in outs if state.read_refusal(out) == ""}
        dkms = {path.name.removeprefix("pfq-") for path in (self._system.root / "var/lib/dkms").glob("pfq-*")}
        registered = {stock.module_name(name) for name in dkms} if self._stock else set()
        for name in sorted((kept | tried | registered | built) - {CORE}):
            yield self._driver(name, built=name in built)

    def _driver(self, name: str, *, built: bool) -> Driver:
        kept = receipt.read(self._system, self._release, name)
        registered = dkms_has(self._system, name)
        files = [file.path for file in kept.files] if kept else list(self._outside.get(name, ()))
        module = modprobe.real(self._system, files[0]) if files else None
        original = self._index.get(name)
        driver = Driver(
            name=name,
            release=self._release,
            owner=kept.owner if kept else "dkms" if registered else "",
            stock=modprobe.absolute(self._system, original.path) if original else "",
            built=built,
            installed=_installed(self._system, kept, files),
            modprobe=self._whose(modprobe.loads(self._system, self._release, name), files),
            running=running.whose(self._system, name, module, original.path if original else None)
            if self._running
            else "",
            initramfs=self._inside(name, files),
            signer=modprobe.signer(module) if module and module.is_file() else "",
            provenance=kept.provenance if kept else "",
            dkms=dkmsrecord.read(self._system, self._release, name),
            troubles=(),
            forced=kept.forced if kept else False,
        )
        return replace(driver, troubles=tuple(self._troubles(driver, kept)) if kept or registered else ())

    def _whose(self, path: str | None, files: list[str]) -> str:
        if path is None:
            return "nothing"
        if any(modprobe.same(self._system, path, file) for file in files):
            return "ours"
        top = modprobe.real(self._system, path).resolve()
        return "stock" if top.is_relative_to((self._system.modules(self._release) / "kernel").resolve()) else "another"

    def _inside(self, name: str, files: list[str]) -> str:
        if self._image is None:
            return "" if self._readable else "unknown"
        if name not in self._image.modules:
            return "no"
        if any(self._image.holds(name, steps.below(file, self._release)) for file in files):
            return "ours"
        return "stock" if any(path.startswith("kernel/") for path in self._image.modules[name]) else "another"

    # --- what is not as wanted

    def _troubles(self, driver: Driver, kept: Receipt | None) -> Iterator[Trouble]:
        """Yield what is wrong with a driver that is wanted; the first of a kind is the cause of the others."""
        about = f"{driver.name} for {driver.release}"
        again = f"pfq-omatic install {driver.name} --kernel {driver.release}"
        if driver.owner == "dkms":
            again = f"pfq-omatic dkms retry --kernel {driver.release}"
        yield from self._conflicts(driver, about)
        if driver.installed == "changed":
            yield Trouble(BROKEN, f"{about}: the file is not the one that was installed", again)
        if driver.modprobe == "nothing":
            yield Trouble(BROKEN, f"{about}: modprobe finds no module", again)
        elif driver.modprobe == "ours":
            if modprobe.loads(self._system, self._release, "pfq_hook") is None:
                yield Trouble(BROKEN, f"{about}: it cannot load, for pfq_hook is not there", again)
            yield from self._unsigned(driver, about)
        else:
            yield self._not_ours(driver, about, again)
        if driver.running in (running.STOCK, running.FOREIGN) and driver.modprobe == "ours":
            yield Trouble(
                DEGRADED,
                f"{about}: the {driver.running} driver is running",
                f"pfq-omatic load {driver.name}, or reboot",
            )
        if driver.initramfs in ("stock", "another") and driver.modprobe == "ours":
            yield Trouble(DEGRADED, f"{about}: the {driver.initramfs} driver is in the initramfs", again)
        if kept is not None and kept.stock is not None and self._outdated(kept, driver):
            yield Trouble(DEGRADED, f"{about}: the kernel's own module has changed since it was installed", again)

    def _unsigned(self, driver: Driver, about: str) -> Iterator[Trouble]:
        target = enforcement.target(self._release, self._system)
        for name in ("pfq_hook", driver.name):
            path = modprobe.loads(self._system, self._release, name)
            verdict = signing.would_load(modprobe.real(self._system, path), target, self._system) if path else None
            if verdict is not None and not verdict.loads:
                yield Trouble(BROKEN, f"{about}: the kernel would not load it: {verdict.reason}", verdict.hint)

    def _conflicts(self, driver: Driver, about: str) -> Iterator[Trouble]:
        for name in (driver.name, "pfq_hook", CORE):
            if len(paths := self._outside.get(name, ())) > 1:
                what = f"{name} is there twice for {driver.release}: {', '.join(paths)}"
                yield Trouble(BROKEN, what, "remove all but one, then run depmod")
        if driver.owner == "install" and dkms_has(self._system, driver.name):
            yield Trouble(
                BROKEN, f"{about}: both `install` and DKMS own it", f"pfq-omatic dkms add {driver.name} takes it over"
            )

    def _not_ours(self, driver: Driver, about: str, again: str) -> Trouble:
        tried = driver.dkms
        if tried is not None and tried.result != dkmsrecord.READY:
            return Trouble(DEGRADED, f"{about}: the stock driver is in charge: {tried.why}", tried.hint or again)
        why = "; its files are missing" if driver.installed == "missing" else ""
        return Trouble(DEGRADED, f"{about}: modprobe would load the {driver.modprobe} driver{why}", again)

    def _outdated(self, kept: Receipt, driver: Driver) -> bool:
        path = self._index[driver.name].path if driver.name in self._index else None
        return path is not None and kept.stock is not None and sha256(path) != kept.stock.sha256


def _image(system: System, release: str) -> tuple[Image | None, bool]:
    # On some systems only root may read it.
    try:
        return initramfs.examine(system, release), True
    except CommandError:
        return None, False


def _installed(system: System, kept: Receipt | None, files: list[str]) -> str:
    if kept is None:
        return "yes" if files else "no"
    good: dict[str, set[str]] = {}
    for file in kept.files:
        good.setdefault(file.path, set()).add(file.sha256)
    there = {path: modprobe.real(system, path) for path in good}
    if not there or any(not path.is_file() for path in there.values()):
        return "missing"
    return "yes" if all(sha256(there[path]) in good[path] for path in good) else "changed"
