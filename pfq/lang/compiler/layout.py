# SPDX-License-Identifier: GPL-2.0-or-later
"""Indentation to braces and semicolons.

A block begins behind `let` and `do`, and at the top. Its first token says how far its items are indented: a line that
begins there begins an item, one further in goes on, one further out ends the block. A block also ends where its
surroundings say so: at `in`, `then`, `else`, and at the bracket or comma that belongs to a bracket outside of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pfq.lang.compiler.lexer import Token

_CLOSING = {"RPAR": "LPAR", "RSQB": "LSQB"}
_SIGNS = {"LPAR": "(", "LSQB": "["}


@dataclass(slots=True)
class _Context:
    """What is open: a block (its indentation; 0 if its braces are written), a bracket, or an if."""

    kind: str
    indent: int
    opened: Token


class _Layout:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = [token for token in tokens if token.kind != "COMMENT"]
        self.open: list[_Context] = []

    def run(self) -> Iterator[Token]:
        if not self.tokens:
            return
        awaiting = "TOP"
        before = self.tokens[0]
        for token in self.tokens:
            if awaiting:
                opened, awaiting = awaiting, ""
                if token.kind == "LBRACE":
                    self.open.append(_Context(opened, 0, token))
                    yield token
                    continue
                yield from self._begin(opened, token, before)
            elif token.first:
                yield from self._new_line(token)
            yield from self._around(token)
            if token.kind in ("LET", "DO"):
                awaiting = token.kind
            yield token
            before = token
        if awaiting:
            yield from (_made("LBRACE", before), _made("RBRACE", before))
        yield from self._end(before)

    def _begin(self, kind: str, token: Token, before: Token) -> Iterator[Token]:
        outside = next((c.indent for c in reversed(self.open) if c.indent), 0)
        yield _made("LBRACE", token)
        if token.indent > outside:
            self.open.append(_Context(kind, token.indent, before))
            return
        yield _made("RBRACE", token)
        yield from self._new_line(token)

    def _new_line(self, token: Token) -> Iterator[Token]:
        while self.open:
            top = next((c for c in reversed(self.open) if c.kind != "IF"), self.open[0])
            if top.kind in _SIGNS:
                self._check_bracket(top, token)
                return
            if not top.indent or token.indent > top.indent:
                return
            if token.indent == top.indent:
                if token.kind not in ("THEN", "ELSE", "IN", "RPAR", "RSQB"):
                    self._drop_ifs()
                    yield _made("SEMI", token)
                return
            yield from self._close(token)

    def _check_bracket(self, bracket: _Context, token: Token) -> None:
        block = next((c.indent for c in reversed(self.open) if c.indent), 0)
        if token.indent <= block and token.kind not in _CLOSING:
            raise self._unclosed(bracket)

    def _unclosed(self, bracket: _Context) -> Exception:
        sign = _SIGNS[bracket.kind]
        closing = {"(": ")", "[": "]"}[sign]
        return bracket.opened.place.error(
            f"{sign} is not closed", f"close it with {closing}; lines inside of it are indented"
        )

    def _drop_ifs(self) -> None:
        while self.open and self.open[-1].kind == "IF":
            self.open.pop()

    def _close(self, token: Token) -> Iterator[Token]:
        """End the innermost block."""
        self._drop_ifs()
        self.open.pop()
        yield _made("RBRACE", token)

    def _close_down_to(self, kinds: tuple[str, ...], token: Token, *, block: bool = False) -> Iterator[Token]:
        """End implicit blocks above the innermost one of these (and it, if it is a block itself)."""
        place = next((i for i in range(len(self.open) - 1, -1, -1) if self.open[i].kind in kinds), None)
        if place is None or any(not c.indent and c.kind != "IF" for c in self.open[place + 1 :]):
            return
        while len(self.open) > place + 1:
            if self.open.pop().kind != "IF":
                yield _made("RBRACE", token)
        if block and self.open[place].indent:
            self.open.pop()
            yield _made("RBRACE", token)

    def _around(self, token: Token) -> Iterator[Token]:
        """End blocks that a token tells the end of, and remember what it opens or closes."""
        kind = token.kind
        if kind == "IN":
            yield from self._close_down_to(("LET",), token, block=True)
        elif kind in ("THEN", "ELSE"):
            yield from self._close_down_to(("IF",), token)
            if kind == "ELSE" and self.open and self.open[-1].kind == "IF":
                self.open.pop()
        elif kind in ("RPAR", "RSQB", "COMMA"):
            yield from self._close_down_to((_CLOSING[kind],) if kind in _CLOSING else tuple(_SIGNS), token)
            if kind in _CLOSING and self.open and self.open[-1].kind == _CLOSING[kind]:
                self.open.pop()
        elif kind == "RBRACE" and any(not c.indent and c.kind not in _SIGNS and c.kind != "IF" for c in self.open):
            while self.open[-1].indent or self.open[-1].kind in _SIGNS or self.open[-1].kind == "IF":
                self.open.pop()
            self.open.pop()
        elif kind in _SIGNS or kind == "IF":
            self.open.append(_Context(kind, 0, token))

    def _end(self, last: Token) -> Iterator[Token]:
        for context in reversed(self.open):
            if context.kind in _SIGNS:
                raise self._unclosed(context)
            if context.indent:
                yield _made("RBRACE", last)


def _made(kind: str, beside: Token) -> Token:
    """Return a token that is not in the text."""
    return Token(kind, "", beside.place, beside.indent, False)


def laid_out(tokens: list[Token]) -> list[Token]:
    """Return tokens with the braces and semicolons that their indentation means. Raises CompileError."""
    return list(_Layout(tokens).run())
