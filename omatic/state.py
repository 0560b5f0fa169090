# SPDX-License-Identifier: GPL-2.0-or-later
"""What was done before, kept by content: scans, and the reports of builds whose inputs have not changed.

Every record is written whole or not at all, and anything that cannot be read is taken as absent.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from omatic.dirs import sha256, write_atomically
from omatic.model import Check, Kind, ParseError, Report, Scan, Site, Verdict


def digest(*parts: object) -> str:
    """Return a name for the content of JSON-able values: equal content, equal name."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _own(*names: str) -> str:
    return digest(*(Path(__file__).with_name(name).read_text() for name in names))


PROOFS = _own("verify.py", "compare.py", "elf.py", "modinfo.py")
"""Changes when the proofs do, so that old verdicts are not taken for new ones."""

SCANNER = _own("sites.py", "census.py", "excerpt.py", "cindex.py", "cflags.py", "entry.py")
"""Changes when what finds and classifies sites does."""


def read_scan(folder: Path, key: str) -> Scan | None:
    """Return the scan kept under that key."""
    try:
        kept = json.loads((folder / f"scan-{digest(key, SCANNER)[:24]}.json").read_text())
        sites = tuple(
            Site(**{**site, "kind": Kind(site["kind"]), "units": tuple(site["units"])}) for site in kept["sites"]
        )
        return Scan(sites, tuple(ParseError(**error) for error in kept["errors"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_scan(folder: Path, key: str, scan: Scan) -> None:
    """Keep a scan."""
    kept = {
        "sites": [{**asdict(site), "kind": site.kind.value} for site in scan.sites],
        "errors": [asdict(error) for error in scan.errors],
    }
    write_atomically(folder / f"scan-{digest(key, SCANNER)[:24]}.json", json.dumps(kept).encode())


def forget(out: Path) -> None:
    """Drop the record of a build that is about to be replaced."""
    (out / "state.json").unlink(missing_ok=True)


def write_report(
    out: Path, inputs: str, module: Path, report: Report, about: Mapping[str, object], refused: str | None
) -> None:
    """Keep what a build gave: the inputs' digest, the module's own, and the report; and the readable proofs.json.

    `refused` is why the module may not be delivered unless forced, None if it may.
    """
    checks = [{"name": c.name, "verdict": c.verdict.value, "evidence": dict(c.evidence)} for c in report.checks]
    kept = {
        "inputs": inputs,
        "sha256": sha256(module),
        "relocations_changed": report.relocations_changed,
        "checks": checks,
        "refused": refused,
    }
    write_atomically(out / "proofs.json", json.dumps(about, indent=1).encode())
    write_atomically(out / "state.json", json.dumps(kept).encode())


def read_report(out: Path, inputs: str, module: Path) -> Report | None:
    """Return the report of a build of the very same inputs whose module is still there, untouched."""
    try:
        kept = json.loads((out / "state.json").read_text())
        vanilla = module.parent / "vanilla" / module.name
        same = kept["inputs"] == inputs and "refused" in kept and vanilla.is_file()
        return latest_report(out, module) if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def latest_report(out: Path, module: Path) -> Report | None:
    """Return the report of the last build, of whatever inputs, if its module is still there, untouched."""
    try:
        kept = json.loads((out / "state.json").read_text())
        if kept["sha256"] != sha256(module):
            return None
        checks = tuple(Check(c["name"], Verdict(c["verdict"]), c["evidence"]) for c in kept["checks"])
        return Report(checks, kept["relocations_changed"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_refusal(out: Path) -> str | None:
    """Return why the module that was built there may not be delivered, "" if it may; None if there is no module."""
    try:
        kept = json.loads((out / "state.json").read_text())
        return str(kept["refused"] or "") if any(out.glob("*.ko")) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
