# SPDX-License-Identifier: GPL-2.0-or-later
"""The lexical census: every mention of a delivery function in the text of the driver's files.

A small C lexer tells code from comments, strings and preprocessor lines. It knows nothing of meaning; `sites` asks
libclang for that, and every mention found here must end up explained there.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from omatic.rules import BY_CALLEE

_NAMES = re.compile(rb"(?<!\w)(" + b"|".join(sorted((n.encode() for n in BY_CALLEE), reverse=True)) + rb")(?!\w)")
# Comments, strings and character constants, each with its line continuations; an unclosed one runs to the end.
_SPANS = re.compile(
    rb"(?P<comment>//(?:[^\\\n]|\\\r?\n|\\.)*|/\*.*?(?:\*/|\Z))"
    rb'|(?P<string>"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\')',
    re.DOTALL,
)
_DIRECTIVE = re.compile(rb"^[ \t]*#[ \t]*(\w+)((?:[^\\\n]|\\\r?\n|\\.)*)", re.MULTILINE | re.DOTALL)
_MACRO_NAME = re.compile(rb"[ \t]*(\w+)")


class Lexical(Enum):
    """Where in the text a mention stands."""

    CODE = "code"
    COMMENT = "comment"
    STRING = "string"
    MACRO_BODY = "macro body"
    PREPROCESSOR = "preprocessor"


@dataclass(frozen=True, slots=True)
class Mention:
    """One mention: place, name, what the text around it is, and the macro whose body it is in."""

    path: str
    offset: int
    line: int
    column: int
    name: str
    lexical: Lexical
    macro: str = ""
    called: bool = False


def mentions(root: Path, files: Iterable[str]) -> tuple[Mention, ...]:
    """Return every mention in the given files (paths below root), in order."""
    return tuple(mention for path in sorted(files) for mention in in_text(path, (root / path).read_bytes()))


def in_text(path: str, text: bytes) -> Iterator[Mention]:
    """Yield the mentions in one file's text."""
    hits = list(_NAMES.finditer(text))
    if not hits:
        return
    spans = [(m.start(), m.end(), m.lastgroup) for m in _SPANS.finditer(text)]
    blanked = blank(text)
    directives = list(_DIRECTIVE.finditer(blanked))
    for hit in hits:
        start = hit.start()
        lexical, macro = _where(start, spans, directives)
        line = text.count(b"\n", 0, start) + 1
        column = start - (text.rfind(b"\n", 0, start) + 1) + 1
        called = blanked[hit.end() :].lstrip()[:1] == b"("
        yield Mention(path, start, line, column, hit[1].decode(), lexical, macro, called)


def _where(
    offset: int, spans: list[tuple[int, int, str | None]], directives: list[re.Match[bytes]]
) -> tuple[Lexical, str]:
    for start, end, group in spans:
        if start <= offset < end:
            return (Lexical.COMMENT if group == "comment" else Lexical.STRING), ""
    for directive in directives:
        if directive.start() <= offset < directive.end():
            if directive[1] != b"define" or not (name := _MACRO_NAME.match(directive[2])):
                return Lexical.PREPROCESSOR, ""
            if offset < directive.start(2) + name.end():
                return Lexical.PREPROCESSOR, name[1].decode()
            return Lexical.MACRO_BODY, name[1].decode()
    return Lexical.CODE, ""


def blank(text: bytes) -> bytes:
    """Return the text with comments and strings blanked out, every offset and line kept."""
    return _SPANS.sub(lambda m: re.sub(rb"[^\n]", b" ", m[0]), text)


def macros_using(name: str, texts: Iterable[bytes]) -> frozenset[str]:
    """Return the macros whose bodies mention `name`, directly or through one another, and `name` itself."""
    bodies: dict[str, set[str]] = {}
    for text in texts:
        for directive in _DIRECTIVE.finditer(blank(text)):
            if directive[1] == b"define" and (defined := _MACRO_NAME.match(directive[2])):
                words = re.findall(rb"\w+", directive[2][defined.end() :])
                bodies.setdefault(defined[1].decode(), set()).update(word.decode() for word in words)
    found = {name}
    while more := {macro for macro, words in bodies.items() if macro not in found and words & found}:
        found |= more
    return frozenset(found)


_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*["<]([^">\n]+)[">]', re.MULTILINE)
_COMPUTED = re.compile(rb"^[ \t]*#[ \t]*include[ \t]+[A-Za-z_]", re.MULTILINE)


def includers(
    root: Path, files: Iterable[str], forced: Mapping[str, Iterable[str]] | None = None
) -> dict[str, frozenset[str]]:
    """Return for each file the files of the tree that may include it, directly or not, told by the text alone;
    `forced` are the names that the compiler's command line includes into a file.

    An include is matched by its last component, and one whose name a macro makes may be any header, so this errs on
    the side of too many; libclang then decides.
    """
    direct: dict[str, set[str]] = {}
    by_name: dict[str, list[str]] = {}
    listed = list(files)
    for path in listed:
        by_name.setdefault(Path(path).name, []).append(path)
    for path in listed:
        text = (root / path).read_bytes()
        names = {Path(included.decode(errors="replace")).name for included in _INCLUDE.findall(text)}
        names |= {Path(name).name for name in (forced or {}).get(path, ())}
        if _COMPUTED.search(text):
            names |= {name for name in by_name if name.endswith(".h")}
        for target in (target for name in names for target in by_name.get(name, ())):
            direct.setdefault(target, set()).add(path)
    return {path: frozenset(_closure(path, direct)) for path in direct}


def _closure(path: str, direct: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    todo = [path]
    while todo:
        for parent in direct.get(todo.pop(), ()):
            if parent not in found:
                found.add(parent)
                todo.append(parent)
    return found
