# SPDX-License-Identifier: GPL-2.0-or-later
"""The order of the stages, and nothing else: what is done, what is skipped because nothing changed, what is kept.

kernel -> fetch -> cflags -> sites -> plan -> rewrite -> kbuild -> verify
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import filelock

from omatic import (
    catalog,
    cflags,
    cindex,
    core,
    elf,
    fetch,
    inlines,
    kbuild,
    kernel,
    kheaders,
    log,
    shared,
    sites,
    state,
    toolchain,
    verify,
    versiontag,
)
from omatic import plan as planning
from omatic import rewrite as rewriting
from omatic import unit as units
from omatic.catalog import Choice
from omatic.core import Core
from omatic.dirs import Cache, sha256, write_atomically
from omatic.errors import HOPELESS, Busy, OmaticError, VerifyFailed, several
from omatic.gitio import ACCELERATED, WorkTree
from omatic.model import KernelTarget, Plan, Report, Scan, Site, StockKernel
from omatic.prefix import Prefix
from omatic.render import render
from omatic.rules import RULES, TWINS
from omatic.unit import DriverUnit
from omatic.vendor import proofs
from omatic.vendor import source as vendors
from omatic.vendor import unit as vendorunit
from omatic.vendor.source import VendorSource
from omatic.vendor.unit import VendorUnit


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user chose: kernel release (None: the running one), sources, cache, jobs and so on."""

    cache: Cache
    kernel: str | None = None
    source: str = "auto"
    offline: bool = False
    jobs: int = 1
    force: bool = False
    output: Path | None = None
    sysroot: Path = Path("/")


@dataclass(frozen=True, slots=True)
class Selection:
    """The kernel, and the modules that were asked for with their vanilla sources."""

    target: KernelTarget
    stock: StockKernel
    choices: tuple[Choice, ...]
    sources: fetch.SourceTree | VendorSource


@dataclass(frozen=True, slots=True)
class Planned:
    """A module's plan and the work tree that it is for."""

    choice: Choice
    unit: DriverUnit | VendorUnit
    tree: WorkTree
    plan: Plan
    base: str

    def to_json(self, chosen: Selection) -> dict[str, object]:
        """Return the plan as `plan --json` prints it."""
        return {
            "request": self.choice.request,
            "driver": self.unit.module.name,
            "kernel": chosen.target.release,
            "source": chosen.sources.label,
            "sites": [{**asdict(site), "kind": site.kind.value} for site in self.plan.sites],
            "edits": [asdict(edit) for edit in self.plan.edits],
            "twins": list(self.plan.twins),
            "units": list(self.plan.units),
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """One rebuilt module: where it is, what was proven, and whether any work was done for it now; why it may not be
    delivered, or would not have been without --force."""

    choice: Choice
    target: KernelTarget
    source: str
    module: Path
    plan: Plan
    report: Report
    fresh: bool
    refusal: str | None = None
    forced: str | None = None

    def to_json(self) -> dict[str, object]:
        """Return the outcome as `build --json` prints it."""
        return {
            "request": self.choice.request,
            "driver": self.choice.module.name,
            "kernel": self.target.release,
            "source": self.source,
            "module": str(self.module),
            "stock": str(self.choice.module.path),
            "sites": len(self.plan.rewritten),
            "relocations_changed": self.report.relocations_changed,
            "state": "built" if self.fresh else "unchanged",
            "sha256": sha256(self.module),
            "refused": self.refusal,
            "forced": self.forced,
            "checks": {
                check.name: {"verdict": check.verdict.value, "evidence": dict(check.evidence)}
                for check in self.report.checks
            },
        }


def resolve(drivers: Sequence[str], settings: Settings) -> tuple[KernelTarget, StockKernel, tuple[Choice, ...]]:
    """Find the kernel and the modules of the drivers; needs no sources, except a vendor's to know them as such."""
    target, stock = _kernels(settings)
    theirs = _vendor(target, settings)
    return target, stock, _choices(drivers, target, stock, theirs)


def select(drivers: Sequence[str], settings: Settings) -> Selection:
    """Find the kernel, the stock modules and the sources of the drivers."""
    target, stock = _kernels(settings)
    theirs = _vendor(target, settings)
    choices = _choices(drivers, target, stock, theirs)
    if theirs is not None:
        return Selection(target, stock, choices, theirs)
    folders = [choice.module.folder for choice in choices]
    sources = fetch.fetch(target, folders, source=settings.source, cache=settings.cache, offline=settings.offline)
    return Selection(target, stock, choices, sources)


def _kernels(settings: Settings) -> tuple[KernelTarget, StockKernel]:
    target = kernel.discover(settings.kernel, root=settings.sysroot)
    return target, stock_kernel(target, settings)


def _vendor(target: KernelTarget, settings: Settings) -> VendorSource | None:
    if settings.source == "auto":
        return None
    return vendors.find(target, settings.source, settings.cache, offline=settings.offline)


def _choices(
    drivers: Sequence[str], target: KernelTarget, stock: StockKernel, theirs: VendorSource | None
) -> tuple[Choice, ...]:
    return catalog.resolve(drivers, stock, target.release) if theirs is None else catalog.of_vendor(drivers, stock)


def stock_kernel(target: KernelTarget, settings: Settings) -> StockKernel:
    """Return the kernel as the distribution ships it, fetched if it is not installed."""
    return fetch.stock_kernel(target, cache=settings.cache, offline=settings.offline)


# --- plan


@contextmanager
def planned(choice: Choice, chosen: Selection, settings: Settings) -> Iterator[Planned]:
    """Plan one module, holding its lock for the length of the block."""
    with _lock(choice, chosen.target, settings.cache):
        if isinstance(chosen.sources, VendorSource):
            yield _planned_of_vendor(choice, chosen.target, chosen.sources, settings)
            return
        unit, tree = units.prepare(chosen.target, choice.module, chosen.sources, settings.cache)
        base = _settle(tree)
        scan = _scan(chosen.target, unit, tree, base, settings)
        stock_version = elf.stated(choice.module.path, "version")
        tags = versiontag.edits(unit.tree, _readable(unit, tree, base, stock_version), stock=stock_version)
        plan = planning.make(scan, tags, _replacement)
        plan = kheaders.extend(plan, chosen.target, unit, settings.cache.flags)
        yield Planned(choice, unit, tree, plan, base)


def _settle(tree: WorkTree) -> str:
    tree.recover()
    if changed := tree.keep_local_changes():
        log.warn(f"changes made by hand are kept and built: {changed}")
    return tree.base()


def _planned_of_vendor(choice: Choice, target: KernelTarget, source: VendorSource, settings: Settings) -> Planned:
    # Their build generates headers and picks flags, so it has to run before anything can be said.
    unit, tree = vendorunit.prepare(target, choice.module, source, settings.cache)
    base = _settle(tree)
    unit = vendorunit.vanilla(unit, tree, base, target, settings.jobs)
    plan = planning.make(vendorunit.scan(unit, tree, base, target, settings.cache, settings.jobs), (), _replacement)
    vendorunit.refuse_generated(unit, tree, base, plan)
    return Planned(replace(choice, module=unit.module), unit, tree, plan, base)


@contextmanager
def _lock(choice: Choice, target: KernelTarget, cache: Cache) -> Iterator[None]:
    cache.locks.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(cache.locks / f"{target.release}-{choice.module.name}.lock")
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        raise Busy(
            f"another pfq-omatic is working on {choice.module.name} for {target.release}",
            hint="wait until it is done, then run this again",
        ) from None
    try:
        yield
    finally:
        lock.release()


def _replacement(site: Site, twin: str) -> str:
    return render("site.j2", site=site, twin=twin)


def _readable(unit: DriverUnit, tree: WorkTree, base: str, stock_version: str | None) -> tuple[str, ...]:
    # The tag's edit is planned from the base, which need not be what is in the tree now.
    if stock_version is not None:
        tree.show(base)
    return unit.sources


def _scan(target: KernelTarget, unit: DriverUnit, tree: WorkTree, base: str, settings: Settings) -> Scan:
    content = tree.tree_name(base)
    config = sha256(target.build_dir / ".config")
    key = state.digest(
        "scan", content, config, target.place, asdict(target.package) if target.package else None,
        cindex.version(), [asdict(rule) for rule in RULES], str(unit.tree),
    )  # fmt: skip
    if (kept := state.read_scan(settings.cache.flags, key)) is not None:
        return kept
    tree.show(base)
    tree.clean()
    commands = cflags.commands(target, unit.tree, key, settings.cache.flags)
    flags = cindex.Flags(settings.cache.flags)
    found = sites.scan(unit.tree, unit.files, commands, flags, settings.jobs)
    state.write_scan(settings.cache.flags, key, found)
    return found


# --- build


def build(drivers: Sequence[str], settings: Settings) -> Iterator[Outcome]:
    """Build and prove the drivers one after the other; yields each as it is done.

    A driver that cannot be built does not stop those after it; it is raised when all the others are done.
    """
    chosen = select(drivers, settings)
    hook = core.build(chosen.target, settings.cache, settings.jobs)
    failed: dict[str, OmaticError] = {}
    for choice in chosen.choices:
        try:
            outcome = build_one(choice, chosen, hook, settings)
        except HOPELESS:
            raise
        except OmaticError as error:
            failed[choice.module.name] = error
            if len(chosen.choices) > 1:
                log.warn(f"{choice.module.name}: {error.message}")
        else:
            yield outcome
    if failed:
        raise several(failed)


def build_one(choice: Choice, chosen: Selection, hook: Core, settings: Settings) -> Outcome:
    """Build, prove and deliver one of the modules that were selected."""
    with planned(choice, chosen, settings) as ready:
        return _deliver(_build(ready, chosen, hook, settings), settings, hook)


def refuse_unproven(outcomes: Sequence[Outcome]) -> None:
    """Raise VerifyFailed if one of the modules may not be delivered."""
    refused = [outcome for outcome in outcomes if outcome.refusal]
    if refused:
        raise VerifyFailed(
            "not proven, so not delivered: " + ", ".join(outcome.choice.module.name for outcome in refused),
            hint="`pfq-omatic verify` shows the evidence; --force delivers a module whose only fault is its provenance",
            details=[f"{outcome.choice.module.name}: {outcome.refusal}" for outcome in refused],
        )


def check(drivers: Sequence[str], settings: Settings) -> Iterator[Outcome]:
    """Build the drivers where something changed, then make every proof again."""
    chosen = select(drivers, settings)
    hook = core.build(chosen.target, settings.cache, settings.jobs)
    for choice in chosen.choices:
        with planned(choice, chosen, settings) as ready:
            outcome = _build(ready, chosen, hook, settings)
            yield _deliver(_prove(ready, chosen, hook, fresh=outcome.fresh), settings, hook)


def _build(ready: Planned, chosen: Selection, hook: Core, settings: Settings) -> Outcome:
    unit, target = ready.unit, chosen.target
    digest = _inputs(ready, chosen, hook)
    result = unit.out / unit.module.intree.name
    report = state.read_report(unit.out, digest, result)
    if report is not None:
        log.info(f"{unit.module.name}: nothing changed since the last build")
        return Outcome(ready.choice, target, chosen.sources.label, result, ready.plan, report, fresh=False)
    with log.step(f"{unit.module.name} for {target.release}"):
        unit.out.mkdir(parents=True, exist_ok=True)
        state.forget(unit.out)
        build_log = unit.out / "build.log"
        build_log.write_text("")
        together = shared.possible(target, unit, settings.jobs)
        if not together:
            _vanilla(ready, target, settings.jobs, build_log)
        _accelerated(ready, target, hook, settings.jobs, build_log, together=together)
        outcome = _prove(ready, chosen, hook, fresh=True)
        judged = replace(outcome, refusal=verify.go(outcome.report, target, force=False))
        state.write_report(unit.out, digest, result, outcome.report, _about(judged), judged.refusal)
    return outcome


def _inputs(ready: Planned, chosen: Selection, hook: Core) -> str:
    target = chosen.target
    return state.digest(
        ready.tree.tree_name(ready.base), generated(ready, target),
        [asdict(edit) for edit in ready.plan.edits], target.place, asdict(target.package) if target.package else None,
        sha256(target.build_dir / ".config"), target.compiler,
        sha256(hook.symvers), sha256(ready.choice.module.path), ready.unit.altered, _prefix(ready),
        _tags(ready, target), toolchain.of_kernel(target).to_json(), state.PROOFS,
        ready.unit.source.origin if isinstance(ready.unit, VendorUnit) else None,
    )  # fmt: skip


def _prefix(ready: Planned) -> Prefix | None:
    return ready.unit.prefix if isinstance(ready.unit, DriverUnit) else None


def generated(ready: Planned, target: KernelTarget) -> dict[str, str]:
    """Return the files that the accelerated build adds; its object brings a version where the driver has none."""
    if isinstance(ready.unit, VendorUnit):
        return vendorunit.generated(ready.unit, ready.tree, ready.base, ready.plan)
    tag, mark = _tags(ready, target)
    version = tag if elf.stated(ready.choice.module.path, "version") is None else None
    inlined = inlines.of_kernel(target, ready.plan.twins)
    copies = kheaders.shadows(ready.plan, target, ready.unit.prefix)
    return units.accelerated_files(ready.unit, ready.plan, version=version, mark=mark, inlines=inlined, copies=copies)


def _tags(ready: Planned, target: KernelTarget) -> tuple[str, str]:
    """Return the accelerated module's version and the text of its mark."""
    kernel_version = kernel.source_version(target)
    mark = f"{versiontag.REVISION} kernel {kernel_version} sites {len(ready.plan.rewritten)}"
    return versiontag.expected(elf.stated(ready.choice.module.path, "version"), kernel_version), mark


def _vanilla(ready: Planned, target: KernelTarget, jobs: int, build_log: Path) -> None:
    unit = ready.unit
    if isinstance(unit, VendorUnit):
        return  # Made when it was planned.
    with log.step("building vanilla"):
        ready.tree.show(ready.base)
        kbuild.build(target, unit.tree, log_to=build_log, jobs=jobs, prefix=unit.prefix)
        (unit.out / "vanilla").mkdir(exist_ok=True)
        shutil.copyfile(unit.built, unit.out / "vanilla" / unit.built.name)


def _accelerated(
    ready: Planned, target: KernelTarget, hook: Core, jobs: int, build_log: Path, *, together: bool
) -> None:
    unit, plan = ready.unit, ready.plan
    count = len(plan.rewritten)
    with log.step(f"rewriting {count} site{'s' * (count != 1)}, building {'vanilla and ' * together}accelerated"):
        vanilla = shared.copy(unit, ready.tree, ready.base) if together and isinstance(unit, DriverUnit) else None
        ready.tree.check_out(ACCELERATED, start=ready.base)
        files = generated(ready, target)
        listed = "\n".join(f"{edit.path}:{edit.line}: {edit.why}" for edit in plan.edits)
        with ready.tree.mutating():
            rewriting.rewrite(unit.tree, plan.edits, files)
            ready.tree.commit(f"accelerated: {unit.module.name} hands its packets to PFQ\n\n{listed}")
        if isinstance(unit, VendorUnit):
            vendorunit.accelerate(unit, ready.tree, target, symvers=hook.symvers, jobs=jobs, log_to=build_log)
            vendorunit.mark(unit, *_tags(ready, target))
            return
        if vanilla is not None:
            shared.build(target, unit, plan, vanilla, hook.symvers, jobs, build_log)
        kbuild.build(target, unit.tree, log_to=build_log, jobs=jobs, extra_symbols=hook.symvers, prefix=unit.prefix)
        shutil.copyfile(unit.built, unit.out / unit.built.name)


# --- proofs and delivery


def _prove(ready: Planned, chosen: Selection, hook: Core, *, fresh: bool) -> Outcome:
    unit, target = ready.unit, chosen.target
    result = unit.out / unit.built.name
    evidence = verify.Evidence(
        target=target,
        stock=None if isinstance(unit, VendorUnit) else ready.choice.module,
        vanilla=unit.out / "vanilla" / unit.built.name,
        accelerated=result,
        hook_symvers=hook.symvers,
        sites=len(ready.plan.rewritten),
        twins=TWINS,
        forced_version=_tags(ready, target)[0],
        altered=(*unit.altered, *ready.tree.changed_by_hand()),
        extra_symvers=unit.symvers if isinstance(unit, VendorUnit) else (),
        tools=toolchain.of_kernel(target).to_json(),
    )
    with log.step(f"proving {unit.module.name}"), tempfile.TemporaryDirectory(prefix=".proof.", dir=unit.out) as name:
        if isinstance(unit, VendorUnit):
            report = proofs.prove(evidence, origin=unit.source.origin, scratch=Path(name))
        else:
            report = verify.verify(evidence, scratch=Path(name))
    return Outcome(ready.choice, target, chosen.sources.label, result, ready.plan, report, fresh)


def _deliver(outcome: Outcome, settings: Settings, hook: Core) -> Outcome:
    """Apply the policy; copy the module, and the core that it needs, to the output folder if there is one."""
    reason = verify.go(outcome.report, outcome.target, force=False)
    refusal = verify.go(outcome.report, outcome.target, force=True) if settings.force else reason
    outcome = replace(outcome, refusal=refusal, forced=reason if refusal is None else None)
    if refusal is not None or settings.output is None:
        return outcome
    settings.output.mkdir(parents=True, exist_ok=True)
    for file in (outcome.module, hook.hook, hook.core):
        write_atomically(settings.output / file.name, file.read_bytes())
    return replace(outcome, module=settings.output / outcome.module.name)


def _about(outcome: Outcome) -> dict[str, object]:
    return {**outcome.to_json(), "plan": [asdict(edit) for edit in outcome.plan.edits]}
