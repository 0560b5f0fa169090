# SPDX-License-Identifier: GPL-2.0-or-later
"""Walk the parser's tables, which tools/lang_tables.py makes from grammar.lark.

A rule's name is the method of `actions` that gets its children, signs among them. As in lark, a rule whose name begins
with an underscore has its children inserted where it is.
"""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from pfq.lang.compiler.lexer import Token

END = "$END"


class Unexpected(Exception):
    """A token that cannot be there, and those that could."""

    def __init__(self, token: Token, expected: frozenset[str]) -> None:
        super().__init__()
        self.token = token
        self.expected = expected


class _Inserted(list[Any]):
    """Children of a rule that has no node of its own."""


@cache
def _tables() -> Any:
    return json.loads(Path(__file__).with_name("tables.json").read_text())


def parse(tokens: Iterable[Token], actions: object) -> Any:
    """Return what the start rule's action makes of all tokens. Raises Unexpected."""
    tables = _tables()
    states, rules = tables["states"], tables["rules"]
    stack: list[int] = [tables["start"]]
    made: list[Any] = []
    for token in tokens:
        kind = token.kind
        while True:
            action = states[stack[-1]].get(kind)
            if action is None:
                raise Unexpected(token, frozenset(name for name in states[stack[-1]] if name.isupper()))
            if action >= 0:
                stack.append(action)
                made.append(token)
                break
            origin, size, name, single = rules[-action - 1]
            start = len(made) - size
            below: list[Any] = []
            for child in made[start:]:
                if isinstance(child, _Inserted):
                    below += child
                else:
                    below.append(child)
            del made[start:], stack[len(stack) - size :]
            if origin.startswith("_"):
                made.append(_Inserted(below))
            else:
                made.append(below[0] if single and len(below) == 1 else getattr(actions, name)(below))
            stack.append(states[stack[-1]][origin])
            if kind == END and stack[-1] == tables["end"]:
                return made[-1]
    raise AssertionError("the tokens have no end")
