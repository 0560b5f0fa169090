# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of functions: all of PFQ's, and the same as the kernel's."""

import re
from collections import Counter
from pathlib import Path

import pytest

from pfq.lang import prelude, term, types
from pfq.lang.functions.table import ALIASES, TABLE, find
from pfq.lang.interpreter.run import BUILT
from pfq.lang.term import Maker, Term

ROOT = Path(__file__).resolve().parents[2]
KERNEL = sorted((ROOT / "kernel" / "lang").glob("*.[ch]"))
_DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)[ \t]+((?:[^\n\\]|\\\n)*)$", re.MULTILINE)
_STRINGS = r'(?:"[^"\n]*"|[A-Z_][A-Z0-9_]*)(?:\s*(?:"[^"\n]*"|[A-Z_][A-Z0-9_]*))*'
_ROW = re.compile(
    rf'(?:[{{(]\s*(?:\.symbol\s*=\s*)?"([A-Za-z_]\w*)"|\b[A-Z_]*FUNCTION[A-Z_]*\(\s*([A-Za-z_]\w*))\s*,\s*'
    rf"(?:\.signature\s*=\s*)?({_STRINGS})\s*[,)}}]"
)


def kernel_rows() -> dict[str, str]:
    """Return the signatures in the kernel's tables: rows of a symbol and strings, macros for strings put in place."""
    text = "\n".join(re.sub(r"/\*.*?\*/", " ", path.read_text(), flags=re.S) for path in KERNEL)
    macros = dict(_DEFINE.findall(text))

    def expanded(strings: str) -> str:
        said = re.findall(r'"([^"]*)"|(\w+)', strings)
        return "".join(expanded(macros.get(name, "")) if name else string for string, name in said)

    rows = {quoted or bare: expanded(strings) for quoted, bare, strings in _ROW.findall(_DEFINE.sub("", text))}
    return {symbol: str(types.parse(signature)) for symbol, signature in rows.items() if "->" in signature}


def test_counts() -> None:
    """PFQ 6.2 has 144 functions and 10 in its RTP module; 8 for IPv6 are ours."""
    families = Counter(entry.family for entry in TABLE.values())
    assert families == {
        "filter": 24 + 4, "predicate": 34 + 4, "combinator": 4, "property": 15, "control": 14, "forwarding": 13,
        "steering": 16, "bloom": 6, "vlan": 2, "misc": 8, "dummy": 8, "rtp": 10,
    }  # fmt: skip
    assert len(TABLE) == 144 + 10 + 8


def test_every_row_is_whole() -> None:
    """Each has at most 8 arguments with names, and a line that says what it does."""
    for entry in TABLE.values():
        assert len(entry.names) == len(set(entry.names)) <= 8
        assert entry.line and not entry.line.endswith(".") and entry.line[0].islower() or entry.line[:2].isupper()
        assert entry.result in (types.FUNCTION, types.PREDICATE, types.PROPERTY)
        assert {name for name, _ in entry.limits} <= set(entry.names)


def test_other_names() -> None:
    """Names that PFQ's libraries emit mean functions of the table, and hide none."""
    assert not ALIASES.keys() & TABLE.keys() and set(ALIASES.values()) <= TABLE.keys()
    assert find("is_port") is TABLE["has_port"] and find("nothing") is None


def test_the_interpreter_has_all() -> None:
    """Each is implemented, as what its type says."""
    kinds = {types.FUNCTION: BUILT.functions, types.PREDICATE: BUILT.predicates, types.PROPERTY: BUILT.properties}
    for kind, implemented in kinds.items():
        assert set(implemented) == {entry.symbol for entry in TABLE.values() if entry.result == kind}


def test_the_prelude_has_all_with_their_types() -> None:
    """Its names and annotations are the table's."""
    for entry in TABLE.values():
        name = next(
            name
            for name in (entry.symbol, entry.symbol + "_")
            if isinstance(getattr(prelude, name, None), Term | Maker)
        )
        made = getattr(prelude, name)
        result: dict[types.Type, str] = {
            types.FUNCTION: "Function",
            types.PREDICATE: "Predicate",
            types.PROPERTY: "Property",
        }
        annotation = str(prelude.__annotations__[name])
        if entry.parameters:
            assert isinstance(made, Maker) and made.entry is entry
            assert annotation.endswith(f"{result[entry.result]}]")
        else:
            assert made.same(term.apply(entry, ()))
            assert annotation.endswith(f"{result[entry.result]}'>")


def test_the_kernels_tables_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In any of the forms that C has for it."""
    path = tmp_path / "table.c"
    path.write_text(
        '#define Q "Qbuff -> Action Qbuff"\n#define P \\\n\t"(Qbuff -> Bool)"\n/* { "no", "a -> b" } */\n'
        'static const struct f t[] = {\n\t{ "ip", Q, fn },\n\t{ "port", "Word16 -> " Q, .init = x },\n'
        '\t{ .symbol = "when", .signature = P " -> (" Q ") -> " Q },\n\tPFQ_FUNCTION(tcp, Q, fn),\n'
        '\t{ "a", "b" },\n};\n'
    )
    monkeypatch.setattr(f"{__name__}.KERNEL", [path])
    assert kernel_rows() == {symbol: TABLE[symbol].signature for symbol in ("ip", "port", "when", "tcp")}


@pytest.mark.skipif(not KERNEL, reason="this tree has no kernel/lang yet")
def test_the_kernels_table_is_the_same() -> None:
    """Every symbol and signature of the kernel is here, and the other way round."""
    found = kernel_rows()
    others = {name: TABLE[meant].signature for name, meant in ALIASES.items()}
    ours = {entry.symbol: entry.signature for entry in TABLE.values()}
    assert {name: said for name, said in found.items() if name not in others} == ours
    assert all(said == others[name] for name, said in found.items() if name in others)
