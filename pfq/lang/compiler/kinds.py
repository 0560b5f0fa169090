# SPDX-License-Identifier: GPL-2.0-or-later
"""Types with unknowns in them.

What does something with a packet is a type of its own here, not an arrow: a packet is never an argument. An unknown of
a literal knows what it can become: a number one of the numbers, a string also an address or a prefix.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pfq.lang import types
from pfq.lang.types import Con, ListOf, Type

NUMBER, TEXT = "number", "text"
_MEMBERS = {
    NUMBER: frozenset(types.INTEGERS),
    TEXT: frozenset({"String", "CIDR", "CIDR6", "IPv4"}),
}


@dataclass(frozen=True, slots=True)
class Basic:
    """A type with a name."""

    type: Type


@dataclass(frozen=True, slots=True)
class Many:
    """A list."""

    element: "Kind"


@dataclass(frozen=True, slots=True)
class To:
    """What takes an argument."""

    left: "Kind"
    right: "Kind"


class Unknown:
    """A type that is not known yet, or is by now (`known`)."""

    __slots__ = ("family", "known")

    def __init__(self, family: str = "") -> None:
        self.family = family
        self.known: Kind | None = None


Kind = Basic | Many | To | Unknown

FUNCTION, PREDICATE, PROPERTY = Basic(types.FUNCTION), Basic(types.PREDICATE), Basic(types.PROPERTY)
VALUE = Basic(Con("Word64"))


@dataclass(frozen=True, slots=True)
class Scheme:
    """A type that is another one wherever it is used: `free` are renewed."""

    free: tuple[Unknown, ...]
    kind: Kind


class Clash(Exception):
    """Two types that cannot be the same."""


class Endless(Clash):
    """A type that would have itself inside."""


def of(written: Type, variables: "dict[str, Unknown] | None" = None) -> Kind:
    """Return a type as a kind. Names of variables begin with a small letter, and mean one unknown each."""
    variables = {} if variables is None else variables
    if written in (types.FUNCTION, types.PREDICATE, types.PROPERTY):
        return Basic(written)
    match written:
        case Con("Device" | "MAC"):
            return Basic(types.STRING)
        case Con(name) if name[0].islower():
            return variables.setdefault(name, Unknown())
        case Con():
            return Basic(written)
        case ListOf(element):
            return Many(of(element, variables))
    return To(of(written.left, variables), of(written.right, variables))


def known(kind: Kind) -> Kind:
    """Return what is known by now of a kind."""
    while isinstance(kind, Unknown) and kind.known is not None:
        kind = kind.known
    return kind


def written(kind: Kind) -> Type:
    """Return a kind as a type; unknowns are variables: a, b, ..."""
    letters: dict[Unknown, str] = {}

    def write(kind: Kind) -> Type:
        match known(kind):
            case Basic(found):
                return found
            case Many(element):
                return ListOf(write(element))
            case To(left, right):
                return types.Arrow(write(left), write(right))
            case Unknown() as unknown:
                letter = letters.setdefault(unknown, chr(ord("a") + len(letters) % 26))
                return Con(unknown.family or letter)

    return write(kind)


def unknowns(kind: Kind) -> Iterator[Unknown]:
    """Yield the unknowns of a kind."""
    match known(kind):
        case Many(element):
            yield from unknowns(element)
        case To(left, right):
            yield from unknowns(left)
            yield from unknowns(right)
        case Unknown() as unknown:
            yield unknown


def unify(one: Kind, other: Kind) -> None:
    """Have two kinds be the same. Raises Clash if they cannot."""
    one, other = known(one), known(other)
    if one is other:
        return
    match one, other:
        case Unknown(), _:
            _become(one, other)
        case _, Unknown():
            _become(other, one)
        case Basic(left), Basic(right) if left == right:
            return
        case Many(left), Many(right):
            unify(left, right)
        case To(left, result), To(right, other_result):
            unify(left, right)
            unify(result, other_result)
        case _:
            raise Clash


def _become(unknown: Unknown, kind: Kind) -> None:
    if any(inside is unknown for inside in unknowns(kind)):
        raise Endless
    if isinstance(kind, Unknown):
        if unknown.family and kind.family and unknown.family != kind.family:
            raise Clash
        kind.family = kind.family or unknown.family
    elif unknown.family and not (isinstance(kind, Basic) and str(kind.type) in _MEMBERS[unknown.family]):
        raise Clash
    unknown.known = kind


def renewed(scheme: Scheme) -> Kind:
    """Return a scheme's kind with new unknowns."""
    fresh = {unknown: Unknown(unknown.family) for unknown in scheme.free}

    def copy(kind: Kind) -> Kind:
        match known(kind):
            case Many(element):
                return Many(copy(element))
            case To(left, right):
                return To(copy(left), copy(right))
            case Unknown() as unknown:
                return fresh.get(unknown, unknown)
            case found:
                return found

    return copy(scheme.kind) if fresh else scheme.kind


def describe(kind: Kind) -> str:
    """Return a kind in words, for messages."""
    match known(kind):
        case Basic(found) if str(found) in types.INTEGERS:
            return f"a number ({found})"
        case Basic(found):
            return types.describe(found)
        case Many(element):
            return f"a list of which each element is {describe(element)}"
        case To():
            return f"something that takes arguments ({written(kind)})"
        case Unknown(family="number"):
            return "a number"
        case Unknown(family="text"):
            return "a string"
    return "anything"
