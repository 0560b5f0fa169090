# SPDX-License-Identifier: GPL-2.0-or-later
"""What the parser makes of a text: definitions and expressions, each with its place."""

from dataclasses import dataclass

from pfq.lang.compiler.source import Place
from pfq.lang.types import Type


@dataclass(frozen=True, slots=True)
class Name:
    """A name."""

    place: Place
    name: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number."""

    place: Place
    value: int


@dataclass(frozen=True, slots=True)
class Text:
    """A string."""

    place: Place
    value: str


@dataclass(frozen=True, slots=True)
class List:
    """A list."""

    place: Place
    items: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Apply:
    """A function with arguments."""

    place: Place
    function: "Expression"
    args: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Binary:
    """Two expressions with an operator, which is where the place is."""

    place: Place
    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Sequence:
    """Functions one after the other: a >-> b >-> c, or do. The places of the operators are those of the items."""

    place: Place
    items: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Lambda:
    """A function without a name."""

    place: Place
    parameters: tuple[Name, ...]
    body: "Expression"


@dataclass(frozen=True, slots=True)
class If:
    """A choice."""

    place: Place
    condition: "Expression"
    yes: "Expression"
    no: "Expression"


@dataclass(frozen=True, slots=True)
class Let:
    """Definitions, and where they count."""

    place: Place
    definitions: "tuple[Definition, ...]"
    body: "Expression"


@dataclass(frozen=True, slots=True)
class Typed:
    """An expression with its type written down."""

    place: Place
    body: "Expression"
    type: Type


Expression = Name | Number | Text | List | Apply | Binary | Sequence | Lambda | If | Let | Typed


@dataclass(frozen=True, slots=True)
class Definition:
    """A name, what it means, and its type if that is written down."""

    name: Name
    body: Expression
    type: Type | None


@dataclass(frozen=True, slots=True)
class Import:
    """A module, and which of its names are wanted (None: all)."""

    place: Place
    module: str
    names: tuple[Name, ...] | None


@dataclass(frozen=True, slots=True)
class Module:
    """A text."""

    imports: tuple[Import, ...]
    definitions: tuple[Definition, ...]


def kids(expression: Expression) -> tuple[Expression, ...]:
    """Return the expressions inside of an expression."""
    match expression:
        case List(items=items) | Sequence(items=items):
            return items
        case Apply(function=function, args=args):
            return (function, *args)
        case Binary(left=left, right=right):
            return left, right
        case Lambda(body=body) | Typed(body=body):
            return (body,)
        case If(condition=condition, yes=yes, no=no):
            return condition, yes, no
        case Let(definitions=definitions, body=body):
            return (*(definition.body for definition in definitions), body)
    return ()
