# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs and frames, generated: any of the language's terms, and frames that are sound, cut short or garbage."""

from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Any

from hypothesis import strategies as st

from pfq.lang import term, types
from pfq.lang.functions.entry import Entry
from pfq.lang.functions.table import TABLE
from pfq.lang.term import Function, Term
from pfq.lang.types import Con, ListOf, Type

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
_LEAVES = {
    "String": _TEXT,
    "Device": st.sampled_from(["eth0", "eth1", "wlan0.5"]),
    "MAC": st.sampled_from(["02:00:00:00:00:01", "ff:ff:ff:ff:ff:ff"]),
    "IPv4": st.integers(0, 2**32 - 1).map(IPv4Address),
    "CIDR": st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(lambda p: IPv4Network(p, strict=False)),
    "CIDR6": st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 128)).map(lambda p: IPv6Network(p, strict=False)),
}


def _plain(entry: Entry, index: int, kind: Type) -> st.SearchStrategy[Any]:
    if isinstance(kind, ListOf):
        return st.lists(_plain(entry, index, kind.element), max_size=4)
    assert isinstance(kind, Con)
    if kind.name in _LEAVES:
        return _LEAVES[kind.name]
    low, high = entry.limit(entry.names[index]) or types.INTEGERS[kind.name]
    return st.sampled_from([low, high, max(low, 1)]) | st.integers(low, high)


@cache
def _of(result: Type, depth: int) -> st.SearchStrategy[Term]:
    entries = [
        entry
        for entry in TABLE.values()
        if entry.result == result and (depth or not any(map(_is_function, entry.parameters)))
    ]

    @cache
    def applied(entry: Entry) -> st.SearchStrategy[Term]:
        args = [
            _chains(kind, depth - 1) if _is_function(kind) else _plain(entry, index, kind)
            for index, kind in enumerate(entry.parameters)
        ]
        return st.tuples(*args).map(lambda given: term.apply(entry, given))

    return st.sampled_from(entries).flatmap(applied)


def _is_function(kind: Type) -> bool:
    return kind in (types.FUNCTION, types.PREDICATE, types.PROPERTY)


@cache
def _chains(kind: Type, depth: int) -> st.SearchStrategy[Term]:
    if kind != types.FUNCTION:
        return _of(kind, depth)
    return st.lists(_of(kind, depth), min_size=1, max_size=3).map(_joined)


def _joined(functions: list[Term]) -> Function:
    first, *others = functions
    assert isinstance(first, Function)
    for other in others:
        first = first >> other
    return first


def programs(depth: int = 1) -> st.SearchStrategy[Function]:
    """Return programs of all functions, which are arguments of each other so deep."""
    return _chains(types.FUNCTION, depth)  # type: ignore[return-value]
