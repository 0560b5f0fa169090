# SPDX-License-Identifier: GPL-2.0-or-later
"""Decide what will be changed: from a scan to edits, or a refusal with locations. Pure; touches nothing."""

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from omatic.errors import PlanRefused
from omatic.model import REWRITTEN, Edit, Kind, Plan, Scan, Site
from omatic.rules import BY_CALLEE


def make(scan: Scan, versions: Sequence[Edit], replacement: Callable[[Site, str], str]) -> Plan:
    """Return the plan for a unit: one edit per rewritten site, and `versions`, the edits of its version tag.

    `replacement` renders what a site becomes from the site and its twin. Raises PlanRefused if a mention is
    unexplained or a candidate file did not parse: we never guess.
    """
    _refuse(scan)
    chosen = [site for site in scan.sites if site.kind in REWRITTEN]
    edits = [_edit(site, replacement) for site in chosen]
    edits.extend(versions)
    edits.sort(key=lambda edit: (edit.path, edit.start))
    _disjoint(edits)
    twins = tuple(sorted({BY_CALLEE[site.name].twin for site in chosen}))
    units = tuple(sorted({unit for site in chosen for unit in site.units}))
    return Plan(scan.sites, tuple(edits), twins, units)


def _edit(site: Site, replacement: Callable[[Site, str], str]) -> Edit:
    rule = BY_CALLEE[site.name]
    end = site.offset + len(site.name.encode())
    why = f"{site.kind.value} of {site.name}" + (f" in {site.function}()" if site.function else "")
    return Edit(site.path, site.offset, end, site.name, replacement(site, rule.twin), site.line, why)


def _refuse(scan: Scan) -> None:
    if scan.errors:
        raise PlanRefused(
            f"{len(scan.errors)} parse error{'s' if len(scan.errors) > 1 else ''} in files that may deliver packets",
            hint="do the sources belong to this kernel? nothing was changed",
            details=[f"{error.path}:{error.line}: {error.text}" for error in scan.errors[:10]],
        )
    unexplained = [site for site in scan.sites if site.kind is Kind.UNEXPLAINED]
    if unexplained:
        raise PlanRefused(
            f"{len(unexplained)} mention{'s' if len(unexplained) > 1 else ''} of a delivery function "
            "cannot be explained; nothing was changed",
            hint="look at these places and report them: a rule is missing",
            details=[f"{s.path}:{s.line}:{s.column}: {s.name}: {s.note}" for s in unexplained],
        )


def _disjoint(edits: Sequence[Edit]) -> None:
    for one, two in zip(edits, edits[1:], strict=False):
        if one.path == two.path and two.start < one.end:
            raise PlanRefused(
                f"two edits overlap at {one.path}:{one.line}", hint="report this: it is a mistake in the rules"
            )


def object_of(unit: str, folder: str) -> str:
    """Return the object that kbuild makes of a C file, relative to the driver's folder: en/rep/tc.o."""
    return str(PurePosixPath(unit).relative_to(folder).with_suffix(".o"))
