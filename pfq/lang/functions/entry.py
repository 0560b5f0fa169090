# SPDX-License-Identifier: GPL-2.0-or-later
"""What is known of a built-in function."""

from dataclasses import dataclass, field

from pfq.lang import types
from pfq.lang.types import Type

Q = "Qbuff -> Action Qbuff"
P = "Qbuff -> Bool"
V = "Qbuff -> Word64"
"""The three kinds of what is complete: function, predicate, property."""

CLASS = (0, 63)
PREFIX = (0, 32)
FIELD = (1, 4)
COUNTER = (0, 63)
"""Ranges of arguments that are smaller than those of their types."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A built-in function: a row of the table.

    `type` may have the types that the kernel does not know; its own `signature` has Word32 and String there.
    `names` are the arguments' names, `limits` their ranges where the type's is too wide.
    """

    symbol: str
    family: str
    type: Type
    names: tuple[str, ...]
    line: str
    pcap: str = ""
    limits: tuple[tuple[str, tuple[int, int]], ...] = ()
    parameters: tuple[Type, ...] = field(init=False)
    result: Type = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", types.parameters(self.type))
        object.__setattr__(self, "result", types.result(self.type))
        assert len(self.names) == len(self.parameters), self.symbol

    @property
    def signature(self) -> str:
        """The signature in the kernel's table."""
        return str(types.kernel(self.type))

    def limit(self, name: str) -> tuple[int, int] | None:
        """Return the range of an argument, if it is smaller than its type's."""
        return dict(self.limits).get(name)


class Family:
    """Makes the rows of one family."""

    def __init__(self, name: str) -> None:
        self.name = name

    def row(
        self, symbol: str, signature: str, names: str, line: str, pcap: str = "", **limits: tuple[int, int]
    ) -> Entry:
        """Return a row; the arguments' names are separated by blanks."""
        parsed = types.parse(signature)
        return Entry(symbol, self.name, parsed, tuple(names.split()), line, pcap, tuple(limits.items()))
