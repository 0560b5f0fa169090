# SPDX-License-Identifier: GPL-2.0-or-later
"""The types of pfq-lang, and the algebra of signatures.

A signature is what the kernel's table says of a function: "Word16 -> Qbuff -> Action Qbuff". Parsing strips
redundant parentheses, so that two signatures are equal if their types are. Three types are ours and not the
kernel's: IPv4, a Word32 that holds an address in network order; Device and MAC, strings of a form.
"""

import re
from dataclasses import dataclass
from functools import cache

from pfq.errors import ProgramError


@dataclass(frozen=True, slots=True)
class Con:
    """A type with a name, and its arguments: Word16; Action Qbuff."""

    name: str
    args: "tuple[Type, ...]" = ()

    def __str__(self) -> str:
        return " ".join((self.name, *(f"({arg})" if " " in str(arg) else str(arg) for arg in self.args)))


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list: [t]."""

    element: "Type"

    def __str__(self) -> str:
        return f"[{self.element}]"


@dataclass(frozen=True, slots=True)
class Arrow:
    """A function: left -> right."""

    left: "Type"
    right: "Type"

    def __str__(self) -> str:
        left = f"({self.left})" if isinstance(self.left, Arrow) else str(self.left)
        return f"{left} -> {self.right}"


Type = Con | ListOf | Arrow

QBUFF = Con("Qbuff")
STRING = Con("String")
CIDR = Con("CIDR")
CIDR6 = Con("CIDR6")
IPV4 = Con("IPv4")
CINT = Con("CInt")
FUNCTION = Arrow(QBUFF, Con("Action", (QBUFF,)))
PREDICATE = Arrow(QBUFF, Con("Bool"))
PROPERTY = Arrow(QBUFF, Con("Word64"))

SIZES = {
    "Bool": 1, "CChar": 1, "CUChar": 1, "CShort": 2, "CUShort": 2, "CInt": 4, "CUInt": 4, "CUnt": 4, "CLong": 8,
    "CULong": 8, "CLLong": 8, "CULLong": 8, "CSize": 8, "CDouble": 8, "Word8": 1, "Word16": 2, "Word32": 4,
    "Word64": 8, "CIDR": 8, "CIDR6": 17, "IPv4": 4, "String": 0, "Device": 0, "MAC": 0, "Action": 0, "Qbuff": 0,
}  # fmt: skip
"""Bytes of a value; 0 for what is not plain data. A size that is not here is unknown."""

INTEGERS = {
    "CInt": (-(2**31), 2**31 - 1),
    "Word8": (0, 2**8 - 1),
    "Word16": (0, 2**16 - 1),
    "Word32": (0, 2**32 - 1),
    "Word64": (0, 2**64 - 1),
}
"""Those that are numbers in signatures, with their ranges."""

_TOKEN = re.compile(r"\s*(->|[()\[\]]|[A-Za-z][A-Za-z0-9_]*|\S)")


@cache
def parse(signature: str) -> Type:
    """Return the type that a signature says. Raises ProgramError if it says none."""
    tokens = [token for token in _TOKEN.findall(signature.strip()) if token]
    parsed, rest = _arrows(tokens, signature)
    if rest:
        raise _bad(signature, rest[0])
    return parsed


def _bad(signature: str, token: str) -> ProgramError:
    return ProgramError(
        f"'{signature}' is not a type: unexpected {token!r}"
        if token
        else f"'{signature}' is not a type: it ends early",
        hint="types are like Word16 -> Qbuff -> Action Qbuff",
    )


def _arrows(tokens: list[str], whole: str) -> tuple[Type, list[str]]:
    left, rest = _applied(tokens, whole)
    if rest and rest[0] == "->":
        right, rest = _arrows(rest[1:], whole)
        return Arrow(left, right), rest
    return left, rest


def _applied(tokens: list[str], whole: str) -> tuple[Type, list[str]]:
    head, rest = _atom(tokens, whole)
    args: list[Type] = []
    while rest and rest[0] not in ("->", ")", "]"):
        arg, rest = _atom(rest, whole)
        args.append(arg)
    if not args:
        return head, rest
    if not isinstance(head, Con) or head.args:
        raise _bad(whole, str(args[0]))
    return Con(head.name, tuple(args)), rest


def _atom(tokens: list[str], whole: str) -> tuple[Type, list[str]]:
    if not tokens:
        raise _bad(whole, "")
    token, rest = tokens[0], tokens[1:]
    if token in ("(", "["):
        inner, rest = _arrows(rest, whole)
        if not rest or rest[0] != (")" if token == "(" else "]"):
            raise _bad(whole, rest[0] if rest else "")
        return (inner if token == "(" else ListOf(inner)), rest[1:]
    if not token[0].isalpha():
        raise _bad(whole, token)
    return Con(token), rest


def arity(kind: Type) -> int:
    """Return the number of top-level arrows."""
    count = 0
    while isinstance(kind, Arrow):
        count, kind = count + 1, kind.right
    return count


def bind(kind: Type, count: int) -> Type:
    """Return what is left of a type when its first arguments are given. Raises ProgramError if there are fewer."""
    for _ in range(count):
        if not isinstance(kind, Arrow):
            raise ProgramError(f"'{kind}' takes no argument", hint="give fewer arguments")
        kind = kind.right
    return kind


def parameters(kind: Type) -> tuple[Type, ...]:
    """Return what must be bound before a function, predicate or property is there: all but the packet."""
    found: list[Type] = []
    while isinstance(kind, Arrow) and kind not in (FUNCTION, PREDICATE, PROPERTY):
        found.append(kind.left)
        kind = kind.right
    return tuple(found)


def result(kind: Type) -> Type:
    """Return what is there once all parameters are bound: FUNCTION, PREDICATE or PROPERTY."""
    return bind(kind, len(parameters(kind)))


def kernel(kind: Type) -> Type:
    """Return a type as the kernel writes it, which has no IPv4, Device and MAC."""
    match kind:
        case Con("IPv4"):
            return Con("Word32")
        case Con("Device" | "MAC"):
            return STRING
        case Con(name, args):
            return Con(name, tuple(kernel(arg) for arg in args))
        case ListOf(element):
            return ListOf(kernel(element))
        case Arrow(left, right):
            return Arrow(kernel(left), kernel(right))


def size(kind: Type) -> int | None:
    """Return the bytes of a value; 0 for what is not plain data, None if unknown."""
    return SIZES.get(kind.name) if isinstance(kind, Con) else None


def describe(kind: Type) -> str:
    """Return a type in words, for messages."""
    match kind:
        case _ if kind == FUNCTION:
            return f"a function ({kind})"
        case _ if kind == PREDICATE:
            return f"a predicate ({kind})"
        case _ if kind == PROPERTY:
            return f"a property ({kind})"
        case Con("CIDR"):
            return "an IPv4 prefix (CIDR)"
        case Con("CIDR6"):
            return "an IPv6 prefix (CIDR6)"
        case Con("IPv4"):
            return "an IPv4 address"
        case Con("String"):
            return "a string"
        case Con("Device"):
            return "a device's name"
        case Con("MAC"):
            return "a MAC address"
        case Con(name) if name in INTEGERS:
            low, high = INTEGERS[name]
            return f"a number from {low} to {high} ({name})"
        case ListOf(element):
            return f"a list [{element}]"
    return str(kind)
