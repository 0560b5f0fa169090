# SPDX-License-Identifier: GPL-2.0-or-later
"""The shape of the house: layers without cycles, one module for each dangerous thing, limits on size."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from omatic import proc

ROOT = Path(__file__).resolve().parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for package in ("omatic", "pfq")
    for path in sorted((ROOT / package).rglob("*.py"))
}
MODULE_LINES, FUNCTION_LINES = 450, 60
C_FILE_LINES = 800


def tree(name: str) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(MODULES[name].read_text())


def imported(node: ast.AST) -> Iterator[str]:
    """Yield the modules that an import statement names, submodules written as `from package import module` too."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports(name: str) -> set[str]:
    """Return what a module imports, anywhere in it."""
    return {found for node in ast.walk(tree(name)) for found in imported(node)}


def test_no_import_cycles() -> None:
    """The modules form layers: no module reaches itself through its imports."""
    graph = {name: imports(name) & MODULES.keys() - {"omatic"} for name in MODULES}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path[path.index(name) :], name))
        if name not in done:
            for other in sorted(graph[name]):
                visit(other, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize(
    ("package", "only"),
    [
        ("subprocess", {"omatic.proc", "pfq.lang.graph"}),
        ("clang", {"omatic.cindex"}),
        ("git", {"omatic.gitio"}),
    ],
)
def test_one_module_imports(package: str, only: set[str]) -> None:
    """Programs are run, C is parsed and git is used in one module each (of a package)."""
    users = {name for name in MODULES if any(found.split(".")[0] == package for found in imports(name))}
    assert users == only


def test_the_packages_do_not_know_each_other() -> None:
    """Who captures with Python needs nothing of what makes drivers, and the other way round."""
    for name in MODULES:
        other = "pfq" if name.startswith("omatic") else "omatic"
        assert other not in {found.split(".")[0] for found in imports(name)}, name


def test_nobody_runs_programs_behind_proc() -> None:
    """os.system and its relatives would get round the one wrapper."""
    for name in MODULES:
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
                assert not node.attr.startswith(("system", "popen", "exec", "spawn", "posix_spawn")), name
                assert node.attr != "chdir", f"{name}: the current directory belongs to the user"


def test_only_cli_prints_and_exits() -> None:
    """Results are printed and exit codes given in one place."""
    for name in MODULES:
        if name.startswith(("omatic.cli", "pfq.lang.cli")):
            continue
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("print", "exit", "quit", "sys.exit", "sys.stdout.write"), f"{name}: {called}"


def test_the_command_line_is_light() -> None:
    """Starting loads nothing but typer: help and completion are quick, and packages make theirs without the rest."""
    said = "import sys; from omatic import cli; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = set(proc.run([sys.executable, "-c", said], cwd=ROOT).stdout.split())
    assert "typer" in loaded
    assert not loaded & {"asn1crypto", "clang", "elftools", "filelock", "git", "jinja2", "pyroute2", "zstandard"}


def test_init_files_are_empty_of_code() -> None:
    """A package's __init__ that re-exports would tie its modules into a knot."""
    for name in (name for name in MODULES if name.endswith("__init__")):
        statements = [node for node in tree(name).body if not isinstance(node, ast.Expr)]
        assert all(isinstance(node, ast.Assign) for node in statements), name


def public(inside: ast.Module | ast.ClassDef) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """Yield what others may use: not what is inside of functions and private classes."""
    for node in inside.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node)


@pytest.mark.parametrize("name", MODULES)
def test_sizes_and_docstrings(name: str) -> None:
    """Modules and functions stay readable, and say what they are for."""
    text = MODULES[name].read_text()
    assert len(text.splitlines()) <= MODULE_LINES
    assert text.startswith("# SPDX-License-Identifier: GPL-2.0-or-later\n")
    if not name.endswith("__init__"):
        assert ast.get_docstring(tree(name))
    for each in public(tree(name)):
        assert ast.get_docstring(each), f"{name}.{each.name} has no docstring"
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES, f"{name}.{node.name}"


def test_c_files_are_short_and_licensed() -> None:
    """One concept per C file."""
    files = [path for top in ("kernel", "user") for path in (ROOT / top).rglob("*.[ch]")]
    for path in files:
        if path.name.endswith(".mod.c"):
            continue
        text = path.read_text()
        assert len(text.splitlines()) <= C_FILE_LINES, path
        assert "SPDX-License-Identifier: GPL-2.0" in text.splitlines()[0], path


def test_kernel_version_conditionals_only_in_compat() -> None:
    """Core code is written for the newest kernel; what older ones lack is in kernel/compat/."""
    for path in (ROOT / "kernel").rglob("*.[ch]"):
        if "compat" not in path.parts and not path.name.endswith(".mod.c"):
            assert "LINUX_VERSION_CODE" not in path.read_text(), path
