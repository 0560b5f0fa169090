# SPDX-License-Identifier: GPL-2.0-or-later
"""The formatter: one way to put blanks, and no change to anything else.

Lines, their order and their indentation against each other stay, because they mean something; comments stay. Blanks
within lines, at their ends and between definitions are put in order, tabs become blanks. What comes out has the same
tokens, and formatting it again changes nothing.
"""

from pfq.errors import PfqError
from pfq.lang.compiler import parse
from pfq.lang.compiler.lexer import Token, tokens
from pfq.lang.compiler.source import Source

_TIGHT_AFTER = frozenset({"LPAR", "LSQB", "LAMBDA"})
_TIGHT_BEFORE = frozenset({"RPAR", "RSQB", "COMMA", "SEMI"})


def tidy(source: Source) -> str:
    """Return a text with its blanks in order. Raises CompileError if it is not even well-formed."""
    row = tokens(source)
    parse.module(source)
    lines: dict[int, list[Token]] = {}
    for token in row:
        lines.setdefault(token.place.line, []).append(token)
    written: list[str] = []
    behind = 0
    for number, line in lines.items():
        if written and number > behind + 1:
            written.append("")
        written += _line(line).split("\n")
        behind = line[-1].end[0]
    made = "\n".join(line.rstrip() for line in written)
    made = made + "\n" if made else ""
    _check(row, Source(source.name, made, source.folder))
    return made


def _line(line: list[Token]) -> str:
    # Where a block begins in the middle of a line, what follows is aligned with it: those columns stay.
    made = " " * (line[0].indent - 1)
    aligned = False
    for before, token in zip([None, *line[:-1]], line, strict=True):
        if before is not None:
            gap = token.indent - 1 - len(made)
            if token.kind == "COMMENT":
                made += "  " if gap < 2 else " " * gap
            elif aligned:
                made += " " * max(gap, 0 if _tight(before, token) else 1)
            else:
                made += "" if _tight(before, token) else " "
            aligned = aligned or before.kind in ("LET", "DO")
        made += token.text
    return made


def _tight(before: Token, token: Token) -> bool:
    if before.kind == "TICK" or token.kind == "TICK":
        # The blanks are outside of a pair of them, and a name is inside.
        return (
            (before.kind == "TICK" and token.kind == "NAME")
            or (token.kind == "TICK" and before.kind == "NAME")
            and (before.indent + len(before.text) == token.indent)
        )
    return before.kind in _TIGHT_AFTER or token.kind in _TIGHT_BEFORE


def _check(row: list[Token], made: Source) -> None:
    parse.module(made)
    if [(token.kind, token.text) for token in tokens(made)] != [(token.kind, token.text) for token in row]:
        raise PfqError(f"{made.name}: formatting would change the program", hint="report this program")
