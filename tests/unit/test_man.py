# SPDX-License-Identifier: GPL-2.0-or-later
"""Manual pages and completion, made from the command line: nothing is left out, and the real readers take them."""

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer

from omatic import cli, proc

ROOT = Path(__file__).resolve().parents[2]


def commands() -> dict[str, Any]:
    """Return every command that is not hidden, by its whole name ("dkms add"), the top by ""."""
    found = {"": typer.main.get_command(cli.app)}
    todo: list[tuple[str, Any]] = list(found.items())
    while todo:
        name, group = todo.pop()
        for word, below in getattr(group, "commands", {}).items():
            if not below.hidden:
                found[f"{name} {word}".strip()] = below
                todo.append((f"{name} {word}".strip(), below))
    return found


ALL = commands()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with man/ and completion/."""
    folder = tmp_path_factory.mktemp("share")
    for tool in ("man", "completion"):
        proc.run([sys.executable, ROOT / "tools" / f"{tool}.py", folder / tool])
    return folder


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_a_page(made: Path, name: str) -> None:
    """Its page names its help, all its options and arguments, and an example."""
    page = made / "man" / ("-".join(["pfq-omatic", *name.split()]) + ".1")
    text = page.read_text().replace("\\-", "-")
    for param in ALL[name].params:
        if not param.hidden and "completion" not in param.name:
            for option in param.opts if param.param_type_name == "option" else ():
                assert f"\\fB{option}\\fR" in text, option
    assert hasattr(ALL[name], "commands") or f"pfq-omatic {name}" in text.partition(".SH EXAMPLES")[2]
    if proc.available("man"):
        shown = proc.run(["man", "--warnings", "-E", "UTF-8", "-l", page], env={"MANWIDTH": "80"})
        assert shown.stderr == ""
        assert " ".join(ALL[name].help.split())[:30] in " ".join(shown.stdout.split())


def test_no_other_pages(made: Path) -> None:
    """There is no page of a command that does not exist."""
    assert len(list((made / "man").iterdir())) == len(ALL)


def test_the_main_page_explains_exit_codes(made: Path) -> None:
    """Scripts find what an exit code means in the manual."""
    text = (made / "man/pfq-omatic.1").read_text().partition(".SH EXIT STATUS")[2]
    for code in ("0", "13", "130"):
        assert f"\\fB{code}\\fR" in text


def bash(made: Path, *words: str) -> list[str]:
    """Return what bash would offer."""
    script = (
        'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _pfq_omatic 2>/dev/null;'
        ' printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = proc.run(["bash", "-c", script, "bash", made / "completion/pfq-omatic", "pfq-omatic", *words])
    return done.stdout.split()


@pytest.mark.parametrize("name", ALL)
def test_bash_offers_everything(made: Path, name: str) -> None:
    """Commands and options, at every depth; the value of an option is not taken for a command."""
    below = [word for word, child in getattr(ALL[name], "commands", {}).items() if not child.hidden]
    assert set(below) <= set(bash(made, "--cache-dir", "build", *name.split(), ""))
    options = {o for p in ALL[name].params if p.param_type_name == "option" and not p.hidden for o in p.opts}
    offered = set(bash(made, *name.split(), "-"))
    assert {o for o in options if "completion" not in o} <= offered
    assert "--help" in offered


def test_bash_offers_values(made: Path, tmp_path: Path) -> None:
    """Folders for an option that takes one, and kernels for --kernel."""
    (tmp_path / "folder").mkdir()
    assert bash(made, "build", "--output", f"{tmp_path}/fo") == [f"{tmp_path}/folder"]
    present = sorted(path.name for path in Path("/lib/modules").iterdir()) if Path("/lib/modules").is_dir() else []
    assert sorted(bash(made, "build", "--kernel", "")) == present


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_read_theirs(made: Path, shell: str) -> None:
    """The files are good zsh and fish; fish says what it offers."""
    if not proc.available(shell):
        pytest.skip(f"{shell} is not installed")
    path = made / "completion" / {"zsh": "_pfq-omatic", "fish": "pfq-omatic.fish"}[shell]
    proc.run([shell, "-n", path])
    if shell == "fish":
        done = proc.run([shell, "-c", f"source {path}; complete -C 'pfq-omatic dkms '; complete -C 'pfq-omatic ver'"])
        assert {"add", "remove", "verify"} <= {line.split("\t")[0] for line in done.stdout.splitlines()}


def test_packages_need_what_the_program_needs() -> None:
    """Every dependency of the wheel is one of the Debian and of the RPM package, or is brought along."""
    other = {"typer": None, "libclang": "python3-clang", "gitpython": "python3-git"}
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    debian = (ROOT / "packaging/debian/control").read_text().lower()
    spec = (ROOT / "packaging/rpm/pfq-omatic.spec").read_text().lower()
    for name in (re.split(r"[<>=;\[ ]", line)[0].lower() for line in wheel):
        package = other.get(name, f"python3-{name}")
        assert package is None or (package in debian and package in spec), name
