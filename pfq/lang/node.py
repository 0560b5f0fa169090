# SPDX-License-Identifier: GPL-2.0-or-later
"""What a program is: a tree of nodes.

A node is a built-in function with its arguments, and a function is a row of nodes, which the kernel runs one after the
other. Nobody but `term` makes nodes, which checks their arguments.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pfq.errors import ProgramError
from pfq.lang.functions.entry import Entry
from pfq.lang.values import Value

MAX_NODES = 1024
MAX_DEPTH = 64
"""Limits of a program: its nodes, and how deep functions may be arguments of functions."""


@dataclass(frozen=True, slots=True)
class Node:
    """A built-in function with its arguments; an argument that is a function is a row of nodes (a Chain)."""

    entry: Entry
    args: "tuple[Value | Chain, ...]" = ()

    def kids(self) -> "tuple[Chain, ...]":
        """Return the arguments that are functions, predicates and properties."""
        return tuple(arg for arg in self.args if isinstance(arg, Chain))


@dataclass(frozen=True, slots=True)
class Chain:
    """Nodes in a row. Its size is the number of all nodes in it."""

    nodes: tuple[Node, ...]
    size: int
    depth: int


def chain(nodes: Sequence[Node]) -> Chain:
    """Return nodes in a row. Raises ProgramError if there are too many."""
    size = len(nodes) + sum(kid.size for node in nodes for kid in node.kids())
    depth = 1 + max((kid.depth for node in nodes for kid in node.kids()), default=0)
    if size > MAX_NODES:
        raise ProgramError(
            f"the program has more than {MAX_NODES} functions in it",
            hint="use less of them: a list (vlan_id, bloom) instead of many predicates",
        )
    if depth > MAX_DEPTH:
        raise ProgramError(
            f"functions are arguments of functions more than {MAX_DEPTH} deep",
            hint="put functions one after the other instead, or group predicates in pairs",
        )
    return Chain(tuple(nodes), size, depth)
