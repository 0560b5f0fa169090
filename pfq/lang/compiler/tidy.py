# SPDX-License-Identifier: GPL-2.0-or-later
"""The formatter: one way to put blanks, and no change to anything else.

Lines, their order and their indentation against each other stay, because they mean something; comments stay. Blanks
within lines, at their ends and between definitions are put in order, tabs become blanks. What comes out has the same
tokens, and formatting it again changes nothing.
"""

from itertools import pairwise

from pfq.errors import PfqError
from pfq.lang.compiler import parse
from pfq.lang.compiler.layout import laid_out
from pfq.lang.compiler.lexer import TAB, Token, tokens
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
    made = " " * (line[0].indent - 1) + line[0].text
    for before, token in pairwise(line):
        gap = token.indent - 1 - len(made)
        if token.kind == "COMMENT":
            # Comments that stand below each other stay so.
            apart = token.place.column - before.end[1]
            made += "  " if gap < 2 or apart <= 2 else " " * gap
        elif before.kind in ("LET", "DO"):
            # A block begins here, and other lines are aligned with it: it stays, or the whole line does.
            if gap < 1:
                return token.place.source.line(token.place.line).expandtabs(TAB).rstrip()
            made += " " * gap
        elif not _tight(before, token):
            made += " "
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
    again = tokens(made)
    if _said(again) != _said(row) or _said(laid_out(again)) != _said(laid_out(row)):
        raise PfqError(f"{made.name}: formatting would change the program", hint="report this program")


def _said(row: list[Token]) -> list[tuple[str, str]]:
    # Blanks at the ends of lines go from comments, too.
    return [(token.kind, "\n".join(line.rstrip() for line in token.text.split("\n"))) for token in row]
