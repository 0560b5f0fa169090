# SPDX-License-Identifier: GPL-2.0-or-later
"""Names: which ones an expression needs, and the order of definitions that need each other."""

from collections.abc import Iterable

from pfq.lang.compiler import syntax
from pfq.lang.compiler.syntax import Definition, Expression
from pfq.lang.functions.entry import Entry
from pfq.lang.functions.table import find


def builtin(name: str) -> Entry | None:
    """Return the built-in function of a name. PFQ's Haskell programs have a ' behind some."""
    return find(name) or find(name.rstrip("'"))


def needed(expression: Expression) -> set[str]:
    """Return the names that an expression needs from outside of it."""
    match expression:
        case syntax.Name(name=name):
            return {name}
        case syntax.Lambda(parameters=parameters, body=body):
            return needed(body) - {parameter.name for parameter in parameters}
        case syntax.Let(definitions=definitions, body=body):
            inside = needed(body).union(*(needed(definition.body) for definition in definitions))
            return inside - {definition.name.name for definition in definitions}
    return set().union(*map(needed, syntax.kids(expression)))


def ordered(definitions: Iterable[Definition]) -> list[Definition]:
    """Return definitions so that each comes after those that it needs. Raises CompileError if one needs itself."""
    by_name = {definition.name.name: definition for definition in definitions}
    needs = {name: sorted(needed(definition.body) & by_name.keys()) for name, definition in by_name.items()}
    done: dict[str, Definition] = {}
    for first in by_name:
        path: list[str] = []
        todo = [(first, False)]
        while todo:
            name, left = todo.pop()
            if left:
                path.pop()
                done[name] = by_name[name]
            elif name not in done:
                path.append(name)
                todo.append((name, True))
                for other in reversed(needs[name]):
                    if other in path:
                        raise _circle([*path[path.index(other) :], other], by_name)
                    todo.append((other, False))
    return list(done.values())


def _circle(path: list[str], by_name: dict[str, Definition]) -> Exception:
    how = f" ({' -> '.join(path)})" if len(path) > 2 else ""
    return by_name[path[0]].name.place.error(
        f"{path[0]} is defined by itself{how}", "there is no recursion: a program must end for every packet"
    )
