# SPDX-License-Identifier: GPL-2.0-or-later
"""A program laid out as the kernel's descriptor and the JSON form have it: rows that name each other by index.

Depth first: a node, then its arguments that are functions, in order, then the node that follows it. The last node of
the program has the number of rows for its successor, as PFQ's own libraries write it; the last one of an argument, -1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pfq.errors import BadData, ProgramError
from pfq.lang import term, types
from pfq.lang.functions.entry import Entry
from pfq.lang.node import MAX_DEPTH, MAX_NODES, Chain
from pfq.lang.term import Function, Term
from pfq.lang.values import Value

MAX_ARGS = 8
END = -1


@dataclass(frozen=True, slots=True)
class Ref:
    """An argument that is a function: the index of its first row."""

    index: int


@dataclass(frozen=True, slots=True)
class Row:
    """A node: a function's symbol, its arguments and the index of the row that follows."""

    entry: Entry
    args: tuple[Value | Ref, ...]
    next: int


def flatten(program: Function) -> tuple[Row, ...]:
    """Return a program's rows; the first one is its entry."""
    rows: list[Row | None] = []
    _lay(program.chain, rows, program.chain.size)
    assert len(rows) == program.chain.size
    return tuple(row for row in rows if row is not None)


def _lay(chain: Chain, rows: list[Row | None], end: int) -> int:
    start = len(rows)
    for number, node in enumerate(chain.nodes):
        index = len(rows)
        rows.append(None)
        args = tuple(Ref(_lay(arg, rows, END)) if isinstance(arg, Chain) else arg for arg in node.args)
        rows[index] = Row(node.entry, args, end if number == len(chain.nodes) - 1 else len(rows))
    return start


@dataclass(frozen=True, slots=True)
class Loose:
    """A row from outside, as yet unchecked."""

    symbol: str
    args: tuple[Any, ...]
    next: int


def gather(rows: Sequence[Loose], entry: int = 0) -> Function:
    """Return the program that rows are. Raises BadData or ProgramError if they are none."""
    if not rows or len(rows) > MAX_NODES:
        raise BadData(f"a program of {len(rows)} functions", hint=f"a program has 1 to {MAX_NODES} of them")
    made = _Gathering(rows).chain(entry, frozenset(), 0, types.FUNCTION)
    assert isinstance(made, Function)
    return made


class _Gathering:
    """Follows the indexes, and refuses those that lead in a circle or nowhere."""

    def __init__(self, rows: Sequence[Loose]) -> None:
        self.rows = rows
        self.left = MAX_NODES

    def chain(self, index: int, above: frozenset[int], depth: int, wanted: types.Type) -> Term:
        if not 0 <= index < len(self.rows):
            raise BadData(f"there is no function {index}", hint=f"the program has functions 0 to {len(self.rows) - 1}")
        seen: set[int] = set()
        made: Term | None = None
        while 0 <= index < len(self.rows):
            if index in seen or index in above:
                raise BadData(f"function {index} leads back to itself", hint="programs have no loops")
            self.left -= 1
            if self.left < 0 or depth > MAX_DEPTH:
                raise ProgramError(
                    f"the program has more than {MAX_NODES} functions, or is more than {MAX_DEPTH} deep",
                    hint="use less of them",
                )
            seen.add(index)
            found = self._node(index, above | seen, depth)
            made = found if made is None else self._after(made, found, index)
            if wanted != types.FUNCTION:
                break
            index = self.rows[index].next
        assert made is not None
        return made

    def _after(self, made: Term, found: Term, index: int) -> Term:
        if not isinstance(made, Function) or not isinstance(found, Function):
            raise BadData(
                f"function {index} ({self.rows[index].symbol}) follows another one, and one of them is no function",
                hint="only functions (Qbuff -> Action Qbuff) come one after the other",
            )
        return made >> found

    def _node(self, index: int, above: frozenset[int], depth: int) -> Term:
        row = self.rows[index]
        entry = term.builtin(row.symbol)
        args = list(row.args)
        for place, (kind, arg) in enumerate(zip(entry.parameters, args, strict=False)):
            if isinstance(arg, Ref):
                args[place] = self.chain(arg.index, above, depth + 1, kind)
        return term.apply(entry, args)
