# SPDX-License-Identifier: GPL-2.0-or-later
"""The proofs for a vendor's driver: the reference is the vendor's own vanilla build, in place of the stock module.

Provenance cannot be proven from a module of the distribution, which did not make it; it is stated: which commit or
archive, and what was changed since. All else is proven as for stock drivers, against the vanilla build.
"""

from pathlib import Path

from omatic import verify
from omatic.compare import compare, listed
from omatic.model import Check, Report, Verdict
from omatic.verify import VENDOR, Evidence, Subject


def prove(evidence: Evidence, *, origin: str, scratch: Path) -> Report:
    """Make all checks. `evidence.stock` is None; `origin` says exactly which source it is."""
    subject = Subject.load(evidence)
    changes = compare(subject.vanilla, subject.accelerated, renames=evidence.twins)
    checks = (
        provenance(subject, origin),
        verify.minimality(subject, changes),
        verify.twin_of(subject, evidence.vanilla, "the vendor's vanilla build", scratch),
        verify.completeness(subject),
        abi(subject),
        verify.identity(subject),
        verify.imports(subject),
    )
    return Report(checks, len(changes.renamed))


def provenance(subject: Subject, origin: str) -> Check:
    """State where the source is from; it fails if that source was changed here."""
    altered = subject.given.altered
    facts: dict[str, object] = {
        "proof": VENDOR,
        "origin": origin,
        "altered": list(altered),
        "reference": "the vendor's vanilla build, made here: no module of the distribution's to compare with",
        "compilers": {"vanilla": list(subject.vanilla.compilers), "headers": subject.given.target.compiler},
    }
    if altered:
        summary = f"vendor source, {origin}, but changed since: {listed(altered)}"
        return Check("provenance", Verdict.FAIL, {"summary": summary, **facts})
    return Check("provenance", Verdict.SKIP, {"summary": f"vendor source, {origin}", **facts})


def abi(subject: Subject) -> Check:
    """Check that dependents load with it as with the vendor's own: the same exports with the same CRCs."""
    theirs, ours = subject.vanilla.exports, subject.accelerated.exports
    if not theirs and not ours:
        return Check("abi", Verdict.SKIP, {"summary": "the module exports nothing", "symbols": 0})
    # The order of the tables does not matter, and nor does which of the two files a symbol is listed in.
    wrong = sorted(name for name in theirs.keys() | ours.keys() if theirs.get(name) != ours.get(name))
    crc = "none" if not any(export.crc for export in theirs.values()) else "differs" if wrong else "equal"
    summary = (
        f"{len(wrong)} exported symbols are not as in the vendor's vanilla build: {', '.join(wrong[:3])}"
        if wrong
        else f"all {len(theirs)} exported symbols are as in the vendor's vanilla build"
    )
    facts = {"symbols": len(theirs), "crc": crc, "differences": wrong, "reference": "vanilla"}
    return Check("abi", Verdict.FAIL if wrong else Verdict.PASS, {"summary": summary, **facts})
