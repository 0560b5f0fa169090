# SPDX-License-Identifier: GPL-2.0-or-later
"""Definitions put in place of their names, functions applied: what remains is a term.

The program has types by now, and no recursion, so this ends; but it may take long and grow large, for which there are
limits. Literals remember their places, so that a port number out of range is found where it is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pfq.errors import ArgumentError, ProgramError
from pfq.lang import term
from pfq.lang.compiler import names, syntax
from pfq.lang.compiler.infer import COMPARISONS, LOGICAL, MIRRORED
from pfq.lang.compiler.source import Place
from pfq.lang.compiler.syntax import Expression
from pfq.lang.functions.entry import Entry
from pfq.lang.functions.table import TABLE
from pfq.lang.term import Function, Term

MAX_STEPS = 200_000


@dataclass(frozen=True, slots=True)
class Literal:
    """A number or a string, or a list of such."""

    place: Place
    value: "int | str | tuple[Literal, ...]"

    @property
    def plain(self) -> object:
        """What it is without its place."""
        return [item.plain for item in self.value] if isinstance(self.value, tuple) else self.value


@dataclass(frozen=True, slots=True)
class Made:
    """A term, and where it was written."""

    place: Place
    term: Term

    @property
    def plain(self) -> object:
        """The term."""
        return self.term


@dataclass(frozen=True, slots=True)
class Waiting:
    """A built-in function that does not have all of its arguments yet."""

    place: Place
    entry: Entry
    args: "tuple[Literal | Made, ...]"


@dataclass(frozen=True, slots=True)
class Closure:
    """A function of the program's own."""

    place: Place
    parameters: tuple[syntax.Name, ...]
    body: Expression
    scope: "Mapping[str, Meaning]"


Meaning = Literal | Made | Waiting | Closure

_ARITHMETIC = {
    "+": int.__add__, "-": int.__sub__, "*": int.__mul__, ".|.": int.__or__, ".&.": int.__and__,
}  # fmt: skip


class Reduction:
    """Evaluates expressions, and counts what that takes."""

    def __init__(self) -> None:
        self.left = MAX_STEPS

    def evaluate(self, expression: Expression, scope: Mapping[str, Meaning]) -> Meaning:
        """Return what an expression means. Raises CompileError."""
        self.left -= 1
        if self.left < 0:
            raise expression.place.error(
                "the program is too large once its definitions are put in place",
                "definitions that use others twice grow quickly; use less of them",
            )
        place = expression.place
        match expression:
            case syntax.Name(name=name):
                return self._name(name, place, scope)
            case syntax.Number(value=number):
                return Literal(place, number)
            case syntax.Text(value=text):
                return Literal(place, text)
            case syntax.List(items=items):
                return Literal(place, tuple(_literal(self.evaluate(item, scope)) for item in items))
            case syntax.Apply(function=function, args=args):
                return self._apply(self.evaluate(function, scope), [self.evaluate(arg, scope) for arg in args])
            case syntax.Binary():
                return self._binary(expression, scope)
            case syntax.Sequence(items=items):
                return self._sequence(place, [self.evaluate(item, scope) for item in items])
            case syntax.If(condition=condition, yes=yes, no=no):
                return self._builtin(place, "conditional", *(self.evaluate(e, scope) for e in (condition, yes, no)))
            case syntax.Lambda(parameters=parameters, body=body):
                return Closure(place, parameters, body, scope)
            case syntax.Let(definitions=definitions, body=body):
                inner = dict(scope)
                for each in names.ordered(definitions):
                    inner[each.name.name] = self.evaluate(each.body, inner)
                return self.evaluate(body, inner)
            case syntax.Typed(body=body):
                return self.evaluate(body, scope)

    def _name(self, name: str, place: Place, scope: Mapping[str, Meaning]) -> Meaning:
        if name in scope:
            return scope[name]
        entry = names.builtin(name)
        assert entry is not None, name
        return Waiting(place, entry, ()) if entry.parameters else Made(place, term.apply(entry, ()))

    def _builtin(self, place: Place, symbol: str, *args: Meaning) -> Meaning:
        return self._apply(Waiting(place, TABLE[symbol], ()), list(args))

    def _apply(self, function: Meaning, args: list[Meaning]) -> Meaning:
        while args:
            if isinstance(function, Waiting):
                have = (*function.args, *(_complete(arg) for arg in args))
                if len(have) < len(function.entry.parameters):
                    return Waiting(function.place, function.entry, have)
                return self._make(function.place, function.entry, have)
            assert isinstance(function, Closure), function
            count = len(function.parameters)
            taken = dict(zip((parameter.name for parameter in function.parameters), args, strict=False))
            inner = {**function.scope, **taken}
            if len(args) < count:
                return Closure(function.place, function.parameters[len(args) :], function.body, inner)
            args = args[count:]
            function = self.evaluate(function.body, inner)
        return function

    def _make(self, place: Place, entry: Entry, args: "tuple[Literal | Made, ...]") -> Made:
        try:
            return Made(place, term.apply(entry, [arg.plain for arg in args]))
        except ArgumentError as error:
            raise args[error.argument - 1].place.error(error.message, error.hint) from None
        except ProgramError as error:
            raise place.error(error.message, error.hint) from None

    def _sequence(self, place: Place, items: list[Meaning]) -> Made:
        made: Function | None = None
        for item in items:
            assert isinstance(item, Made) and isinstance(item.term, Function)
            try:
                made = item.term if made is None else made >> item.term
            except ProgramError as error:
                raise place.error(error.message, error.hint) from None
        assert made is not None
        return Made(place, made)

    def _binary(self, binary: syntax.Binary, scope: Mapping[str, Meaning]) -> Meaning:
        left, right = self.evaluate(binary.left, scope), self.evaluate(binary.right, scope)
        sign, place = binary.operator, binary.place
        if sign in LOGICAL:
            return self._builtin(place, LOGICAL[sign], left, right)
        if sign in COMPARISONS:
            return self._builtin(place, COMPARISONS[sign], left, right)
        if sign in MIRRORED:
            return self._builtin(place, MIRRORED[sign], right, left)
        one, other = _literal(left).value, _literal(right).value
        assert isinstance(one, int) and isinstance(other, int)
        made = _ARITHMETIC[sign](one, other)
        if abs(made) >> 64:
            raise place.error(f"the result of {sign} has more than 64 bits", "the largest number is 2^64 - 1")
        return Literal(place, made)


def _literal(meaning: Meaning) -> Literal:
    if not isinstance(meaning, Literal):
        raise meaning.place.error("lists have numbers and strings in them", "functions cannot be elements of lists")
    return meaning


def _complete(meaning: Meaning) -> Literal | Made:
    assert isinstance(meaning, Literal | Made), meaning
    return meaning
