# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a sweep's report is kept, and whether one that was cut short can be gone on with.

The report is written anew, whole, after each driver. What was made with another kernel package, compiler or program
is not gone on with; and a sweep that came to its end is not, either: asked for again, it tries again what failed.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from omatic import __version__, dirs, kernel, state
from omatic.dirs import Cache, write_atomically
from omatic.model import KernelTarget
from omatic.sweep.result import Report
from omatic.sweep.tasks import Scope


def place(cache: Cache, target: KernelTarget, scope: Scope) -> Path:
    """Return the file of the report."""
    return cache.root / "sweeps" / f"{target.place}-{scope.value}.json"


def about(target: KernelTarget, source: str) -> Mapping[str, str]:
    """Return what a sweep is made with: another of any of these could give other results."""
    package = target.package
    return {
        "package": f"{package.name} {package.version}" if package else "none",
        "headers": state.digest(kernel.base_version(target), (target.build_dir / ".config").read_text())[:16],
        "compiler": target.config.get("CONFIG_CC_VERSION_TEXT", target.compiler),
        "source": source,
        "pfq-omatic": __version__,
        "program": _program(),
    }


def _program() -> str:
    files = [*Path(__file__).parents[1].rglob("*.py"), *dirs.resource("templates").rglob("*.j2")]
    return state.digest(*((path.name, path.read_text()) for path in sorted(files)))[:16]


def unfinished(path: Path, expected: Report) -> Report:
    """Return the report to go on with: the one in `path` if it was cut short, else `expected`, which has no results."""
    try:
        kept = Report.from_json(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return expected
    same = (kept.kernel, kept.scope, kept.about, kept.drivers) == (
        expected.kernel, expected.scope, expected.about, expected.drivers,
    )  # fmt: skip
    return kept if same and not kept.complete else expected


def write(path: Path, report: Report) -> None:
    """Keep the report."""
    write_atomically(path, json.dumps(report.to_json(), indent=1).encode())
