# SPDX-License-Identifier: GPL-2.0-or-later
"""Golden programs of pfq-lang: what they compile to, or what is said of them.

lang/right/NAME.pfq and NAME.out (the term, then its JSON); lang/wrong/NAME.pfq and NAME.out (the error). Names with a
capital are modules that others import. `make golden` writes the .out files anew.
"""

from pathlib import Path

import pytest

from pfq.errors import CompileError
from pfq.lang import jsonform, show
from pfq.lang.compiler import build, tidy
from pfq.lang.compiler.source import Source
from pfq.lang.term import Function

HERE = Path(__file__).resolve().parent / "lang"


def programs(folder: str) -> list[Path]:
    """Return the programs of a folder, without the modules."""
    return sorted(path for path in (HERE / folder).glob("*.pfq") if path.name[0].islower())


def compile_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> Function:
    """Compile a program as if called in its folder, so that no path of this machine is in messages."""
    monkeypatch.chdir(path.parent)
    return build.compile_file(Path(path.name))


def compare(path: Path, text: str, *, update: bool) -> None:
    """Compare with a golden file, or write it."""
    if update:
        path.write_text(text)
    assert text == path.read_text()


def test_there_are_enough() -> None:
    """Sixty programs, half of them wrong."""
    assert len(programs("right")) >= 30 and len(programs("wrong")) >= 30
    for folder in ("right", "wrong"):
        assert {path.stem for path in (HERE / folder).glob("*.out")} == {path.stem for path in programs(folder)}


@pytest.mark.parametrize("path", programs("right"), ids=lambda path: path.stem)
def test_right(path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program becomes what it should; its term compiles to itself, and the formatter changes nothing in it."""
    made = compile_there(path, monkeypatch)
    update = request.config.getoption("--update-golden")
    compare(path.with_suffix(".out"), f"{made}\n{jsonform.dumps(made)}\n", update=update)
    assert build.compile_text(f"main = {made}\n").same(made)
    assert build.compile_text(
        "main =\n" + "".join(f"  {line}\n" for line in show.indented(made.chain).split("\n"))
    ).same(made)
    tidied = tidy.tidy(Source(path.name, path.read_text(), path.parent))
    assert build.compile_text(tidied, name=path.name, folder=path.parent).same(made)
    assert tidy.tidy(Source(path.name, tidied, path.parent)) == tidied


@pytest.mark.parametrize("path", programs("wrong"), ids=lambda path: path.stem)
def test_wrong(path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong program is told where, why and what to do, in these words."""
    with pytest.raises(CompileError) as raised:
        compile_there(path, monkeypatch)
    compare(path.with_suffix(".out"), f"{raised.value}\n", update=request.config.getoption("--update-golden"))
