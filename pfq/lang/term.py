# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs as Python objects: functions, predicates and properties that are checked when they are made.

    ip >> tcp >> steer_flow                      one function after the other
    is_tcp & ~has_port(22) | is_icmp             predicates
    (ip_ttl < 5) & (64 != tcp_hdrlen)            properties compared with numbers, on either side

A term is immutable.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, ParamSpec, TypeVar

from pfq.errors import ArgumentError, ProgramError
from pfq.lang import show, types, values
from pfq.lang.functions.entry import Entry
from pfq.lang.functions.table import find
from pfq.lang.node import Chain, Node, chain
from pfq.lang.types import FUNCTION, PREDICATE, PROPERTY, Type
from pfq.lang.values import Misfit, Value


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """What functions, predicates and properties have in common."""

    chain: Chain

    def same(self, other: "Term") -> bool:
        """Say whether two terms are the same program (== makes a predicate of a property)."""
        return type(self) is type(other) and self.chain == other.chain

    def __bool__(self) -> NoReturn:
        raise ProgramError(
            f"{self} is neither true nor false before a packet is there",
            hint="write & for and, | for or, ~ for not; conditional(...) for if; a < b, not a < b < c",
        )

    def __str__(self) -> str:
        return show.line(self.chain)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


class Function(Term):
    """What is done with a packet: Qbuff -> Action Qbuff."""

    __slots__ = ()

    def __rshift__(self, other: object) -> "Function":
        if not isinstance(other, Function):
            raise _operand(">>", other, FUNCTION)
        return Function(chain(self.chain.nodes + other.chain.nodes))


class Predicate(Term):
    """What is asked of a packet: Qbuff -> Bool."""

    __slots__ = ()

    def _with(self, sign: str, symbol: str, other: object) -> "Predicate":
        if not isinstance(other, Predicate):
            raise _operand(sign, other, PREDICATE)
        return _predicate(symbol, self, other)

    def __and__(self, other: object) -> "Predicate":
        return self._with("&", "and", other)

    def __or__(self, other: object) -> "Predicate":
        return self._with("|", "or", other)

    def __xor__(self, other: object) -> "Predicate":
        return self._with("^", "xor", other)

    def __invert__(self) -> "Predicate":
        return _predicate("not", self)


class Property(Term):
    """A number in a packet, which it may lack: Qbuff -> Word64. Compared with a number it is a predicate."""

    __slots__ = ()

    def __lt__(self, value: int) -> Predicate:
        return _predicate("less", self, value)

    def __le__(self, value: int) -> Predicate:
        return _predicate("less_eq", self, value)

    def __gt__(self, value: int) -> Predicate:
        return _predicate("greater", self, value)

    def __ge__(self, value: int) -> Predicate:
        return _predicate("greater_eq", self, value)

    def __eq__(self, value: int) -> Predicate:  # type: ignore[override]
        return _predicate("equal", self, value)

    def __ne__(self, value: int) -> Predicate:  # type: ignore[override]
        return _predicate("not_equal", self, value)

    __hash__ = object.__hash__


_NUMBERS = tuple(types.Con(name) for name in types.INTEGERS)
_KINDS: tuple[tuple[type[Term], Type], ...] = (
    (Function, FUNCTION),
    (Predicate, PREDICATE),
    (Property, PROPERTY),
)


def _operand(sign: str, got: object, wanted: Type) -> ArgumentError:
    return ArgumentError(
        f"the right side of {sign} is {_said(got)}, and should be {types.describe(wanted)}",
        hint=_hint(wanted, got),
    )


def _said(value: object) -> str:
    if isinstance(value, Term):
        kind = next(kind for python, kind in _KINDS if isinstance(value, python))
        return f"{types.describe(kind)}: {value}"
    if isinstance(value, Maker):
        return f"{value.entry.symbol} without its arguments ({value.entry.type})"
    return values.said(value)


def _hint(wanted: Type, got: object) -> str:
    if isinstance(got, Maker):
        return f"give {got.entry.symbol} its arguments: {got.entry.symbol}({', '.join(got.entry.names)})"
    if wanted == FUNCTION and isinstance(got, Predicate):
        return "filter(predicate) makes a function of a predicate"
    if wanted == PREDICATE and isinstance(got, Property):
        return "compare the property with a number, as in ip_ttl < 64"
    if wanted == PREDICATE and isinstance(got, Function):
        twin = find(f"is_{got.chain.nodes[0].entry.symbol}") or find(f"has_{got.chain.nodes[0].entry.symbol}")
        return f"the predicate of that name is {twin.symbol}" if twin else "predicates are called is_... and has_..."
    names: dict[Type, str] = {FUNCTION: "function, such as steer_flow", PREDICATE: "predicate, such as is_tcp"}
    return f"give a {names.get(wanted, 'property, such as ip_ttl')}"


def _argument(entry: Entry, index: int, given: object) -> "Value | Chain":
    kind, name = entry.parameters[index], entry.names[index]
    place = f"{entry.symbol}: argument {index + 1} ({name})"
    for python, result in _KINDS:
        if kind == result:
            if isinstance(given, python):
                return given.chain
            raise ArgumentError(
                f"{place} should be {types.describe(kind)}, and is {_said(given)}",
                hint=_hint(kind, given),
                function=entry.symbol,
                argument=index + 1,
            )
    try:
        if isinstance(given, Term | Maker):
            raise Misfit(_said(given), f"give {types.describe(kind)}")
        return values.coerce(kind, given, entry.limit(name))
    except Misfit as misfit:
        limit = entry.limit(name)
        wanted = f"a number from {limit[0]} to {limit[1]}" if limit and kind in _NUMBERS else types.describe(kind)
        raise ArgumentError(
            f"{place} should be {wanted}, and is {misfit.got}",
            hint=misfit.hint,
            function=entry.symbol,
            argument=index + 1,
        ) from None


def apply(entry: Entry, args: Sequence[object]) -> Term:
    """Return a built-in function with its arguments. Raises ArgumentError if they are not what it takes."""
    if len(args) != len(entry.parameters):
        wants = ", ".join(f"{name}: {kind}" for name, kind in zip(entry.names, entry.parameters, strict=True))
        raise ArgumentError(
            f"{entry.symbol} takes {_count(len(entry.parameters))}, and was given {len(args)}",
            hint=f"{entry.symbol}({wants}): {entry.line}",
            function=entry.symbol,
        )
    node = Node(entry, tuple(_argument(entry, index, given) for index, given in enumerate(args)))
    python = next(python for python, kind in _KINDS if entry.result == kind)
    return python(chain([node]))


def _count(number: int) -> str:
    return "no argument" if number == 0 else f"{number} argument{'s' if number > 1 else ''}"


def _predicate(symbol: str, *args: object) -> Predicate:
    made = apply(builtin(symbol), args)
    assert isinstance(made, Predicate)
    return made


def builtin(symbol: str) -> Entry:
    """Return a function of the table by its symbol, or one of its other names. Raises ProgramError."""
    found = find(symbol)
    if found is None:
        raise ProgramError(f"there is no function '{symbol}'", hint="`pfq-lang list` shows all of them")
    return found


def of(chained: Chain) -> Term:
    """Return a row of nodes as the term it is."""
    result = chained.nodes[0].entry.result
    return next(python for python, kind in _KINDS if kind == result)(chained)


_P = ParamSpec("_P")
_T = TypeVar("_T", bound=Term)


class Maker(Generic[_P, _T]):
    """A built-in function that waits for its arguments: port, of which port(80) is a function."""

    __slots__ = ("entry",)

    def __init__(self, entry: Entry) -> None:
        self.entry = entry

    def __call__(self, *args: _P.args, **named: _P.kwargs) -> _T:
        if named:
            raise ArgumentError(
                f"{self.entry.symbol} takes its arguments in order, and not by name",
                hint=f"{self.entry.symbol}({', '.join(self.entry.names)})",
                function=self.entry.symbol,
            )
        made: Any = apply(self.entry, args)
        return made  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"<{self.entry.symbol} : {self.entry.type}>"
