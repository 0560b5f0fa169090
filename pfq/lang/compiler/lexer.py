# SPDX-License-Identifier: GPL-2.0-or-later
"""Text to tokens. Comments are tokens, too, which only the formatter wants."""

import re
from dataclasses import dataclass

from pfq.lang.compiler.source import Place, Source

KEYWORDS = frozenset({"if", "then", "else", "let", "in", "do", "import", "where"})
MISSING = {
    "case": "choose with if/then/else",
    "of": "choose with if/then/else",
    "data": "there are no types but the built-in ones",
    "type": "there are no types but the built-in ones",
    "newtype": "there are no types but the built-in ones",
    "class": "there are no types but the built-in ones",
    "instance": "there are no types but the built-in ones",
}
"""Words of Haskell that pfq-lang does not have."""

_RESERVED = {"=": "EQUALS", "->": "ARROW", "::": "HAS_TYPE", "\\": "LAMBDA"}
_PUNCTUATION = {
    "(": "LPAR", ")": "RPAR", "[": "LSQB", "]": "RSQB", ",": "COMMA", ";": "SEMI", "{": "LBRACE", "}": "RBRACE",
    "`": "TICK",
}  # fmt: skip

_TOKEN = re.compile(
    r"""
    (?P<blank>\s+)
  | (?P<comment>--+(?![!#$%&*+./<=>?@\\^|~:])[^\n]*)
  | (?P<block>\{-)
  | (?P<number>0[xX][0-9A-Fa-f]+|[0-9]+)(?P<bad>[A-Za-z0-9_.]*[A-Za-z0-9_])?
  | (?P<word>[A-Za-z_][A-Za-z0-9_']*(?:\.[A-Z][A-Za-z0-9_']*)*)
  | (?P<string>"(?:[^"\\\n]|\\.)*")
  | (?P<operator>[!#$%&*+./<=>?@\\^|~:-]+)
  | (?P<punctuation>[()\[\],;{}`])
    """,
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "&": "", "'": "'"}
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]+|[0-9]+|.)")
TAB = 8


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number, string, sign or comment. `indent` is its column with tabs counted as they look."""

    kind: str
    text: str
    place: Place
    indent: int
    first: bool

    @property
    def end(self) -> tuple[int, int]:
        """The line and column behind it."""
        *before, last = self.text.split("\n")
        column = self.place.column + len(last) if not before else 1 + len(last)
        return self.place.line + len(before), column


def tokens(source: Source) -> list[Token]:
    """Return the tokens of a text, comments among them (kind COMMENT). Raises CompileError."""
    found: list[Token] = []
    at, line, start, fresh = 0, 1, 0, True
    text = source.text
    while at < len(text):
        place = Place(source, line, at - start + 1)
        match = _TOKEN.match(text, at)
        if match is None:
            raise _unknown(text[at], place)
        end = _block_end(text, at, place) if match.lastgroup == "block" else match.end()
        said = text[at:end]
        if not said.isspace():
            indent = len(text[start:at].expandtabs(TAB)) + 1
            kind = _kind(match, place)
            found.append(Token(kind, said, place, indent, fresh))
            fresh = fresh and kind == "COMMENT"
        at = end
        if "\n" in said:
            line, start, fresh = line + said.count("\n"), text.rindex("\n", 0, end) + 1, True
    return found


def _kind(match: re.Match[str], place: Place) -> str:
    said = match.group()
    if match["comment"] or match["block"]:
        return "COMMENT"
    if match["bad"]:
        raise _bad_number(said, place)
    if match["number"]:
        return "NUMBER"
    if match["string"]:
        return "STRING"
    if match["operator"]:
        return _RESERVED.get(said, "OPERATOR")
    if match["punctuation"]:
        return _PUNCTUATION[said]
    if said in MISSING:
        raise place.error(f"pfq-lang has no '{said}'", MISSING[said])
    return said.upper() if said in KEYWORDS else "CAPITAL" if said[0].isupper() else "NAME"


def _unknown(character: str, place: Place) -> Exception:
    if character == '"':
        return place.error("the string does not end on its line", 'close it with "')
    if character == "'":
        return place.error("a single quote begins nothing", 'strings are written as "eth0"')
    return place.error(f"unexpected character {character!r}", "remove it")


def _bad_number(said: str, place: Place) -> Exception:
    if re.fullmatch(r"[0-9.]+", said) and said.count(".") == 3:
        return place.error(f"{said} is not a number", f'addresses are written as strings: "{said}"')
    return place.error(f"{said} is not a number", "numbers are whole: 80, or 0x50")


def _block_end(text: str, at: int, place: Place) -> int:
    depth = 0
    for match in re.compile(r"\{-|-\}").finditer(text, at):
        depth += 1 if match.group() == "{-" else -1
        if depth == 0:
            return match.end()
    raise place.error("the comment {- does not end", "close it with -}")


def string(token: Token) -> str:
    """Return what a string says. Raises CompileError at an escape that there is not."""

    def replace(match: re.Match[str]) -> str:
        code = match[1]
        if code in _ESCAPES:
            return _ESCAPES[code]
        number = int(code[1:], 16) if code[0] == "x" and len(code) > 1 else int(code) if code.isdecimal() else -1
        if not 0 <= number < 0x110000:
            raise token.place.error(
                f"there is no escape \\{code}", 'there are \\n, \\t, \\r, \\", \\\\, \\x41 and \\65'
            )
        return chr(number)

    return _ESCAPE.sub(replace, token.text[1:-1])
