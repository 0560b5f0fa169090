# SPDX-License-Identifier: GPL-2.0-or-later
"""The wheel carries all that the program needs: installed elsewhere, without the checkout, it builds a driver."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from omatic import proc
from tests.build.conftest import Command

pytestmark = pytest.mark.kbuild

ROOT = Path(__file__).resolve().parents[2]


def test_wheel_works_without_the_checkout(private: Command, tmp_path: Path) -> None:
    """Templates, patches, kernel and user sources and the laboratory's guest files are in it and found."""
    source = tmp_path / "source"
    proc.run(["git", "clone", "--quiet", ROOT, source])
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    proc.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path / "dist", source])
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = proc.run(["git", "-C", ROOT, "ls-files", "templates", "patches", "kernel"]).stdout.split()
    assert {f"omatic/data/{name}" for name in tracked} <= names
    guest = proc.run(["git", "-C", ROOT, "ls-files", "omatic/lab/guest"]).stdout.split()
    assert set(guest) <= names
    assert {"pfq/py.typed", "pfq/lang/compiler/grammar.lark", "pfq/lang/compiler/tables.json"} <= names
    target = tmp_path / "installed"
    proc.run([*pip, "install", "--no-deps", "--target", target, wheel])
    # -I keeps the checkout, which the environment has installed in place, behind the folder that is asked first.
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from omatic.cli import main; main()"
    argv = [sys.executable, "-I", "-c", code, target, "--cache-dir", private.cache]
    done = subprocess.run(
        [*map(str, argv), "build", "vmxnet3", "--kernel", private.release, "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["refused"] is None
    assert not (target / "drivers-cache").exists()
