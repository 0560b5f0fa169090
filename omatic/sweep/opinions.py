# SPDX-License-Identifier: GPL-2.0-or-later
"""Second opinions on where a driver delivers: the text alone, Coccinelle, and the object code of the stock module.

None of them decides anything: the plan follows libclang, and the proofs follow the object code. But where two ways of
looking differ, the reason is a class with a name, or nobody knows it and the report says so.

* census: every mention in code counts as a site; what libclang made of those that it left alone.
* spatch: parses C without preprocessing it, so it sees all #if arms, but neither headers, nor macros, nor values.
* relocations: the calls that are left after the compiler has inlined and merged.
* twin: the stock module with its imports renamed, against ours.
"""

import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omatic import elf, proc, state
from omatic.dirs import write_atomically
from omatic.errors import CommandError
from omatic.model import REWRITTEN, Kind, Site, Verdict
from omatic.pipeline import Outcome, Selection, Settings
from omatic.render import render
from omatic.rules import RULES
from omatic.sweep.result import Disagreement
from omatic.verify import EQUAL_SECTIONS

NOT_COMPILED = "this configuration does not compile the file"

Place = tuple[str, int, str]
"""File, line and delivery function."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was said: one line for each opinion, and where they differ from the plan."""

    opinions: tuple[str, ...]
    disagreements: tuple[Disagreement, ...]


def ask(outcome: Outcome, chosen: Selection, settings: Settings) -> Asked:
    """Return what the second opinions say of a module that was built."""
    sites = outcome.plan.sites
    left = census(sites)
    said = [f"census: {len(outcome.plan.rewritten) + len(left)} mentions in code, {len(left)} of them no sites"]
    renamed = _renamed(outcome)
    functions = {original(symbol.name) for symbol in elf.load(outcome.module).symbols if symbol.section}
    compiled = relocations(outcome.plan.rewritten, renamed, functions)
    said.append(f"relocations: {len(renamed)} call targets in the object code")
    verdicts = {check.name: check.verdict for check in outcome.report.checks}
    differing = (*left, *compiled, *twin(verdicts, proven=_proof(outcome) == EQUAL_SECTIONS))
    seen = _spatch(sites, chosen, settings)
    if seen is None:
        said.append("spatch: not installed")
        return Asked(tuple(said), differing)
    said.append(f"spatch: {len(seen)} calls")
    blind = unparsed([site for site in outcome.plan.rewritten if _at(site) not in seen], chosen.sources.root)
    return Asked(tuple(said), (*differing, *spatch(sites, seen, blind)))


def twin(verdicts: Mapping[str, Verdict], *, proven: bool) -> tuple[Disagreement, ...]:
    """Compare the two ways to prove that only callees changed: by our vanilla build, and by the stock module."""
    if verdicts["minimality"] is verdicts["twin"] or verdicts["twin"] is Verdict.SKIP:
        return ()
    kind = "other than minimality" if proven else "starts from the stock module, which the vanilla build does not equal"
    return (Disagreement("twin", kind, f"minimality {verdicts['minimality'].value}", explained=not proven),)


def _proof(outcome: Outcome) -> str:
    return next(str(c.evidence.get("proof", "")) for c in outcome.report.checks if c.name == "provenance")


def census(sites: Iterable[Site]) -> tuple[Disagreement, ...]:
    """Return the mentions in code that a search for the name would have rewritten, and the plan did not."""
    textual = (Kind.COMMENT, Kind.STRING)
    return tuple(
        Disagreement(
            "census", f"{site.kind.value}: {_class(site.note)}", _place(site), site.kind is not Kind.UNEXPLAINED
        )
        for site in sites
        if site.kind not in REWRITTEN and site.kind not in textual
    )


def _class(note: str) -> str:
    # The class, without the names that make each note one of its own. What the Makefile leaves out of this module may
    # be another module of the same folder.
    if note == NOT_COMPILED:
        return "not compiled into this module"
    return re.sub(r" \(.*\)$", "", re.sub(r"macro \w+", "macro", note)) or "left alone"


def spatch(
    sites: Sequence[Site], seen: Iterable[Place], unparsed: Container[Place] = frozenset()
) -> tuple[Disagreement, ...]:
    """Compare the plan with the calls that Coccinelle would rewrite; `unparsed` are in code that it gives up on."""
    theirs = Counter(seen)
    known = {_at(site): site for site in sites}
    ours = Counter(_at(site) for site in sites if site.kind in REWRITTEN)
    found = [_unseen(known[place], unparsed) for place in sorted((ours - theirs).elements())]
    for place in sorted((theirs - ours).elements()):
        site = known.get(place)
        if site is None or site.kind in REWRITTEN:
            path, line, name = place
            found.append(Disagreement("spatch", "seen by spatch alone", f"{path}:{line}: {name}", explained=False))
        else:
            kind = f"rewritten by spatch though {site.kind.value}: {_class(site.note)}"
            found.append(Disagreement("spatch", kind, _place(site), explained=site.kind is not Kind.UNEXPLAINED))
    return tuple(found)


def _unseen(site: Site, unparsed: Container[Place]) -> Disagreement:
    blind = {Kind.ADDRESS: "functions that are used as values", Kind.MACRO: "the bodies of macros"}
    if what := "headers" if site.path.endswith(".h") else blind.get(site.kind):
        return Disagreement("spatch", f"spatch does not look into {what}", _place(site), explained=True)
    if _at(site) in unparsed:
        return Disagreement("spatch", "spatch cannot parse the function", _place(site), explained=True)
    return Disagreement("spatch", "not seen by spatch", _place(site), explained=False)


def _at(site: Site) -> Place:
    return site.path, site.line, site.name


def relocations(
    rewritten: Iterable[Site], renamed: Iterable[Mapping[str, str]], functions: Container[str]
) -> tuple[Disagreement, ...]:
    """Compare source sites with the call targets that changed in the object code, function by function.

    `functions` are those that the object code has: a function of the source that is not among them was inlined.
    """
    sites = Counter((site.name, site.function or "") for site in rewritten)
    calls = Counter((call["old"], original(call["function"].split("+")[0])) for call in renamed)
    moved = {name for name, function in sites.keys() - calls.keys() if function not in functions}
    found = []
    for name, function in sorted(sites.keys() | calls.keys()):
        planned, compiled = sites[name, function], calls[name, function]
        if planned == compiled:
            continue
        explained = True
        if compiled == 0 and not function:
            kind = "written in the body of a macro"
        elif compiled == 0:
            explained = function not in functions
            kind = "inlined into its callers" if explained else "left out by the compiler"
        elif planned == 0:
            explained = name in moved
            kind = "holds a call that was inlined into it" if explained else "a call from nowhere"
        else:
            kind = "copied by the compiler" if compiled > planned else "merged by the compiler"
        place = f"{function or 'outside a function'}: {name}, {planned} in the source, {compiled} compiled"
        found.append(Disagreement("relocations", kind, place, explained))
    return tuple(found)


def original(function: str) -> str:
    """Return the function of the source that the compiler made this one of: rx.isra.0, rx.cold are rx."""
    return function.partition(".")[0]


def _renamed(outcome: Outcome) -> list[Mapping[str, str]]:
    checks = {check.name: check for check in outcome.report.checks}
    listed = checks["minimality"].evidence["renamed"]
    assert isinstance(listed, list)
    return listed


def _place(site: Site) -> str:
    return f"{site.path}:{site.line}: {site.name}"


# --- running Coccinelle


def _spatch(sites: Sequence[Site], chosen: Selection, settings: Settings) -> list[Place] | None:
    """Return the calls that spatch finds in the files that mention a delivery function; None if there is no spatch."""
    if not proc.available("spatch"):
        return None
    root = chosen.sources.root
    # What is not compiled is another module's, in a folder of several: census says so, and that is enough.
    compiled = {site.path for site in sites if site.path.endswith(".c") and site.note != NOT_COMPILED}
    files = sorted(path for path in compiled if (root / path).is_file())
    if not files:
        return []
    asked = rules()
    key = state.digest("spatch", asked, [(path, (root / path).read_text(errors="replace")) for path in files])[:24]
    kept = settings.cache.flags / f"spatch-{key}.diff"
    if not kept.is_file():
        script = settings.cache.flags / f"opinion-{state.digest(asked)[:24]}.cocci"
        write_atomically(script, asked.encode())
        argv: list[str | Path] = ["spatch", "--very-quiet", "--sp-file", script, *(root / path for path in files)]
        try:
            said = proc.run(argv, timeout=900).stdout
        except CommandError as error:
            said = error.output
        write_atomically(kept, said.encode())
    return list(calls(kept.read_text(), f"{root}/"))


def unparsed(unseen: Sequence[Site], root: Path) -> frozenset[Place]:
    """Return those of the sites that are in code which spatch itself calls unparsable."""
    found: set[Place] = set()
    for path in {site.path for site in unseen if site.kind is Kind.CALL and site.path.endswith(".c")}:
        said = proc.run(["spatch", "--parse-c", root / path], timeout=300, check=False)
        bad = {line.strip() for line in _BAD.findall(said.stdout + said.stderr)}
        lines = (root / path).read_text(errors="replace").splitlines()
        found.update(_at(site) for site in unseen if site.path == path and lines[site.line - 1].strip() in bad)
    return frozenset(found)


_BAD = re.compile(r"^(?:bad:|BAD:!+) (.*)$", re.MULTILINE)


def rules() -> str:
    """Return what Coccinelle is asked."""
    listed = []
    for rule in RULES:
        names = [re.findall(r"\w+", parameter)[-1] for parameter in rule.parameters.split(",")]
        listed.append({"callee": rule.callee, "twin": rule.twin, "names": names})
    return render("opinion.cocci.j2", rules=listed)


_HUNK = re.compile(r"^@@ -(\d+)")
_CALLEE = re.compile(r"(?<!\w)(" + "|".join(rule.callee for rule in RULES) + r")\s*\(")


def calls(diff: str, prefix: str) -> Iterable[Place]:
    """Yield the calls on the removed lines of a diff, by place in the old file; `prefix` is cut off its name."""
    path, line = "", 0
    for text in diff.splitlines():
        if text.startswith("--- "):
            path = text[4:].split("\t")[0].removeprefix(prefix)
        elif hunk := _HUNK.match(text):
            line = int(hunk[1])
        elif text.startswith("-"):
            yield from ((path, line, name) for name in _CALLEE.findall(text))
            line += 1
        elif not text.startswith(("+", "\\")):
            line += 1
