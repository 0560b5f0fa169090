# SPDX-License-Identifier: GPL-2.0-or-later
"""Find every mention of a delivery function and say what it is.

Two passes: the lexical census finds all mentions; libclang, with the flags of the kernel's own build, says what each
one in code is, asked by place and not by walking the tree. Only translation units that can see a mention are parsed:
an excerpt first, and once more in full where macros or inactive code leave a mention open. A mention that no rule
explains stays UNEXPLAINED, which the plan refuses.
"""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from omatic import census, excerpt
from omatic.census import Lexical, Mention
from omatic.cindex import Entity, Flags, Meaning, Unit
from omatic.excerpt import Excerpt
from omatic.model import CompileCommand, Kind, ParseError, Scan, Site

_TEXTUAL = {
    Lexical.COMMENT: (Kind.COMMENT, ""),
    Lexical.STRING: (Kind.STRING, ""),
    Lexical.PREPROCESSOR: (Kind.LOCAL, "a preprocessor name"),
}


@dataclass(frozen=True, slots=True)
class _Answer:
    # What one translation unit says of one mention; `strength` orders answers of several units.
    kind: Kind
    note: str
    function: str | None = None

    @property
    def strength(self) -> int:
        """Return the rank of the answer: what one unit sees compiled outweighs that another does not."""
        order = (Kind.INACTIVE, Kind.UNEXPLAINED, Kind.DECLARATION, Kind.LOCAL, Kind.ADDRESS, Kind.MACRO, Kind.CALL)
        return order.index(self.kind)


def scan(root: Path, files: Sequence[str], commands: Sequence[CompileCommand], flags: Flags, jobs: int) -> Scan:
    """Return every mention in `files` (paths below `root`), classified; `commands` are those of the build."""
    mentions = census.mentions(root, files)
    open_ones = [m for m in mentions if m.lexical not in _TEXTUAL]
    by_unit = _assign(root, files, open_ones, commands)
    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        # Flags are filtered first: the answers are shared, and asking is cheap but not thread-safe.
        work = [(root, c, flags.accepted(c.arguments), ms, files) for c, ms in by_unit.items()]
        results = list(pool.map(lambda task: _examine(*task), work))
    answers: dict[Mention, list[tuple[str, _Answer]]] = {}
    errors: list[ParseError] = []
    for command, (found, problems) in zip(by_unit, results, strict=True):
        errors += problems
        for mention, answer in found.items():
            answers.setdefault(mention, []).append((command.source, answer))
    return Scan(tuple(_site(m, answers.get(m, [])) for m in mentions), tuple(dict.fromkeys(errors)))


def _assign(
    root: Path, files: Sequence[str], mentions: Sequence[Mention], commands: Sequence[CompileCommand]
) -> dict[CompileCommand, list[Mention]]:
    by_source = {command.source: command for command in commands}
    paths = {mention.path for mention in mentions}
    forced = {command.source: _forced(command.arguments) for command in commands}
    reach = census.includers(root, files, forced) if any(path not in by_source for path in paths) else {}
    assigned: dict[CompileCommand, list[Mention]] = {}
    for mention in mentions:
        seers = {mention.path} | reach.get(mention.path, frozenset())
        for source in sorted(seers & by_source.keys()):
            assigned.setdefault(by_source[source], []).append(mention)
    return assigned


def _forced(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the headers that a command line includes."""
    return tuple(name for option, name in pairwise(arguments) if option == "-include")


def _site(mention: Mention, answers: Sequence[tuple[str, _Answer]]) -> Site:
    base = Site(mention.path, mention.offset, mention.line, mention.column, mention.name, Kind.UNEXPLAINED)
    if mention.lexical in _TEXTUAL:
        kind, note = _TEXTUAL[mention.lexical]
        return replace(base, kind=kind, note=note)
    if not answers:
        seen = "compile" if mention.path.endswith(".c") else "include"
        return replace(base, kind=Kind.INACTIVE, note=f"this configuration does not {seen} the file")
    best = max((answer for _, answer in answers), key=lambda answer: answer.strength)
    units = tuple(source for source, answer in answers if answer.kind is best.kind)
    return replace(base, kind=best.kind, note=best.note, function=best.function, units=units)


# --- one translation unit


def _examine(
    root: Path, command: CompileCommand, arguments: Sequence[str], mentions: Sequence[Mention], files: Sequence[str]
) -> tuple[dict[Mention, _Answer], list[ParseError]]:
    source = root / command.source
    unit = Unit(source, arguments, command.directory, _excerpt(source, command, mentions))
    answers = {m: answer for m in mentions if (answer := _direct(unit, root, m))}
    open_ones = [m for m in mentions if m not in answers]
    if unit.excerpt is not None and (open_ones or unit.errors()):
        unit = Unit(source, arguments, command.directory, None)
        answers = {m: answer for m in mentions if (answer := _direct(unit, root, m))}
        open_ones = [m for m in mentions if m not in answers]
    if errors := unit.errors():
        return answers, [ParseError(_below(e.path, root), e.line, e.text) for e in errors]
    for mention in open_ones:
        answers[mention] = _indirect(unit, root, mention, files)
    return answers, []


def _excerpt(source: Path, command: CompileCommand, mentions: Sequence[Mention]) -> Excerpt | None:
    # Only the bodies of the file's own functions can be picked; macros need the preprocessor's record.
    if any(m.path != command.source or m.lexical is not Lexical.CODE for m in mentions):
        return None
    return excerpt.make(source.read_bytes(), [m.offset for m in mentions])


def _below(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if root in path.parents else str(path)


def _direct(unit: Unit, root: Path, mention: Mention) -> _Answer | None:
    if mention.lexical is not Lexical.CODE:
        return None
    entity = unit.entity(root / mention.path, mention.offset, mention.name)
    if entity is None or entity.meaning is Meaning.MACRO:
        return None
    return _judge(entity, root, mention, _function(unit, root, mention))


def _judge(entity: Entity, root: Path, mention: Mention, function: str | None) -> _Answer:
    ours = entity.declared_in is None or root in entity.declared_in.parents
    match entity.meaning:
        case Meaning.REFERENCE if ours:
            return _Answer(Kind.LOCAL, f"a function of the driver ({_declared(entity, root)})", function)
        case Meaning.REFERENCE if mention.called:
            return _Answer(Kind.CALL, "", function)
        case Meaning.REFERENCE:
            return _Answer(Kind.ADDRESS, "the function itself is used as a value", function)
        case Meaning.DECLARATION if ours:
            return _Answer(Kind.LOCAL, "the driver's own function of that name")
        case Meaning.DECLARATION:
            return _Answer(Kind.DECLARATION, "repeats the kernel's declaration")
        case _:
            return _Answer(Kind.LOCAL, "a member, variable or label", function)


def _declared(entity: Entity, root: Path) -> str:
    return _below(entity.declared_in, root) if entity.declared_in else "unknown file"


def _indirect(unit: Unit, root: Path, mention: Mention, files: Sequence[str]) -> _Answer:
    path = root / mention.path
    if not unit.includes(path):
        return _Answer(Kind.INACTIVE, "not included in this configuration")
    if any(start <= mention.offset < end for start, end in unit.inactive(path)):
        return _Answer(Kind.INACTIVE, "left out by the preprocessor in this configuration")
    if mention.lexical is Lexical.MACRO_BODY:
        return _macro_body(unit, root, mention, files)
    if expanded := unit.expansions(mention.name).get((path, mention.offset)):
        # A kcompat layer that redefines the kernel's name: what its body mentions is a site of its own.
        where = expanded.declared_in
        if where is not None and root in where.parents:
            return _Answer(Kind.LOCAL, f"a macro of the driver ({_below(where, root)})")
        return _Answer(Kind.UNEXPLAINED, "a macro of the kernel's headers")
    if entity := unit.references(mention.name).get((path, mention.offset)):
        return _judge(entity, root, mention, _function(unit, root, mention))
    return _Answer(Kind.UNEXPLAINED, "libclang sees no use of that name here")


def _macro_body(unit: Unit, root: Path, mention: Mention, files: Sequence[str]) -> _Answer:
    texts = {path: (root / path).read_bytes() for path in files}
    macros = census.macros_using(mention.macro, texts.values())
    uses = 0
    for (path, offset), entity in unit.references(mention.name).items():
        word = re.match(rb"\w*", texts.get(_below(path, root), b"")[offset:])
        if word and word[0].decode() in macros:
            if entity.declared_in is not None and root in entity.declared_in.parents:
                return _Answer(Kind.LOCAL, f"a function of the driver ({_declared(entity, root)})")
            uses += 1
    if uses:
        return _Answer(Kind.MACRO, f"macro {mention.macro}, used {uses} time{'s' if uses > 1 else ''}")
    return _Answer(Kind.INACTIVE, f"nothing uses the macro {mention.macro} in this configuration")


_OPENING = re.compile(rb"^\{|^[^\s#].*\)[ \t]*\{[ \t]*$", re.MULTILINE)
_NAME = re.compile(rb"(\w+)\s*\Z")


def _function(unit: Unit, root: Path, mention: Mention) -> str | None:
    # The text proposes the name before the last body that opens at the margin; libclang confirms or denies it.
    text = census.blank((root / mention.path).read_bytes()[: mention.offset])
    openings = list(_OPENING.finditer(text))
    end = openings[-1].end() if openings else 0
    for _ in range(4):
        # A declarator may be followed by attribute macros, which look like declarators: step over them.
        end = excerpt.opening_parenthesis(text, end)
        name = _NAME.search(text[max(0, end - 200) : end]) if end > 0 else None
        if name is None:
            return None
        start = max(0, end - 200) + name.start(1)
        if function := unit.function_at(root / mention.path, start, mention.offset):
            return function
        end = start
    return None
