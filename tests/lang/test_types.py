# SPDX-License-Identifier: GPL-2.0-or-later
"""Signatures: parsing, equality, arity and binding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfq.errors import ProgramError
from pfq.lang import types
from pfq.lang.functions.table import TABLE
from pfq.lang.types import FUNCTION, PREDICATE, PROPERTY, Arrow, Con, ListOf, Type, parse

KINDS = st.recursive(
    st.sampled_from([Con("CInt"), Con("CIDR"), Con("Qbuff"), Con("Action", (Con("Qbuff"),))]),
    lambda below: st.builds(ListOf, below) | st.builds(Arrow, below, below),
    max_leaves=8,
)


@given(KINDS)
def test_what_is_shown_is_read(kind: Type) -> None:
    """Showing and parsing are each other's inverse, whatever the blanks."""
    assert parse(str(kind)) == kind
    assert parse(f" ( ({kind}) ) ") == kind


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("(Qbuff -> Bool) -> Qbuff -> Bool", "(Qbuff->Bool)->(Qbuff->Bool)"),
        ("Word16->Qbuff->Action Qbuff ", "Word16 -> (Qbuff -> (Action Qbuff))"),
        ("[ Word32 ]", "[(Word32)]"),
    ],
)
def test_equal(one: str, other: str) -> None:
    """Equality is that of structure."""
    assert parse(one) == parse(other)


def test_left_and_right_are_not_alike() -> None:
    """An arrow in an argument is another type."""
    assert parse("(Qbuff -> Bool) -> Bool") != parse("Qbuff -> Bool -> Bool")


def test_algebra() -> None:
    """Arity counts arrows at the top, binding drops arguments, and what is left is complete."""
    kind = parse("CInt -> [Word32] -> CInt -> Qbuff -> Action Qbuff")
    assert types.arity(kind) == 4
    assert types.bind(kind, 3) == FUNCTION == types.result(kind)
    assert types.parameters(kind) == (Con("CInt"), ListOf(Con("Word32")), Con("CInt"))
    assert [types.parameters(each) for each in (FUNCTION, PREDICATE, PROPERTY)] == [(), (), ()]
    with pytest.raises(ProgramError, match="takes no argument"):
        types.bind(kind, 6)


def test_sizes() -> None:
    """Plain data has a size, other things have 0, and unknown ones none."""
    names = ("Bool", "CInt", "Word8", "Word16", "Word32", "Word64", "CIDR", "CIDR6", "String")
    assert [types.size(parse(name)) for name in names] == [1, 4, 1, 2, 4, 8, 8, 17, 0]
    assert types.size(parse("Unheard")) is None and types.size(FUNCTION) is None


def test_the_kernel_knows_fewer() -> None:
    """IPv4, Device and MAC are ours."""
    assert str(types.kernel(parse("IPv4 -> [Device] -> MAC -> Qbuff -> Bool"))) == (
        "Word32 -> [String] -> String -> Qbuff -> Bool"
    )


@pytest.mark.parametrize(
    "text", ["", "->", "Word16 ->", "(Word16", "[Word16", "Word16)", "a ; b", "[CInt] x", "(a -> b) c"]
)
def test_what_is_no_type(text: str) -> None:
    """Anything else is refused, with the text in the message."""
    with pytest.raises(ProgramError, match="is not a type"):
        parse(text)


def test_every_signature_of_the_table_is_its_own_text() -> None:
    """The kernel's table has them in this form."""
    assert all(str(parse(entry.signature)) == entry.signature for entry in TABLE.values())
