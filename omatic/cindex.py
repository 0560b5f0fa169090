# SPDX-License-Identifier: GPL-2.0-or-later
"""The one user of libclang: parse a C file with given flags and say what the identifier at a byte offset is.

Everything that comes out is our own small values; `sites` knows nothing of clang. Offsets are bytes of the file. Two
depths of parsing: of an excerpt (see there), which takes half the time; or of everything, with the preprocessor's
record, which macros and inactive code need.
"""

import ctypes
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from clang import cindex as clang

from omatic.dirs import write_atomically
from omatic.errors import ToolMissing
from omatic.excerpt import Excerpt

_CURSOR = clang.CursorKind
# CXTranslationUnit_* of clang-c/Index.h; the Python binding names only some of them.
_DETAILED_RECORD = 0x01
_SKIP_BODIES = 0x40


class Meaning(Enum):
    """What an identifier in active code is."""

    REFERENCE = "reference"  # an expression that names a function
    DECLARATION = "declaration"  # a function's declaration or definition
    MACRO = "macro"  # a use of a preprocessor macro of that name
    OTHER = "other"  # a member, variable, label, type ...


@dataclass(frozen=True, slots=True)
class Entity:
    """What libclang says of one identifier: its meaning and the file that declares what it names."""

    meaning: Meaning
    declared_in: Path | None


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A parse error."""

    path: Path
    line: int
    text: str


class _SourceRanges(ctypes.Structure):
    _fields_ = (("count", ctypes.c_uint), ("ranges", ctypes.POINTER(clang.SourceRange)))


def version() -> str:
    """Return libclang's own version text; raise ToolMissing if the library cannot be loaded."""
    try:
        lib = clang.conf.lib
    except clang.LibclangError as error:
        raise ToolMissing("libclang", package="python3-clang (or pip install libclang)") from error
    lib.clang_getClangVersion.restype = clang._CXString
    return str(clang._CXString.from_result(lib.clang_getClangVersion(), None, None))


_SEARCH = ("-I", "-D", "-U", "-include", "-isystem", "-iquote", "-idirafter")
"""Flags that every compiler takes, and that may have their value as an argument of its own."""


class Flags:
    """Which compiler flags the library takes: found by asking it, remembered per library version."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / f"libclang-{''.join(c if c.isalnum() or c in '.-' else '_' for c in version())}.json"
        try:
            self._known: dict[str, bool] = dict(json.loads(self._file.read_text()))
        except (OSError, ValueError, TypeError):
            self._known = {}
        self._index = clang.Index.create()

    def accepted(self, arguments: Sequence[str]) -> tuple[str, ...]:
        """Return the arguments of a compiler command that libclang takes, warnings and outputs left out."""
        units = [unit for unit in _units(arguments) if not unit[0].startswith(("-W", "-M"))]
        asked = [unit[0] for unit in units if not unit[0].startswith(_SEARCH) and unit[0] not in self._known]
        if asked:
            self._ask(list(dict.fromkeys(asked)))
            write_atomically(self._file, json.dumps(self._known, indent=1, sort_keys=True).encode())
        kept = [word for unit in units if unit[0].startswith(_SEARCH) or self._known[unit[0]] for word in unit]
        return (*kept, "-Wno-everything")

    def _ask(self, flags: list[str]) -> None:
        # All at once, then again without those that were complained of by name; one by one only where none was.
        while complaints := self._complaints(flags):
            named = [flag for flag in flags if any(f"'{flag}'" in text for text in complaints)]
            if not named:
                self._known.update({flag: not self._complaints([flag]) for flag in flags})
                return
            self._known.update(dict.fromkeys(named, False))
            flags = [flag for flag in flags if flag not in named]
        self._known.update(dict.fromkeys(flags, True))

    def _complaints(self, flags: Sequence[str]) -> list[str]:
        try:
            unit = self._index.parse("empty.c", args=list(flags), unsaved_files=[("empty.c", "")])
        except clang.TranslationUnitLoadError as error:
            return [str(error)]
        return [diagnostic.spelling for diagnostic in unit.diagnostics]


def _units(arguments: Sequence[str]) -> Iterator[list[str]]:
    # A flag with its value, when the value is an argument of its own; -c, outputs and the input are left out.
    rest = iter(arguments)
    for argument in rest:
        if argument == "-o":
            next(rest, None)
        elif argument in (*_SEARCH, "--param"):
            yield [argument, next(rest, "")]
        elif argument.startswith("-") and argument != "-c":
            yield [argument]


class Unit:
    """One parsed C file and what it includes."""

    def __init__(self, source: Path, arguments: Sequence[str], directory: Path, excerpt: Excerpt | None) -> None:
        args = [*arguments, f"-working-directory={directory}"]
        options, unsaved = _DETAILED_RECORD, []
        if excerpt is not None:
            args.append("-fblocks")
            options, unsaved = _SKIP_BODIES, [(str(source), excerpt.text)]
        self.source = source
        self.excerpt = excerpt
        try:
            self._unit = clang.Index.create().parse(str(source), args=args, unsaved_files=unsaved, options=options)
        except clang.TranslationUnitLoadError:
            self._unit = None
        self._files: dict[Path, object] = {}

    def errors(self) -> tuple[Diagnostic, ...]:
        """Return the parse errors, wherever they are; anything that could hide a site."""
        if self._unit is None:
            return (Diagnostic(self.source, 1, "libclang cannot parse this file at all"),)
        return tuple(
            Diagnostic(_path(d.location.file) if d.location.file else self.source, d.location.line, d.spelling)
            for d in self._unit.diagnostics
            if d.severity >= clang.Diagnostic.Error
        )

    def includes(self, path: Path) -> bool:
        """Tell whether this unit really reads that file in this configuration."""
        return self._file(path) is not None

    def entity(self, path: Path, offset: int, name: str) -> Entity | None:
        """Return what the identifier `name` at that place is; None if no code there has that name."""
        file = self._file(path)
        if file is None:
            return None
        offset = self._place(path, offset)
        cursor = clang.Cursor.from_location(self._unit, clang.SourceLocation.from_offset(self._unit, file, offset))
        # Inside code that is not compiled, or spelled by a macro, the cursor found is whatever encloses it.
        # A type is spelled with its tag: "struct napi_gro_receive".
        if cursor is None or cursor.spelling.rpartition(" ")[2] != name or _spelling(cursor.location) != (path, offset):
            return None
        return _entity(cursor)

    def references(self, name: str) -> dict[tuple[Path, int], Entity]:
        """Return all references to a function of that name, by place; walks the tree, which takes seconds.

        For a name written in a macro's body the place is where the macro is used (libclang 18 gives the place of
        expansion even when asked for the spelling), so the text found there is the macro's name.
        """
        found: dict[tuple[Path, int], Entity] = {}
        for top in self._tops():
            for cursor in top.walk_preorder():
                if cursor.kind == _CURSOR.DECL_REF_EXPR and cursor.spelling == name:
                    found[_spelling(cursor.location)] = _entity(cursor)
        return found

    def expansions(self, name: str) -> dict[tuple[Path, int], Entity]:
        """Return the uses of a macro of that name, by place (needs a full parse)."""
        return {
            _spelling(cursor.location): _entity(cursor)
            for cursor in self._unit.cursor.get_children()
            if cursor.kind == _CURSOR.MACRO_INSTANTIATION and cursor.spelling == name
        }

    def _tops(self) -> Iterator["clang.Cursor"]:
        preprocessor = (_CURSOR.MACRO_DEFINITION, _CURSOR.MACRO_INSTANTIATION, _CURSOR.INCLUSION_DIRECTIVE)
        for top in self._unit.cursor.get_children():
            if top.kind not in preprocessor and top.location.file is not None:
                yield top

    def inactive(self, path: Path) -> tuple[tuple[int, int], ...]:
        """Return the byte ranges of a file that the preprocessor left out (needs a full parse)."""
        file = self._file(path)
        if file is None:
            return ()
        lib = clang.conf.lib
        lib.clang_getSkippedRanges.restype = ctypes.POINTER(_SourceRanges)
        ranges = lib.clang_getSkippedRanges(self._unit, file)
        try:
            listed = [ranges.contents.ranges[i] for i in range(ranges.contents.count)]
            return tuple((r.start.offset, r.end.offset) for r in listed)
        finally:
            lib.clang_disposeSourceRangeList(ranges)

    def function_at(self, path: Path, name_offset: int, inside: int) -> str | None:
        """Return the name of the function defined at `name_offset` if its body spans the offset `inside`."""
        file = self._file(path)
        if file is None:
            return None
        location = clang.SourceLocation.from_offset(self._unit, file, self._place(path, name_offset))
        cursor = clang.Cursor.from_location(self._unit, location)
        if cursor is None or cursor.kind != _CURSOR.FUNCTION_DECL:
            return None
        if self.excerpt is not None:
            within = self.excerpt.body_after(cursor.extent.end.offset, inside)
        else:
            within = cursor.extent.start.offset <= inside < cursor.extent.end.offset
        return str(cursor.spelling) if within else None

    def _place(self, path: Path, offset: int) -> int:
        return self.excerpt.place(offset) if self.excerpt is not None and path == self.source else offset

    def _file(self, path: Path) -> object | None:
        if path not in self._files and self._unit is not None:
            file = clang.conf.lib.clang_getFile(self._unit, str(path))
            self._files[path] = clang.File(file) if file and self._reads(clang.File(file)) else None
        return self._files.get(path)

    def _reads(self, file: "clang.File") -> bool:
        # libclang gives a handle of any file that exists, but places only in those that the unit is made of.
        return clang.SourceLocation.from_offset(self._unit, file, 0).file is not None


def _spelling(location: "clang.SourceLocation") -> tuple[Path, int]:
    file, line, column, offset = clang.c_object_p(), ctypes.c_uint(), ctypes.c_uint(), ctypes.c_uint()
    clang.conf.lib.clang_getSpellingLocation(
        location, ctypes.byref(file), ctypes.byref(line), ctypes.byref(column), ctypes.byref(offset)
    )
    return (_path(clang.File(file)) if file else Path(), offset.value)


def _path(file: "clang.File") -> Path:
    # Named as it was reached: an include of "../rx.h" leaves the dots in.
    return Path(os.path.normpath(file.name))


def _entity(cursor: "clang.Cursor") -> Entity:
    if cursor.kind == _CURSOR.DECL_REF_EXPR:
        # The first declaration counts: a driver may repeat the kernel's.
        named = cursor.referenced.canonical if cursor.referenced else None
        meaning = Meaning.REFERENCE if named and named.kind == _CURSOR.FUNCTION_DECL else Meaning.OTHER
    elif cursor.kind == _CURSOR.FUNCTION_DECL:
        named = cursor.canonical
        meaning = Meaning.DECLARATION
    elif cursor.kind in (_CURSOR.MACRO_INSTANTIATION, _CURSOR.MACRO_DEFINITION):
        named = cursor.referenced or cursor
        meaning = Meaning.MACRO
    else:
        named = cursor
        meaning = Meaning.OTHER
    file = named.location.file if named else None
    return Entity(meaning, _path(file) if file else None)
