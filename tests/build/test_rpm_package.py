# SPDX-License-Identifier: GPL-2.0-or-later
"""The RPM packages, built as `make rpm` does, and the program unpacked from them."""

import subprocess
import sys
from pathlib import Path

import pytest

from omatic import __version__, proc

pytestmark = pytest.mark.packages

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the packages."""
    folder = tmp_path_factory.mktemp("rpm")
    proc.run([ROOT / "tools/rpm.sh", folder], timeout=1200)
    return folder


def test_its_files(packages: Path) -> None:
    """Program, data, manual pages and completion are where they are looked for."""
    listed = set(proc.run(["rpm", "-qpl", packages / f"pfq-omatic-{__version__}-1.noarch.rpm"]).stdout.splitlines())
    assert {
        "/usr/bin/pfq-lang",
        "/usr/bin/pfq-omatic",
        "/usr/lib/pfq-omatic/pfq/lang/compiler/tables.json",
        "/usr/share/man/man1/pfq-omatic-build.1",
        "/usr/share/bash-completion/completions/pfq-omatic",
        "/usr/share/zsh/site-functions/_pfq-omatic",
        "/usr/share/fish/vendor_completions.d/pfq-omatic.fish",
    } <= {path.removesuffix(".gz") for path in listed}
    tracked = proc.run(["git", "-C", ROOT, "ls-files", "templates", "patches", "kernel"]).stdout.split()
    assert {f"/usr/lib/pfq-omatic/omatic/data/{name}" for name in tracked} <= listed
    dkms = proc.run(["rpm", "-qp", "--requires", packages / f"pfq-dkms-{__version__}-1.noarch.rpm"]).stdout
    assert {"dkms", f"pfq-omatic = {__version__}-1"} <= set(dkms.splitlines())
    assert (packages / f"pfq-omatic-{__version__}-1.src.rpm").is_file()


def test_it_runs(packages: Path, tmp_path: Path) -> None:
    """Unpacked, the program runs with what the package brings along."""
    with proc.reading(["rpm2cpio", packages / f"pfq-omatic-{__version__}-1.noarch.rpm"]) as stream:
        done = proc.feed(["cpio", "-id", "--quiet"], iter(lambda: stream.read(1 << 20), b""), cwd=tmp_path)
    assert done.returncode == 0
    private = tmp_path / "usr/lib/pfq-omatic"
    launcher = (tmp_path / "usr/bin/pfq-omatic").read_text().replace("/usr/lib/pfq-omatic", str(private))
    assert launcher.startswith("#!/usr/bin/python3 -I\n")
    code = "import typer; assert typer.__file__.startswith(sys.path[0])\nmain()"
    argv = [sys.executable, "-I", "-c", launcher.replace("\nmain()", f"\n{code}"), "--version"]
    said = subprocess.run(argv, capture_output=True, text=True)
    assert said.stdout == f"pfq-omatic {__version__}\n", said.stderr
