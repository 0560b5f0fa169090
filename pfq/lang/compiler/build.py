# SPDX-License-Identifier: GPL-2.0-or-later
"""Compile: text, the modules that it imports, types, and the term that remains of `main`."""

from dataclasses import dataclass
from pathlib import Path

from pfq.errors import Unreadable
from pfq.lang.compiler import infer, names, parse, syntax
from pfq.lang.compiler.kinds import Scheme
from pfq.lang.compiler.reduce import Made, Meaning, Reduction
from pfq.lang.compiler.source import Place, Source
from pfq.lang.term import Function

SUFFIXES = (".pfq", ".hs")
_HASKELLS_OWN = ("Prelude", "Data.", "Control.", "Network.PFQ")
"""Modules that PFQ's programs import, and which are built in here."""


@dataclass(frozen=True, slots=True)
class Known:
    """A definition with its type and meaning."""

    definition: syntax.Definition
    scheme: Scheme
    meaning: Meaning


def compile_file(path: Path, imports: tuple[str, ...] = ()) -> Function:
    """Return the program in a file. Raises CompileError or Unreadable."""
    return compile_text(read(path), name=str(path), folder=path.parent, imports=imports)


def read(path: Path) -> str:
    """Return a file's text. Raises Unreadable."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Unreadable(f"{path}: {(error.strerror or str(error)).lower()}", hint="give an existing file") from None
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path}: byte {error.start} is not UTF-8", hint="save the program as UTF-8") from None


def compile_text(text: str, *, name: str = "program", folder: Path = Path(), imports: tuple[str, ...] = ()) -> Function:
    """Return the program that a text is; `imports` are modules to be had beside those that it imports itself."""
    source = Source(name, text, folder)
    start = Place(source, 1, 1)
    try:
        known = _Compilation().module(source, tuple(syntax.Import(start, module, None) for module in imports))
    except RecursionError:
        raise start.error("the program is too deep", "definitions use others too often in a row") from None
    main = known.get("main")
    if main is None or main.definition.name.place.source is not source:
        raise start.error("there is no main", "write one: main = ip >-> tcp >-> steer_flow")
    infer.main(main.scheme, main.definition.name.place, main.definition.body)
    assert isinstance(main.meaning, Made) and isinstance(main.meaning.term, Function)
    return main.meaning.term


class _Compilation:
    def __init__(self) -> None:
        self.done: dict[Path, dict[str, Known]] = {}
        self.doing: list[Path] = []
        self.reduction = Reduction()

    def module(self, source: Source, imports: tuple[syntax.Import, ...]) -> dict[str, Known]:
        """Return what a text defines and imports."""
        made = parse.module(source)
        known: dict[str, Known] = {}
        for wanted in (*imports, *made.imports):
            self._bring_in(known, wanted)
        own = names.ordered(made.definitions)
        for each in own:
            if each.name.name != "main" and names.builtin(each.name.name) is not None:
                raise each.name.place.error(
                    f"{each.name.name} is a built-in function already", "give the definition another name"
                )
        for each in own:
            known.pop(each.name.name, None)
        for each in own:
            scheme = infer.definition(each, {name: found.scheme for name, found in known.items()})
            if each.name.name == "main":
                infer.main(scheme, each.name.place, each.body)
            meaning = self.reduction.evaluate(each.body, {name: found.meaning for name, found in known.items()})
            known[each.name.name] = Known(each, scheme, meaning)
        return known

    def _bring_in(self, known: dict[str, Known], wanted: syntax.Import) -> None:
        if wanted.module.startswith(_HASKELLS_OWN):
            return
        found = self._load(wanted)
        found = {name: each for name, each in found.items() if name != "main"}
        for asked in wanted.names or ():
            if asked.name not in found:
                raise asked.place.error(
                    f"{wanted.module} has no '{asked.name}'", f"it has {', '.join(sorted(found)) or 'nothing'}"
                )
        names_wanted = found.keys() if wanted.names is None else {name.name for name in wanted.names}
        for name in sorted(names_wanted):
            if name in known and known[name].definition is not found[name].definition:
                raise wanted.place.error(
                    f"{name} comes from {wanted.module} and from {known[name].definition.name.place.source.name}",
                    f"import only what you need: import {wanted.module} (...)",
                )
            known[name] = found[name]

    def _load(self, wanted: syntax.Import) -> dict[str, Known]:
        stem = wanted.place.source.folder.joinpath(*wanted.module.split("."))
        path = next((stem.with_suffix(suffix) for suffix in SUFFIXES if stem.with_suffix(suffix).is_file()), None)
        if path is None:
            raise wanted.place.error(
                f"there is no module {wanted.module}", f"it would be {stem.with_suffix(SUFFIXES[0])}"
            )
        path = path.resolve()
        if path in self.doing:
            raise wanted.place.error(f"{wanted.module} imports itself", "move what both need to a third module")
        if path not in self.done:
            self.doing.append(path)
            self.done[path] = self.module(Source(str(stem.with_suffix(path.suffix)), read(path), path.parent), ())
            self.doing.pop()
        return self.done[path]
