# SPDX-License-Identifier: GPL-2.0-or-later
"""Drivers that deliver through inline functions of the kernel's own headers (idpf through net/libeth/).

Kernel headers are never edited. A driver's files that include such a header get a rewritten copy of it from a shadow
folder, which the compiler is told to take for the original: line numbers and the file's name stay as they were. Which
headers these are is read in the kernel's headers, once per kernel.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from omatic import census, kernel, sysroot
from omatic.census import Lexical, Mention
from omatic.dirs import write_atomically
from omatic.inlines import HEADERS
from omatic.model import KernelTarget, Kind, Plan, Site
from omatic.prefix import Prefix
from omatic.rules import TWINS
from omatic.state import digest
from omatic.unit import DriverUnit

_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*["<]([\w./+-]+)[">]', re.MULTILINE)
_CALLS = re.compile(rb"\b(?:" + b"|".join(name.encode() for name in TWINS) + rb")\s*\(")


@dataclass(frozen=True, slots=True)
class Delivering:
    """A kernel header with inline functions that deliver, and the headers by which it may come in, itself first."""

    header: str
    through: tuple[str, ...]


def of_kernel(target: KernelTarget, folder: Path) -> tuple[Delivering, ...]:
    """Return the headers of a kernel that deliver; `folder` keeps the answer."""
    package = target.package and (target.package.name, target.package.version)
    kept = folder / f"headers-{digest('headers', target.place, package, str(target.build_dir), TWINS)[:24]}.json"
    try:
        return tuple(Delivering(header, tuple(through)) for header, through in json.loads(kept.read_text()))
    except (OSError, ValueError, TypeError):
        pass
    found = scan(kernel.source_dir(target) / "include")
    write_atomically(kept, json.dumps([(one.header, one.through) for one in found]).encode())
    return found


def scan(include: Path) -> tuple[Delivering, ...]:
    """Read all headers in a folder: which of them deliver, and which include those."""
    texts = {}
    for top in ("linux", "net"):
        for folder, _, files in os.walk(include / top):
            for name in files:
                path = Path(folder, name)
                texts[str(path.relative_to(include))] = path.read_bytes()
    delivering = sorted(
        name for name, text in texts.items() if name not in HEADERS and _CALLS.search(text) and calls(name, text)
    )
    users: dict[str, set[str]] = {}
    for name, text in texts.items() if delivering else ():
        for included in _INCLUDE.findall(text):
            users.setdefault(included.decode(), set()).add(name)
    return tuple(Delivering(name, (name, *sorted(_closure(name, users)))) for name in delivering)


def _closure(name: str, users: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    todo = [name]
    while todo:
        fresh = users.get(todo.pop(), set()) - found - {name}
        found |= fresh
        todo += fresh
    return found


def calls(name: str, text: bytes) -> tuple[Mention, ...]:
    """Return the calls of delivery functions in the bodies of a header's inline functions."""
    blanked = census.blank(text)
    return tuple(
        mention
        for mention in census.in_text(name, text)
        if mention.called
        and mention.lexical in (Lexical.CODE, Lexical.MACRO_BODY)
        and (mention.lexical is Lexical.MACRO_BODY or _depth(blanked[: mention.offset]))
    )


def _depth(text: bytes) -> int:
    return text.count(b"{") - text.count(b"}")


def extend(plan: Plan, target: KernelTarget, unit: DriverUnit, folder: Path) -> Plan:
    """Return the plan with the sites in kernel headers that the driver's files include."""
    known = of_kernel(target, folder)
    tree, listed = unit.tree, unit.files
    named = {path: {name.decode() for name in _INCLUDE.findall((tree / path).read_bytes())} for path in listed if known}
    sites: list[Site] = []
    for one in known:
        direct = {path for path, names in named.items() if names & set(one.through)}
        if not direct:
            continue
        reach = census.includers(tree, listed)
        users = direct.union(*(reach.get(path, frozenset()) for path in direct)) & set(unit.sources)
        text = (kernel.source_dir(target) / "include" / one.header).read_bytes()
        sites += [_site(mention, tuple(sorted(users))) for mention in calls(one.header, text) if users]
    return replace(
        plan,
        sites=(*plan.sites, *sites),
        twins=tuple(sorted({*plan.twins, *(TWINS[site.name] for site in sites)})),
        units=tuple(sorted({*plan.units, *(unit for site in sites for unit in site.units)})),
    )


def _site(mention: Mention, users: tuple[str, ...]) -> Site:
    path = f"include/{mention.path}"
    note = "inline function of a kernel header, rewritten in a copy"
    return Site(path, mention.offset, mention.line, mention.column, mention.name, Kind.CALL, None, note, users)


def shadows(plan: Plan, target: KernelTarget, prefix: Prefix | None) -> dict[str, str]:
    """Return the rewritten copies of kernel headers that the plan has sites in, by their names as included."""
    theirs = kernel.source_dir(target)
    place = prefix.path if prefix else sysroot.inside(target.root, theirs)
    copies = {}
    for path in dict.fromkeys(site.path for site in plan.rewritten if site.path.startswith("include/")):
        text = (theirs / path).read_bytes()
        for site in sorted((s for s in plan.rewritten if s.path == path), key=lambda s: -s.offset):
            end = site.offset + len(site.name)
            text = text[: site.offset] + TWINS[site.name].encode() + text[end:]
        copies[path.removeprefix("include/")] = f'#line 1 "{place / path}"\n{text.decode()}'
    return copies
