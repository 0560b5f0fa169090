# SPDX-License-Identifier: GPL-2.0-or-later
"""Which modules a module needs, which modules need it, and in which order they all go in.

Told by the modules themselves: `depends=` names those whose symbols they use, `softdep=pre:` those that modprobe loads
before them all the same (csiostor wants cxgb4 and uses none of its symbols).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from omatic import elf
from omatic.lab.modules import name_of

Needs = Mapping[str, tuple[str, ...]]
"""What each module needs directly, by name as lsmod prints it."""


def needed_by(path: Path) -> tuple[str, ...]:
    """Return what a module says that it needs."""
    said = elf.modinfo(path)
    hard = [name for listed in said.get("depends", ()) for name in listed.split(",") if name]
    soft = [name for listed in said.get("softdep", ()) for name in _before(listed)]
    return tuple(dict.fromkeys(map(name_of, (*hard, *soft))))


def _before(softdep: str) -> list[str]:
    # "pre: a b post: c": what follows "post:" comes after the module and is no concern of ours.
    return softdep.partition("post:")[0].removeprefix("pre:").split()


def read(paths: Mapping[str, Path]) -> Needs:
    """Return what each of these modules needs."""
    return {name: needed_by(path) for name, path in paths.items()}


def order(needs: Needs, names: Iterable[str]) -> tuple[str, ...]:
    """Return these modules and all that they need, each once, what is needed first.

    What is no module of this kernel is left out: it is part of the kernel image, or another name for a module.
    """
    done: dict[str, None] = {}
    begun: set[str] = set()

    def _visit(name: str) -> None:
        # Soft dependencies may go in circles.
        if name in begun or name not in needs:
            return
        begun.add(name)
        for other in needs[name]:
            _visit(other)
        done[name] = None

    for name in names:
        _visit(name)
    return tuple(done)


def dependents(needs: Needs, name: str) -> tuple[str, ...]:
    """Return the modules that need one, directly or through others, sorted."""
    users: dict[str, set[str]] = {}
    for user, needed in needs.items():
        for other in needed:
            users.setdefault(other, set()).add(user)
    found: set[str] = set()
    todo = [name]
    while todo:
        fresh = users.get(todo.pop(), set()) - found - {name}
        found |= fresh
        todo += fresh
    return tuple(sorted(found))
