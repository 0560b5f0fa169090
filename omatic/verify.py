# SPDX-License-Identifier: GPL-2.0-or-later
"""The proofs that an accelerated module is the distribution's module with other callees, and nothing else.

One function for each check of docs/proofs.md, in the order of model.CHECKS. A check states facts and never raises for
what it finds; what the facts allow is decided by `go` alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from omatic import elf, proc
from omatic.compare import Difference, compare, listed
from omatic.elf import Module
from omatic.model import Check, KernelTarget, Report, StockModule, Verdict
from omatic.modinfo import Export, Symvers

EQUAL_SECTIONS, SRCVERSION, NOT_PROVEN = "equal sections", "srcversion", "not proven"
"""How provenance was proven, from strongest to not at all."""

VENDOR = "vendor source"
"""What stands in its place where a vendor and not the distribution publishes the driver: see vendor/proofs.py."""

PROVENANCE_EXEMPT = ("intree",)
"""The modinfo keys in which a rebuild may differ from stock: kbuild marks what was built inside the kernel's tree."""

IDENTITY_EXEMPT = ("version", "pfq", "srcversion", "intree", "depends")
"""The modinfo keys that are meant to differ. `depends` may grow by the modules that export the twins, not shrink."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What there is to judge: files, the number of source sites, and what was meant to change.

    `twins` maps delivery functions to their twins; `forced_version` is the one `version=` tag expected;
    `extra_symvers` are the Module.symvers of rebuilt modules that this one imports from; `altered` the source files
    that are not as they were fetched; `tools` the programs that built, by what they are.
    """

    target: KernelTarget
    stock: StockModule | None
    vanilla: Path
    accelerated: Path
    hook_symvers: Path
    sites: int
    twins: Mapping[str, str] = field(hash=False)
    forced_version: str
    extra_symvers: tuple[Path, ...] = ()
    altered: tuple[str, ...] = ()
    tools: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Subject:
    """The same with the modules taken apart and the symbol tables read."""

    given: Evidence
    stock: Module | None
    vanilla: Module
    accelerated: Module
    kernel: Symvers
    rebuilt: Symvers

    @classmethod
    def load(cls, given: Evidence) -> "Subject":
        """Read all files, each once."""
        rebuilt = [path for path in (given.hook_symvers, *given.extra_symvers) if path.is_file()]
        return cls(
            given,
            elf.load(given.stock.path) if given.stock else None,
            elf.load(given.vanilla),
            elf.load(given.accelerated),
            Symvers.load([given.target.symvers]),
            Symvers.load(rebuilt),
        )


def verify(evidence: Evidence, *, scratch: Path) -> Report:
    """Make all checks. `scratch` is an existing folder for the binary twin."""
    subject = Subject.load(evidence)
    changes = compare(subject.vanilla, subject.accelerated, renames=evidence.twins)
    proven = provenance(subject)
    checks = (
        proven,
        minimality(subject, changes),
        twin(subject, scratch),
        completeness(subject),
        abi(subject, proven=proven.verdict is Verdict.PASS),
        identity(subject),
        imports(subject),
    )
    return Report(checks, len(changes.renamed))


def go(report: Report, target: KernelTarget, *, force: bool) -> str | None:
    """Return why the module must not be delivered, or None if it may.

    Provenance that is not proven by equal sections is borne where the kernel checks CRCs and all of them agree, or
    where the user forces it: without CRCs, srcversion would let pass what it does not hash, such as headers in another
    folder. The twin starts from the stock module, so it cannot hold where the vanilla build differs from stock: it
    counts only with provenance by equal sections. What `abi` lacks without MODVERSIONS is provenance, so forcing
    covers it.
    """
    checks = {check.name: check for check in report.checks}
    failed = {name for name, check in checks.items() if check.verdict is Verdict.FAIL}
    proof = checks["provenance"].evidence["proof"]
    checked = target.modversions and checks["imports"].evidence["crc"] == "equal"
    if proof not in (EQUAL_SECTIONS, VENDOR):
        failed.discard("twin")
    if proof == SRCVERSION and not checked:
        failed.add("provenance")
    if "provenance" in failed and (checked or force):
        failed.discard("provenance")
        if force and checks["abi"].evidence.get("lacks") == "provenance":
            failed.discard("abi")
    if not failed:
        return None
    reasons = [f"{name}: {checks[name].evidence['summary']}" for name in checks if name in failed]
    return "; ".join(reasons)


def provenance(subject: Subject) -> Check:
    """Check that the sources are the distribution's: they rebuild the module that it ships."""
    stock, vanilla = subject.stock, subject.vanilla
    if stock is None:
        summary = "not proven: there is no stock module to compare with"
        return Check("provenance", Verdict.FAIL, {"summary": summary, "proof": NOT_PROVEN})
    difference = compare(stock, vanilla, renames={})
    modinfo = _map_differences(_values(stock, PROVENANCE_EXEMPT), _values(vanilla, PROVENANCE_EXEMPT))
    versions = _map_differences(stock.versions, vanilla.versions)
    facts: dict[str, object] = {
        **difference.facts(),
        "modinfo": {"exempt": list(PROVENANCE_EXEMPT), "differences": modinfo},
        "versions": {"compared": len(stock.versions), "differences": versions},
        "altered": list(subject.given.altered),
        "compilers": {
            "stock": list(stock.compilers),
            "vanilla": list(vanilla.compilers),
            "headers": subject.given.target.compiler,
        },
        "tools": dict(subject.given.tools),
    }
    sources = [m.modinfo.get("srcversion", ()) for m in (stock, vanilla)]
    if subject.given.altered:
        # Even where the object code is the same (a comment): these are not the distribution's sources.
        where = "" if difference.equal else f"; {_first(difference, modinfo, versions)}"
        proof, summary = NOT_PROVEN, f"not proven: changed since fetched: {listed(subject.given.altered)}{where}"
    elif difference.equal and not modinfo and not versions:
        proof, summary = EQUAL_SECTIONS, f"the vanilla build equals the stock module in {difference.amount}"
    elif difference.equal and not versions and modinfo.keys() == {"srcversion"} and all(sources):
        # modpost hashes the headers of the driver's own folder once for each path by which they were found, and what
        # a trace header names from the kernel's tree has another path here. What it hashes is compiled all the same.
        proof = EQUAL_SECTIONS
        summary = (
            f"the vanilla build equals the stock module in {difference.amount}; srcversion, which counts paths, differs"
        )
    elif sources[0] and sources[0] == sources[1]:
        proof = SRCVERSION
        summary = f"srcversion {sources[0][0]} is the stock module's, but {_first(difference, modinfo, versions)}"
    else:
        proof, summary = NOT_PROVEN, f"not proven: {_first(difference, modinfo, versions)}{_blame(stock, vanilla)}"
    verdict = Verdict.FAIL if proof == NOT_PROVEN else Verdict.PASS
    return Check("provenance", verdict, {"summary": summary, "proof": proof, **facts})


def minimality(subject: Subject, changes: Difference) -> Check:
    """Check that only the planned calls changed: vanilla and accelerated build differ in callees alone."""
    count, sites = len(changes.renamed), subject.given.sites
    facts = {"sites": sites, "count": count, "renamed": [asdict(r) for r in changes.renamed], **changes.facts()}
    if not changes.equal_but_renamed:
        summary = "more than callees changed: " + ", ".join(changes.words())
    elif count and not sites:
        summary = f"{count} relocations changed callee though no site was planned"
    else:
        summary = (
            f"{count} of {changes.relocations_compared} relocations changed callee ({sites} source sites), "
            f"nothing else in {len(changes.compared)} sections"
        )
        return Check("minimality", Verdict.PASS, {"summary": summary, **facts})
    return Check("minimality", Verdict.FAIL, {"summary": summary, **facts})


def twin(subject: Subject, scratch: Path) -> Check:
    """Check minimality a second time without compiler or sources: the stock module with its imports renamed."""
    if subject.stock is None:
        return Check("twin", Verdict.SKIP, {"summary": "there is no stock module to make a twin of"})
    return twin_of(subject, subject.stock.path, "the stock module", scratch)


def twin_of(subject: Subject, reference: Path, name: str, scratch: Path) -> Check:
    """Check that a module with its imports renamed is the accelerated one; `name` is what to call it."""
    plain, renamed = scratch / "stock.ko", scratch / "twin.ko"
    plain.write_bytes(elf.read_module(reference))
    imports = elf.imports(reference)
    pairs = {old: new for old, new in sorted(subject.given.twins.items()) if old in imports}
    options = [word for old, new in pairs.items() for word in ("--redefine-sym", f"{old}={new}")]
    proc.run(["objcopy", *options, plain, renamed])
    difference = compare(elf.load(renamed), subject.accelerated, renames={})
    verdict = Verdict.PASS if difference.equal else Verdict.FAIL
    summary = (
        f"{name} with {len(pairs)} imports renamed equals the accelerated one in {difference.amount}"
        if difference.equal
        else f"{name} with renamed imports is not the accelerated one: " + ", ".join(difference.words())
    )
    return Check("twin", verdict, {"summary": summary, "renamed": pairs, **difference.facts()})


def completeness(subject: Subject) -> Check:
    """Check that no packet passes by: every delivery function that stock imports is replaced, none is left."""
    reference, name = (subject.stock, "stock") if subject.stock else (subject.vanilla, "vanilla")
    twins, ours = subject.given.twins, subject.accelerated.imports
    delivery = sorted(twins.keys() & reference.imports)
    left = sorted(twins.keys() & ours)
    missing = sorted(twins[symbol] for symbol in delivery if twins[symbol] not in ours)
    facts = {"reference": name, "replaced": {s: twins[s] for s in delivery}, "left": left, "missing": missing}
    if left:
        users = [f"{symbol} in {listed(_users(subject.accelerated, symbol))}" for symbol in left]
        summary = f"still imported: {'; '.join(users)}"
    elif missing:
        summary = f"not imported: {', '.join(missing)}"
    elif not delivery:
        summary = f"the {name} module imports no delivery function, so there is nothing to replace"
    else:
        summary = f"all of the {name} module's delivery functions are replaced: {', '.join(delivery)}"
    return Check("completeness", Verdict.FAIL if left or missing else Verdict.PASS, {"summary": summary, **facts})


def _users(module: Module, symbol: str) -> list[str]:
    """Return the places that refer to an imported symbol: function+0x1f."""
    found = (
        module.enclosing(section, relocation.offset)
        for section, relocations in module.relocations.items()
        for relocation in relocations
        if relocation.symbol == symbol
    )
    return list(dict.fromkeys(found))


def abi(subject: Subject, *, proven: bool) -> Check:
    """Check that dependents still load: each exported symbol is there, with the CRC that the kernel recorded."""
    given, ours = subject.given, subject.accelerated.exports
    if given.stock:
        expected = {e.name: e for e in subject.kernel.of_module(given.stock.intree.with_suffix("").as_posix())}
    else:
        expected = {name: e for name in subject.vanilla.exports if (e := subject.kernel.get(name))}
    if not ours and not expected:
        return Check("abi", Verdict.SKIP, {"summary": "the module exports nothing", "symbols": 0})
    checked = given.target.modversions and any(e.crc for e in expected.values())
    wrong = {
        name: {"kernel": _export(expected.get(name), checked), "accelerated": _export(ours.get(name), checked)}
        for name in sorted(expected.keys() | ours.keys())
        if _export(expected.get(name), checked) != _export(ours.get(name), checked)
    }
    facts: dict[str, object] = {
        "symbols": len(expected),
        "crc": "equal" if checked and not wrong else "differs" if checked else "none",
        "differences": wrong,
    }
    if wrong:
        summary = f"{len(wrong)} exported symbols are not as the kernel recorded them: {', '.join([*wrong][:3])}"
    elif checked:
        summary = f"all {len(expected)} exported symbols have the CRCs that the kernel recorded"
    elif proven:
        summary = f"{len(expected)} exported symbols; this kernel has no CRCs, equal sources vouch for them"
    else:
        summary = f"{len(expected)} exported symbols; this kernel has no CRCs and provenance is not proven"
        facts["lacks"] = "provenance"
    verdict = Verdict.FAIL if wrong or not (checked or proven) else Verdict.PASS
    return Check("abi", verdict, {"summary": summary, **facts})


def identity(subject: Subject) -> Check:
    """Check that the system takes it for the same module: aliases, parameters, firmware, vermagic and the like."""
    reference, name = (subject.stock, "stock") if subject.stock else (subject.vanilla, "vanilla")
    ours = subject.accelerated.modinfo
    expected, found = _values(reference, IDENTITY_EXEMPT), _values(subject.accelerated, IDENTITY_EXEMPT)
    wrong: dict[str, object] = dict(_map_differences(expected, found))
    version, mark = ours.get("version", ()), ours.get("pfq", ())
    if version != (subject.given.forced_version,):
        wrong["version"] = [[subject.given.forced_version], list(version)]
    if len(mark) != 1:
        wrong["pfq"] = ["exactly one tag", list(mark)]
    before, after = _depends(reference), _depends(subject.accelerated)
    if not before <= after or not after - before <= subject.rebuilt.modules():
        wrong["depends"] = [sorted(before), sorted(after)]
    facts = {
        "reference": name,
        "keys": {key: len(values) for key, values in expected.items()},
        "exempt": list(IDENTITY_EXEMPT),
        "version": list(version),
        "pfq": list(mark),
        "depends_added": sorted(after - before),
        "differences": wrong,
    }
    aliases, parameters = len(expected.get("alias", ())), len(expected.get("parm", ()))
    summary = (
        f"not the {name} module to the system: {', '.join(wrong)}"
        if wrong
        else f"{aliases} aliases, {parameters} parameters, vermagic and all other tags equal the {name} module's"
    )
    return Check("identity", Verdict.FAIL if wrong else Verdict.PASS, {"summary": summary, **facts})


def imports(subject: Subject) -> Check:
    """Check that it will load: somebody exports each imported symbol, with the CRC that the module expects."""
    module = subject.accelerated
    offered = {name: subject.rebuilt.get(name) or subject.kernel.get(name) for name in module.imports}
    # Headers without a single CRC are those of a kernel that checks none, whatever its configuration says.
    checked = subject.given.target.modversions and any(export.crc for export in offered.values() if export)
    missing = sorted(name for name, export in offered.items() if export is None and name not in module.weak)
    wrong = {}
    if checked:
        tagged = {name: subject.rebuilt.get(name) or subject.kernel.get(name) for name in module.versions}
        for name, export in sorted((offered | tagged).items()):
            crc = module.versions.get(name)
            if export is not None and crc != export.crc:
                wrong[name] = {"exported": _hex(export.crc), "expected": _hex(crc)}
    facts = {
        "symbols": len(module.imports),
        "crc": "differs" if wrong else "equal" if checked else "none",
        "from_rebuilt": sorted(name for name in module.imports if subject.rebuilt.get(name)),
        "missing": missing,
        "differences": wrong,
    }
    if missing:
        summary = f"nobody exports {', '.join(missing[:3])}"
    elif wrong:
        summary = f"{len(wrong)} imported symbols have another CRC: {', '.join([*wrong][:3])}"
    else:
        summary = f"all {len(module.imports)} imported symbols are exported" + (", CRCs equal" if checked else "")
    return Check("imports", Verdict.FAIL if missing or wrong else Verdict.PASS, {"summary": summary, **facts})


def _first(difference: Difference, modinfo: Mapping[str, object], versions: Mapping[str, object]) -> str:
    """Say in words what differs, the weightiest first."""
    parts = list(difference.words())
    if modinfo:
        parts.append(f"modinfo differs in {listed(list(modinfo))}")
    if versions:
        parts.append(f"{len(versions)} symbol versions differ, such as {listed(list(versions))}")
    return ", ".join(parts)


def _blame(stock: Module, vanilla: Module) -> str:
    if set(stock.compilers) == set(vanilla.compilers):
        return "; the compilers agree, so the sources do not"
    return f"; compiled by {listed(list(vanilla.compilers))}, stock by {listed(list(stock.compilers))}"


def _values(module: Module, exempt: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return modinfo without order: it follows the order of includes and of the linker, and means nothing."""
    found = {key: tuple(sorted(values)) for key, values in module.modinfo.items() if key not in exempt}
    if "depends" in found:
        found["depends"] = tuple(sorted(_depends(module)))
    return found


def _depends(module: Module) -> set[str]:
    return {n.replace("-", "_") for value in module.modinfo.get("depends", ()) for n in value.split(",") if n}


def _map_differences(one: Mapping[str, object], two: Mapping[str, object]) -> dict[str, list[object]]:
    keys = sorted(one.keys() | two.keys())
    return {key: [one.get(key), two.get(key)] for key in keys if one.get(key) != two.get(key)}


def _export(export: Export | None, with_crc: bool) -> dict[str, object] | None:
    if export is None:
        return None
    facts: dict[str, object] = {"gpl": export.gpl, "namespace": export.namespace}
    return {"crc": _hex(export.crc), **facts} if with_crc else facts


def _hex(crc: int | None) -> str | None:
    return None if crc is None else f"{crc:#010x}"
