# SPDX-License-Identifier: GPL-2.0-or-later
"""Make the tables of pfq-lang's parser from its grammar, with lark.

Loading lark and analysing the grammar takes longer than all else that pfq-lang does, so what comes out is kept, and
pfq/lang/compiler/lalr.py walks it. Usage: python tools/lang_tables.py [FILE]
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lark import Lark
from lark.lexer import Lexer
from lark.parsers.lalr_analysis import Shift

FOLDER = Path(__file__).resolve().parents[1] / "pfq" / "lang" / "compiler"
GRAMMAR, TABLES = FOLDER / "grammar.lark", FOLDER / "tables.json"


class _NoLexer(Lexer):
    """The grammar's tokens come from elsewhere."""

    def __init__(self, _conf: object) -> None:
        pass

    def lex(self, _text: object) -> Iterator[Any]:  # type: ignore[override]
        """Give nothing."""
        return iter(())


def tables(grammar: str) -> str:
    """Return the tables as JSON: actions of each state (n: go to n; -n: reduce by rule n - 1), and the rules."""
    parser: Any = Lark(grammar, parser="lalr", lexer=_NoLexer, start="module", maybe_placeholders=False)
    table = parser.parser.parser._parse_table
    rules = sorted({arg for row in table.states.values() for act, arg in row.values() if act is not Shift}, key=_order)
    number = {rule: index for index, rule in enumerate(rules)}
    order = _walked(table)
    place = {state: index for index, state in enumerate(order)}
    states = [
        {
            str(symbol): place[arg] if action is Shift else -number[arg] - 1
            for symbol, (action, arg) in sorted(table.states[state].items())
        }
        for state in order
    ]
    made = {
        "start": place[table.start_states["module"]],
        "end": place[table.end_states["module"]],
        "rules": [
            [str(rule.origin.name), len(rule.expansion), str(rule.alias or rule.origin.name), _single(rule)]
            for rule in rules
        ],
        "states": states,
    }
    lines = [f'"{key}": {json.dumps(value)}' for key, value in made.items() if not isinstance(value, list)]
    for key in ("rules", "states"):
        lines.append(f'"{key}": [\n' + ",\n".join(json.dumps(row) for row in made[key]) + "\n]")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _walked(table: Any) -> list[int]:
    """Return the states in an order that is the same whenever the grammar is (lark numbers them at random)."""
    found = [table.start_states["module"]]
    for state in found:
        for _symbol, (action, arg) in sorted(table.states[state].items()):
            if action is Shift and arg not in found:
                found.append(arg)
    return found


def _order(rule: Any) -> tuple[str, list[str], str]:
    return str(rule.origin.name), [str(symbol.name) for symbol in rule.expansion], str(rule.alias)


def _single(rule: Any) -> bool:
    """Say whether a rule is no more than its only child, where it has just one."""
    return bool(rule.options.expand1) and rule.alias is None


if __name__ == "__main__":
    (Path(sys.argv[1]) if len(sys.argv) > 1 else TABLES).write_text(tables(GRAMMAR.read_text()))
