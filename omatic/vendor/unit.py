# SPDX-License-Identifier: GPL-2.0-or-later
"""A vendor's driver in its work folder: its source as a git work tree, and the folder in which its build runs.

The two are apart. A vendor's Makefile may ask git for a version, clean what it does not know and generate headers
beside its source; it does so in `build`, which holds what the work tree shows and no repository. `build` stays in
its place, so vanilla and accelerated modules are made with the same paths and the same flags: every file is compiled
with one more header, which is empty for the vanilla build. It keeps its age when it is filled, and so only files in
which calls were renamed are compiled again.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from omatic import cindex, elf, log, sites, state
from omatic.dirs import Cache, sha256, staging, write_atomically
from omatic.errors import PlanRefused, UnknownDriver
from omatic.gitio import ACCELERATED, WorkTree
from omatic.model import CompileCommand, KernelTarget, Plan, Scan, StockModule
from omatic.render import render
from omatic.rules import RULES, TWINS
from omatic.vendor import build as building
from omatic.vendor import compiled as looking
from omatic.vendor import confine, makefiles
from omatic.vendor import mark as marking
from omatic.vendor import source as sources
from omatic.vendor.compiled import Compiled
from omatic.vendor.source import VendorSource

_OLD = 10**9
"""The age of the forced header, in seconds since 1970: older than any object."""


@dataclass(frozen=True, slots=True)
class VendorUnit:
    """A module of a vendor's source and its work folder. `module.path` is the vendor's own vanilla build, to which the
    accelerated one is compared; `key` names the content of the source; `altered` are the files that are not as they
    were published; `compiled` is known when the vanilla build is there."""

    module: StockModule
    source: VendorSource
    folder: Path
    key: str
    compiled: Compiled = field(default=Compiled("", (), (), ()), hash=False)

    @property
    def altered(self) -> tuple[str, ...]:
        """The files that differ from what the vendor published."""
        return self.source.altered

    @property
    def tree(self) -> Path:
        """The git work tree."""
        return self.folder / "tree"

    @property
    def build(self) -> Path:
        """Where the vendor's build runs."""
        return self.folder / "build"

    @property
    def out(self) -> Path:
        """Modules, logs, plan and proofs."""
        return self.folder / "out"

    @property
    def built(self) -> Path:
        """Where the vendor's build leaves the module."""
        return self.build / self.compiled.module

    @property
    def symvers(self) -> tuple[Path, ...]:
        """What the modules of this source export, as the build recorded it."""
        return tuple(self.build / folder / "Module.symvers" for folder in self.compiled.folders)

    @property
    def files(self) -> tuple[str, ...]:
        """The C files and headers that belong to the module, by path below the build: those of the folders that kbuild
        was given, and those that the compiler has read."""
        below = {
            str(path.relative_to(self.build))
            for folder in self.compiled.folders
            for path in (self.build / folder).rglob("*.[ch]")
            if not path.name.endswith(".mod.c")
        }
        compiled = {command.source for command in self.compiled.commands}
        return tuple(sorted((below | compiled | set(self.compiled.read)) - {building.HOOK}))


def prepare(
    target: KernelTarget, module: StockModule, source: VendorSource, cache: Cache
) -> tuple[VendorUnit, WorkTree]:
    """Return the unit of a module with its work tree holding the vendor's source."""
    key = state.digest(sources.sums(source.root), source.origin)
    folder = cache.vendor_work(target.release, module.name)
    unit = VendorUnit(module, source, folder, key)
    if _read(folder / "unit.json").get("key") == key and (tree := WorkTree.open(unit.tree)) is not None:
        return unit, tree
    if (old := WorkTree.open(unit.tree)) is not None:
        old.save("the source is another now")
    with staging(unit.tree) as into:
        sources.copy(source.root, into)
        WorkTree.create(into, f"vanilla: {module.name}\n\nFrom {source.label}.")
    write_atomically(folder / "unit.json", json.dumps({"key": key, "source": source.label}).encode())
    made = WorkTree.open(unit.tree)
    assert made is not None
    return unit, made


def _read(path: Path) -> dict[str, object]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return {}


# --- the vanilla build


def vanilla(unit: VendorUnit, tree: WorkTree, base: str, target: KernelTarget, jobs: int) -> VendorUnit:
    """Return the unit with its vanilla build, made in an empty folder unless it was made before."""
    key = state.digest(
        "vanilla", tree.tree_name(base), target.release, asdict(target.package) if target.package else None,
        sha256(target.build_dir / ".config"), target.compiler, _MAKER,
    )  # fmt: skip
    record = unit.out / "vanilla.json"
    kept = _read(record)
    if kept.get("key") != key or not unit.build.is_dir() or not (ready := _with(unit, kept)).module.path.is_file():
        name = unit.module.name
        with log.step(f"{name} for {target.release}: building vanilla, as {unit.source.label} does"):
            ready = _build_vanilla(unit, tree, base, target, jobs)
        write_atomically(record, json.dumps({"key": key, **_as_json(ready.compiled)}).encode())
    if not elf.imports(ready.module.path) & TWINS.keys():
        raise UnknownDriver(
            f"{unit.module.name} delivers no packets to the network stack",
            hint="its module imports no delivery function; another module may deliver for it",
            details=[f"{ready.compiled.module} of {unit.source.label}"],
        )
    licence = elf.stated(ready.module.path, "license") or ""
    if licence not in _GPL:
        # The kernel's own words and rule (license_is_gpl_compatible); modpost would say so after the rewrite.
        raise PlanRefused(
            f"{unit.module.name} is licensed as {licence!r}, and pfq_hook offers its twins to GPL modules only",
            hint="use the kernel's own driver for this NIC; nothing was changed",
            details=[place for command in ready.compiled.commands for place in _licences(ready.build, command.source)],
        )
    return ready


_GPL = ("GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL")
_LICENCE = re.compile(rb"^[ \t]*MODULE_LICENSE[ \t]*\(.*$", re.MULTILINE)


def _licences(root: Path, path: str) -> Iterator[str]:
    text = (root / path).read_bytes()
    for match in _LICENCE.finditer(text):
        line = text[: match.start()].count(b"\n") + 1
        yield f"{path}:{line}: {match[0].decode(errors='replace').strip()}"


def _build_vanilla(unit: VendorUnit, tree: WorkTree, base: str, target: KernelTarget, jobs: int) -> VendorUnit:
    shutil.rmtree(unit.build, ignore_errors=True)
    (unit.folder / "synced.json").unlink(missing_ok=True)
    unit.out.mkdir(parents=True, exist_ok=True)
    state.forget(unit.out)
    show(unit, tree, base)
    log_to = unit.out / "vanilla.log"
    log_to.write_text("")
    building.run(target, unit.build, unit.module.name, tools=unit.folder / "tools", log_to=log_to, jobs=jobs)
    ready = replace(unit, compiled=looking.look(target, unit.build, unit.module.name))
    ready = replace(ready, compiled=replace(ready.compiled, changed=tuple(_changed(ready))))
    building.check(target, ready.built)
    (unit.out / "vanilla").mkdir(exist_ok=True)
    shutil.copyfile(ready.built, unit.out / "vanilla" / ready.built.name)
    return _placed(ready)


def _changed(unit: VendorUnit) -> Iterator[str]:
    for path in unit.files:
        published = unit.tree / path
        if published.is_file() and published.read_bytes() != (unit.build / path).read_bytes():
            yield path


def _placed(unit: VendorUnit) -> VendorUnit:
    # The file is named as the vendor names it (dashes kept), in the folder of the stock module of that name.
    name = Path(unit.compiled.module).name
    path = unit.out / "vanilla" / name
    return replace(unit, module=replace(unit.module, path=path, intree=unit.module.intree.with_name(name)))


_MAKER = hashlib.sha256(
    b"".join(Path(module.__file__ or "").read_bytes() for module in (building, confine, looking, makefiles))
).hexdigest()


def _as_json(found: Compiled) -> dict[str, object]:
    commands = [(c.source, c.output, c.arguments, str(c.directory)) for c in found.commands]
    return {**asdict(found), "commands": commands}


def _with(unit: VendorUnit, kept: Mapping[str, object]) -> VendorUnit:
    try:
        commands = tuple(
            CompileCommand(source, output, tuple(arguments), Path(directory))
            for source, output, arguments, directory in kept["commands"]  # type: ignore[attr-defined]
        )
        read, folders, changed = (
            tuple(map(str, kept[name]))  # type: ignore[call-overload]
            for name in ("read", "folders", "changed")
        )
        return _placed(replace(unit, compiled=Compiled(str(kept["module"]), commands, read, folders, changed)))
    except (KeyError, TypeError, ValueError):
        return unit


# --- what the build folder shows


def show(unit: VendorUnit, tree: WorkTree, branch: str) -> None:
    """Put a branch into the work tree and into the build folder; files that stay as they are keep their age."""
    tree.show(branch)
    wanted = {str(path.relative_to(unit.tree)) for path in sources.files(unit.tree)} - {building.HOOK}
    record = unit.folder / "synced.json"
    former = set(json.loads(record.read_text())) if record.is_file() else set()
    write_atomically(record, json.dumps(sorted(former | wanted)).encode())
    for path in sorted(former - wanted):
        (unit.build / path).unlink(missing_ok=True)
    for path in sorted(wanted):
        _copy(unit.tree / path, unit.build / path)
    write_atomically(record, json.dumps(sorted(wanted)).encode())
    header = unit.build / building.HOOK
    header.parent.mkdir(parents=True, exist_ok=True)
    given = unit.tree / building.HOOK
    header.write_bytes(given.read_bytes() if given.is_file() else b"")
    os.utime(header, (_OLD, _OLD))


def _copy(source: Path, target: Path) -> None:
    if source.is_symlink():
        if not target.is_symlink() or target.readlink() != source.readlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            target.symlink_to(source.readlink())
    elif target.is_symlink() or not target.is_file() or target.read_bytes() != source.read_bytes():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        # With the time of now: make must see that it is another file.
        shutil.copyfile(source, target)
        target.chmod(source.stat().st_mode & 0o777)


# --- sites


def scan(unit: VendorUnit, tree: WorkTree, base: str, target: KernelTarget, cache: Cache, jobs: int) -> Scan:
    """Return every mention of a delivery function in the files of the module."""
    kept = _read(unit.out / "vanilla.json")
    key = state.digest(
        "vendor", kept.get("key"), target.release, cindex.version(), [asdict(rule) for rule in RULES],
        unit.files, str(unit.build),
    )  # fmt: skip
    if (found := state.read_scan(cache.flags, key)) is not None:
        return found
    show(unit, tree, base)
    found = sites.scan(unit.build, unit.files, unit.compiled.commands, cindex.Flags(cache.flags), jobs)
    state.write_scan(cache.flags, key, found)
    return found


def refuse_generated(unit: VendorUnit, tree: WorkTree, base: str, plan: Plan) -> None:
    """Raise PlanRefused where a site is in a file that the vendor's build makes or changes: the edit would be lost.

    A changed file that mentions a delivery function, as it was published, was not compiled as it was read here; so what
    the build's own files mention is shown, too, used or not.
    """
    show(unit, tree, base)
    made = {site.path for site in plan.sites if not (unit.tree / site.path).is_file()}
    mentioned = {site.path for site in plan.sites if site.path in unit.compiled.changed}
    rewritten = {site.path for site in plan.rewritten}
    blamed = made | mentioned if mentioned else made & rewritten
    lost = [f"{site.path}:{site.line}: {site.name}" for site in plan.sites if site.path in blamed]
    if lost:
        raise PlanRefused(
            f"{unit.module.name} delivers packets in files that its own build makes or changes",
            hint="nothing was changed; report this driver",
            details=lost,
        )


# --- the accelerated build


def generated(unit: VendorUnit, tree: WorkTree, base: str, plan: Plan) -> dict[str, str]:
    """Return every file that the accelerated build adds or extends, by path: the twins' header, and the Makefiles that
    kbuild reads, which must name the twins' exporter for modpost."""
    rules = [rule for rule in RULES if rule.twin in plan.twins]
    files = {building.HOOK: render("hook.h.j2", rules=rules)}
    for folder in unit.compiled.folders:
        names = [str(Path(folder, name)) for name in ("Kbuild", "Makefile")]
        path = next((name for name in names if tree.holds(base, name)), None)
        if path is None:
            raise PlanRefused(
                f"the Makefile in {folder} is made by the vendor's own build",
                hint="nothing was changed; report this driver",
                details=[f"{names[1]}:1"],
            )
        text = tree.content(base, path).decode("utf-8", "surrogateescape")
        files[path] = text + render("vendor-makefile.j2", symvers=building.SYMVERS)
    return files


def accelerate(
    unit: VendorUnit, tree: WorkTree, target: KernelTarget, *, symvers: Path, jobs: int, log_to: Path
) -> None:
    """Run the vendor's build again on what was rewritten; leave the module in the unit's results."""
    show(unit, tree, ACCELERATED)
    unit.built.unlink(missing_ok=True)
    building.run(
        target, unit.build, unit.module.name, tools=unit.folder / "tools", log_to=log_to, jobs=jobs, symvers=symvers
    )
    shutil.copyfile(unit.built, unit.out / unit.built.name)


def mark(unit: VendorUnit, version: str, text: str) -> None:
    """Mark the accelerated module among the unit's results."""
    marking.apply(unit.out / unit.built.name, version=version, pfq=text)
