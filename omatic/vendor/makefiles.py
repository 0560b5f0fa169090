# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a vendor's build is entered, and with which goal: told from its Makefiles, and from make's own reading of them.

A vendor's Makefile calls the kernel's build with M= on the folder that names the module (`obj-m`), which may be its own
folder, a folder below, or the Makefile itself read a second time. Its goals are its own, too: some install.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from omatic.errors import BuildFailed, PlanRefused, UnknownDriver
from omatic.stock import module_name
from omatic.vendor.source import MAKEFILES

_MAKE = r"(?:\$[({]MAKE[)}]|(?<![\w/.-])make)"
# $(objtree) and $(srctree) are known inside kbuild only: such a call, of a feature test, is no entry.
_WITHIN = r"[ \t=]*[\"']?\$[({](?:abs_)?(?:obj|src)tree[)}]"
_ENTERS = re.compile(rf"{_MAKE}[^\n#]*\s(?:-C|--directory)\b(?!{_WITHIN})")
_MODULES_OF = re.compile(r"(?<!\w)(?:M|SUBDIRS|KBUILD_EXTMOD)=")
_INCLUDE = re.compile(r"^[ \t]*-?include[ \t]+(\S.*)$", re.MULTILINE)
# $(CONFIG_X), or a function around such ones: $(if $(KBUILD_EXTMOD),m,$(CONFIG_X))
_SWITCH = r"\$[({](?:[^(){}\n]|\$[({]\w+[)}])+[)}]"
_OBJECTS = re.compile(rf"^[ \t]*(?:export[ \t]+)?obj-(m|y|{_SWITCH})[ \t]*[:+?]?=[ \t]*([^#\n]*)", re.MULTILINE)
_CONFIG = re.compile(r"\$[({](CONFIG_\w+)[)}]")
_INSTALLS = re.compile(rf"{_MAKE}[^\n]*\b(?:modules_)?install\b|(?<![\w-])(?:depmod|insmod|modprobe|rmmod)\b")
_MAKES = ("GNUmakefile", "makefile", "Makefile")

GOALS = ("modules", "all", "default", "build", "module")
"""What is built where the default goal does more than build."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A folder in which a build is started. `direct`: it has nothing that calls the kernel's build, so we do, with the
    `switches` on that its modules depend on: another kernel's configuration says nothing of this driver."""

    folder: Path
    direct: bool
    switches: tuple[str, ...] = ()


def text(folder: Path, root: Path, names: tuple[str, ...] = MAKEFILES) -> str:
    """Return what make reads in a folder: its Makefiles and what they include of the source, with joined lines."""
    parts, todo, seen = [], [folder / name for name in names], set[Path]()
    while todo:
        path = todo.pop(0)
        if path in seen or not path.is_file():
            continue
        seen.add(path)
        found = path.read_text(errors="replace").replace("\\\n", " ")
        parts.append(found)
        for line in _INCLUDE.findall(found):
            todo += [found for word in line.split() for found in _included(word, path.parent, root)]
    return "\n".join(parts)


def _included(word: str, folder: Path, root: Path) -> Iterator[Path]:
    if "$" not in word:
        yield folder / word
        return
    # $(src)/common.mk, $(TOP)/build/common.mk: by name, wherever in the source the variable points.
    parts = word.split("/")
    known = parts[max(index for index, part in enumerate(parts) if "$" in part) + 1 :]
    places = [place for place in (folder, *folder.parents) if place == root or root in place.parents]
    tries = (place.joinpath(*known[skipped:]) for skipped in range(len(known)) for place in places)
    if (found := next((path for path in tries if path.is_file()), None)) is not None:
        yield found


def entry(root: Path, driver: str) -> Entry:
    """Return where the build of a driver is entered; raise UnknownDriver or PlanRefused where that cannot be told."""
    exact, likely, named = [], [], set[str]()
    for folder in _folders(root):
        words = [word for _, line in _OBJECTS.findall(text(folder, root)) for word in line.split()]
        modules = {module_name(word.removesuffix(".o")) for word in words if word.endswith(".o")}
        named |= {name for name in modules if "$" not in name}
        if module_name(driver) in modules:
            exact.append(folder)
        elif any("$" in word for word in words):
            likely.append(folder)
    entries = list(dict.fromkeys(_entered(root, folder) for folder in exact or likely))
    _refuse_configured(root, [found.folder for found in entries])
    if not entries:
        raise UnknownDriver(
            f"no Makefile in {root} builds a module {driver}",
            hint=f"what they name: {', '.join(sorted(named))}" if named else "is this the source of a Linux driver?",
        )
    if len(entries) > 1:
        raise PlanRefused(
            f"{len(entries)} folders may build {driver}",
            hint="give the right one: --source FOLDER",
            details=[str(found.folder) for found in entries],
        )
    return entries[0]


def _folders(root: Path) -> Iterator[Path]:
    found = {path.parent for name in MAKEFILES for path in root.rglob(name) if ".git" not in path.parts}
    yield from sorted(found)


def _entered(root: Path, folder: Path) -> Entry:
    for candidate in (folder, *folder.parents):
        read = text(candidate, root, _MAKES)
        if _ENTERS.search(read) and _MODULES_OF.search(read):
            return Entry(candidate, direct=False)
        if candidate == root:
            break
    return Entry(folder, direct=True, switches=_switches(text(folder, root)))


def _switches(read: str) -> tuple[str, ...]:
    named = (_CONFIG.fullmatch(switch) for switch, _ in _OBJECTS.findall(read))
    return tuple(dict.fromkeys(found[1] for found in named if found))


def _refuse_configured(root: Path, folders: list[Path]) -> None:
    for folder in dict.fromkeys((root, *folders)):
        script = folder / "configure"
        if script.is_file() and not any((folder / name).exists() for name in ("config.log", "config.status")):
            raise PlanRefused(
                f"this source has to be configured by a script of its own before it builds: {script}",
                hint="sources that need a configure script are not supported; use the kernel's own driver, or a "
                "source that builds with make alone",
                details=[f"{script.relative_to(root)}:1"],
            )


# --- goals


@dataclass(frozen=True, slots=True)
class Rule:
    """What make knows of a goal: what it needs first, and its recipe's lines with their place."""

    needs: tuple[str, ...]
    recipe: tuple[str, ...]
    place: str


def goal(database: str) -> str:
    """Return the goal that builds and does nothing else, from what `make -p` prints; raise BuildFailed if none is.

    The default goal if it will do: their build is run as it wants to be run.
    """
    rules = dict(_rules(database))
    default = re.search(r"^\.DEFAULT_GOAL := (\S+)$", database, re.MULTILINE)
    wanted = [*([default[1]] if default else []), *(name for name in GOALS if name in rules)]
    reasons: dict[str, None] = {}
    for name in wanted:
        offences = list(_offences(name, rules))
        if not offences:
            return name
        reasons |= dict.fromkeys(offences)
    raise BuildFailed(
        "this source's Makefile has no goal that builds the module without installing it"
        if wanted
        else "this source's Makefile has no goal",
        hint="give a source whose Makefile can build alone",
        details=list(reasons)[:10],
    )


def _offences(name: str, rules: Mapping[str, Rule]) -> Iterator[str]:
    seen, todo = set[str](), [name]
    while todo:
        current = todo.pop()
        if current in seen or (rule := rules.get(current)) is None:
            continue
        seen.add(current)
        if re.search(r"(?:^|[_-])(?:un)?install", current):
            yield f"{rule.place}: {name} needs {current}"
        for line in rule.recipe:
            if _INSTALLS.search(line):
                yield f"{rule.place}: {current}: {line.strip()}"
        todo += rule.needs


def _rules(database: str) -> Iterator[tuple[str, Rule]]:
    listing = database.partition("\n# Files\n")[2]
    for block in listing.split("\n\n"):
        lines = block.splitlines()
        if lines and lines[0] == "# Not a target:":
            continue
        head = next((line for line in lines if line and line[0] not in "#\t"), "")
        named = re.fullmatch(r"([^\s:=]+)::?(?!=)\s*(.*)", head)
        if named is None:
            continue
        place = re.search(r"\(from ['`]([^']+)', line (\d+)\)", block)
        recipe = tuple(line[1:] for line in lines if line.startswith("\t"))
        needs = tuple(word for word in named[2].split() if word != "|")
        yield named[1], Rule(needs, recipe, f"{place[1]}:{place[2]}" if place else "Makefile")
