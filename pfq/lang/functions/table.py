# SPDX-License-Identifier: GPL-2.0-or-later
"""All built-in functions by their symbols, and other names that existing programs call them by."""

from types import MappingProxyType

from pfq.lang.functions import (
    bloom,
    combinators,
    control,
    dummy,
    filters,
    forwarding,
    misc,
    predicates,
    properties,
    rtp,
    steering,
    vlan,
)
from pfq.lang.functions.entry import Entry

FAMILIES = (
    filters, predicates, combinators, properties, control, forwarding, steering, bloom, vlan, misc, dummy, rtp,
)  # fmt: skip

TABLE = MappingProxyType({entry.symbol: entry for family in FAMILIES for entry in family.ROWS})
"""Every function by its symbol."""

ALIASES = MappingProxyType(
    {
        "is_port": "has_port",
        "is_src_port": "has_src_port",
        "is_dst_port": "has_dst_port",
        "dummy": "dummy_int",
        "dummy_vector": "dummy_ints",
    }
)
"""Symbols that PFQ's C++ programs emit, and what they mean."""


def find(symbol: str) -> Entry | None:
    """Return a function by its symbol or another name of it; None if there is none."""
    return TABLE.get(ALIASES.get(symbol, symbol))
