# SPDX-License-Identifier: GPL-2.0-or-later
"""Every kind of mention of a delivery function: scanned, planned, rewritten, and scanned again.

A case is a folder: case.toml (why, the C files compiled, macros defined), in/ (the driver), and what must come out:
plan.json and rewrite.diff, or, where the name ends in -FAIL, refusal.txt. `--update-golden` writes them anew.
"""

import difflib
import json
import shutil
import tomllib
from pathlib import Path

import pytest

from omatic import plan, rewrite, sites
from omatic.cindex import Flags
from omatic.errors import PlanRefused
from omatic.model import REWRITTEN, CompileCommand, Plan, Scan, Site
from omatic.render import render
from omatic.rules import RULES

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/case.toml"))


def scan(tree: Path, case: dict[str, list[str]], flags: Path, *extra: str) -> Scan:
    """Scan a driver below `tree` as the pipeline does, with the toy kernel's header on the include path."""
    options = ("-std=gnu11", "-nostdinc", f"-I{HERE / 'kernel'}", *(f"-D{name}" for name in case["defines"]), *extra)
    commands = [
        CompileCommand(f"drv/{name}", f"drv/{name}.o", (*options, "-c", "-o", "x.o", name), tree)
        for name in case["compile"]
    ]
    files = [str(path.relative_to(tree)) for path in sorted((tree / "drv").rglob("*.[ch]"))]
    return sites.scan(tree, files, commands, Flags(flags), jobs=2)


def replacement(site: Site, twin: str) -> str:
    """Render a site's replacement from the real template."""
    return render("site.j2", site=site, twin=twin)


def as_json(made: Plan) -> str:
    """Return a plan in the golden form."""
    listed = [
        {
            "place": f"{site.path}:{site.line}:{site.column}",
            "name": site.name,
            "kind": site.kind.value,
            "function": site.function,
            "note": site.note,
            "units": list(site.units),
        }
        for site in made.sites
    ]
    return json.dumps({"sites": listed, "twins": list(made.twins), "units": list(made.units)}, indent=1) + "\n"


def patch(before: Path, after: Path) -> str:
    """Return the difference between two trees."""
    lines: list[str] = []
    for path in sorted(path.relative_to(before) for path in before.rglob("*.[ch]")):
        old, new = ((top / path).read_bytes().decode("latin-1").splitlines(keepends=True) for top in (before, after))
        lines += difflib.unified_diff(old, new, f"a/{path}", f"b/{path}", n=1)
    return "".join(lines)


def compare(path: Path, text: str, *, update: bool) -> None:
    """Compare with a golden file, or write it."""
    if update:
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_case(folder: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """One case: plan and rewrite are the golden ones, or the refusal is."""
    case = tomllib.loads((folder / "case.toml").read_text())
    assert case.keys() == {"why", "compile", "defines"} and case["why"]
    update = request.config.getoption("--update-golden")
    before, after = tmp_path / "before", tmp_path / "after"
    shutil.copytree(folder / "in", before / "drv")
    found = scan(before, case, tmp_path / "flags")
    if folder.name.endswith("-FAIL"):
        with pytest.raises(PlanRefused) as refused:
            plan.make(found, (), replacement)
        text = "\n".join((refused.value.message, *refused.value.details, f"hint: {refused.value.hint}")) + "\n"
        compare(folder / "refusal.txt", text, update=update)
        return
    made = plan.make(found, (), replacement)
    compare(folder / "plan.json", as_json(made), update=update)

    shutil.copytree(before, after)
    generated = {"pfq/hook.h": render("hook.h.j2", rules=[rule for rule in RULES if rule.twin in made.twins])}
    rewrite.rewrite(after, made.edits, generated)
    compare(folder / "rewrite.diff", patch(before, after), update=update)

    # What was rewritten parses with the twins' header forced in, and no site is left.
    again = scan(after, case, tmp_path / "flags", "-include", str(after / "pfq/hook.h"))
    assert not again.errors
    assert [site for site in again.sites if site.kind in REWRITTEN] == []
