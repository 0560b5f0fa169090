# SPDX-License-Identifier: GPL-2.0-or-later
"""Combinators: predicates made of predicates."""

from pfq.lang.functions.entry import Family, P

_row = Family("combinator").row

ROWS = (
    _row("or", f"({P}) -> ({P}) -> {P}", "left right", "one of two predicates, or both", "or"),
    _row("and", f"({P}) -> ({P}) -> {P}", "left right", "both of two predicates", "and"),
    _row("xor", f"({P}) -> ({P}) -> {P}", "left right", "one of two predicates, but not both"),
    _row("not", f"({P}) -> {P}", "predicate", "not what a predicate says", "not"),
)
