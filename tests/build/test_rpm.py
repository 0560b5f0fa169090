# SPDX-License-Identifier: GPL-2.0-or-later
"""Sources of RPM-family kernels: real source packages made by rpmbuild, in real repositories, had by the real dnf.

The repositories' configuration is mounted over the machine's in a mount namespace of its own, so that none is changed.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from omatic import errors, packages, proc, rpm
from omatic.model import PackageId

pytestmark = pytest.mark.kbuild

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "drivers/net/ethernet/acme/fast"
FEDORA = PackageId("kernel-devel", "6.8.5-301.fc40", "kernel", "6.8.5-301.fc40", "fedora")
_SPEC = """
%define patchversion 6.8
Name: kernel
Version: {version}
Release: {release}
Summary: The kernel
License: GPL-2.0-only
Source0: linux-{tarball}.tar.xz
Patch2: late-%{{patchversion}}.patch
Patch1: patch-%{{patchversion}}-redhat.patch
Patch999999: linux-kernel-test.patch
%description
A kernel.
"""
_FETCH = """
import json, sys
from pathlib import Path
from omatic import errors, fetch
from omatic.dirs import Cache
from omatic.model import KernelTarget, PackageId
package, cache, folder = json.loads(sys.argv[1])
target = KernelTarget("6.8.5", Path("/"), {}, Path("/"), "gcc", PackageId(*package))
try:
    tree = fetch.fetch(target, [Path(folder)], source="auto", cache=Cache(Path(cache)), offline=False)
    print(json.dumps([str(tree.root), tree.label, tree.exact]))
except errors.OmaticError as error:
    print(error.message, error.hint, *error.details, file=sys.stderr, sep="\\n")
    sys.exit(error.exit_code)
"""


@dataclass(frozen=True)
class Repository:
    """A folder with packages, and the folder whose configuration names it."""

    packages: Path
    configuration: Path
    cache: Path

    def fetch(self, package: PackageId) -> subprocess.CompletedProcess[str]:
        """Fetch a driver's sources where dnf knows this repository only."""
        given = [package.name, package.version, package.source, package.source_version, package.distribution]
        script = 'mount --bind "$1" /etc/yum.repos.d && shift && exec "$@"'
        argv: list[str | Path] = [
            "unshare",
            "--mount",
            "sh",
            "-c",
            script,
            "sh",
            self.configuration,
            sys.executable,
            "-c",
            _FETCH,
        ]
        asked = json.dumps([given, str(self.cache), FOLDER])
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run([*argv, asked], env=environment, capture_output=True, text=True, cwd=self.cache.parent)


@pytest.fixture
def place() -> Iterator[None]:
    """Where the configuration is mounted must be there."""
    folder = Path("/etc/yum.repos.d")
    there = folder.is_dir()
    folder.mkdir(exist_ok=True)
    yield
    if not there:
        folder.rmdir()


@pytest.fixture
def repository(tmp_path: Path, place: None) -> Repository:  # noqa: ARG001
    """A repository with the source packages of Fedora's kernel (with patches) and RHEL's (patched before)."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount another configuration")
    for tool in ("dnf", "createrepo_c", "rpmbuild"):
        if not proc.available(tool):
            pytest.skip(f"{tool} is not installed")
    made = Repository(tmp_path / "repository", tmp_path / "yum.repos.d", tmp_path / "cache")
    made.configuration.mkdir()
    source_package(made.packages, tmp_path / "fedora", "6.8.5", "301.fc40", "6.8.5", patched=False)
    source_package(made.packages, tmp_path / "rhel", "5.14.0", "427.el9", "5.14.0-427.el9", patched=True)
    proc.run(["createrepo_c", "--quiet", made.packages])
    configure(made, f"file://{made.packages}")
    return made


def configure(repository: Repository, address: str) -> None:
    """Write the configuration: one source repository, switched off as they all are."""
    text = f"[test-source]\nname=test\nbaseurl={address}\nenabled=1\ngpgcheck=0\nskip_if_unavailable=0\n"
    (repository.configuration / "test.repo").write_text(text)


def source_package(packages: Path, work: Path, version: str, release: str, tarball: str, *, patched: bool) -> None:
    """Make a source package as the distribution's kernel has it."""
    sources = work / "SOURCES"
    tree = sources / f"linux-{tarball}"
    (tree / FOLDER).mkdir(parents=True)
    (tree / "drivers/other").mkdir()
    before, after = "int fast(void) { return 1; }\n", "int fast(void) { return 2; }\n"
    (tree / FOLDER / "main.c").write_text('#include "fast.h"\n' + (after if patched else before))
    (tree / FOLDER / "fast.h").write_text("#define FAST 1\n")
    (tree / "drivers/other/other.c").write_text("int other;\n")
    proc.run(["tar", "-C", sources, "-cJf", sources / f"linux-{tarball}.tar.xz", tree.name])
    for name in ("patch-6.8-redhat.patch", "late-6.8.patch", "linux-kernel-test.patch"):
        (sources / name).write_text("")
    if not patched:
        for argv in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
            proc.run(["git", "-C", tree, "-c", "user.name=t", "-c", "user.email=t@localhost", *argv])
        (tree / FOLDER / "main.c").write_text('#include "fast.h"\n' + after)
        (tree / FOLDER / "extra.c").write_text("int extra = 1;\n")
        (tree / "drivers/other/other.c").write_text("int other = 1;\n")
        proc.run(["git", "-C", tree, "add", "-A"])
        first = proc.run(["git", "-C", tree, "diff", "--cached"]).stdout
        (sources / "patch-6.8-redhat.patch").write_text(f"Subject: of the distribution\n\n{first}")
        proc.run(["git", "-C", tree, "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-qm", "y"])
        (tree / FOLDER / "extra.c").write_text("int extra = 2;\n")
        (sources / "late-6.8.patch").write_text(proc.run(["git", "-C", tree, "diff"]).stdout)
    spec = work / "kernel.spec"
    spec.write_text(_SPEC.format(version=version, release=release, tarball=tarball))
    proc.run(["rpmbuild", "-bs", "--define", f"_topdir {work}", spec])
    packages.mkdir(exist_ok=True)
    for file in (work / "SRPMS").glob("*.src.rpm"):
        file.rename(packages / file.name)


def test_fedora(repository: Repository) -> None:
    """The tarball of the very release, with the distribution's patches, in the order of their numbers."""
    done = repository.fetch(FEDORA)
    assert done.returncode == 0, done.stderr
    root, label, exact = json.loads(done.stdout)
    assert (label, exact) == ("source package kernel 6.8.5-301.fc40", True)
    assert "return 2" in (Path(root) / FOLDER / "main.c").read_text()
    assert (Path(root) / FOLDER / "extra.c").read_text() == "int extra = 2;\n"
    assert (Path(root) / FOLDER / "fast.h").is_file()
    assert not (Path(root) / "drivers/other").exists()


def test_fetched_once(repository: Repository) -> None:
    """What was fetched is not asked for again."""
    assert repository.fetch(FEDORA).returncode == 0
    for file in repository.packages.glob("*.rpm"):
        file.unlink()
    assert repository.fetch(FEDORA).returncode == 0


def test_rhel(repository: Repository) -> None:
    """A tarball that is patched already, and patches that are empty."""
    done = repository.fetch(PackageId("kernel-devel", "5.14.0-427.el9", "kernel", "5.14.0-427.el9", "almalinux"))
    assert done.returncode == 0, done.stderr
    assert "return 2" in (Path(json.loads(done.stdout)[0]) / FOLDER / "main.c").read_text()


def test_a_release_that_is_gone(repository: Repository) -> None:
    """Another release than that of the kernel is never taken."""
    done = repository.fetch(PackageId("kernel-devel", "6.8.4-300.fc40", "kernel", "6.8.4-300.fc40", "fedora"))
    assert done.returncode == errors.SourceNotFound.exit_code
    assert "kernel" in done.stderr and "6.8.4-300.fc40" in done.stderr


def test_unreachable(repository: Repository) -> None:
    """No network is told from no such package."""
    configure(repository, "http://127.0.0.1:9/")
    done = repository.fetch(FEDORA)
    assert done.returncode == errors.SourceUnreachable.exit_code, done.stderr
    assert not list(repository.cache.rglob("*.rpm"))


def test_damaged(repository: Repository) -> None:
    """A package that is not what the repository's list says is refused, and nothing of it stays."""
    (file,) = repository.packages.glob("kernel-6.8.5*.src.rpm")
    file.write_bytes(file.read_bytes()[:-100] + b"x" * 100)
    done = repository.fetch(FEDORA)
    assert done.returncode == errors.SourceCorrupt.exit_code, done.stderr
    assert not list(repository.cache.rglob("linux-*"))


def test_suse(tmp_path: Path) -> None:
    """kernel-source is used where it is installed; its folder's name lacks the number of the rebuild."""
    (tmp_path / "linux-6.4.0-150600.23.60" / "drivers/net").mkdir(parents=True)
    package = PackageId(
        "kernel-default-devel", "6.4.0-150600.23.60.5", "kernel-default", "6.4.0-150600.23.60.5", "sles"
    )
    assert rpm.serves(package)
    assert rpm.installed_tree(package, tmp_path) == tmp_path / "linux-6.4.0-150600.23.60"


def test_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that rpm has installed is known with the source package that it was built from."""
    home = tmp_path / "rpmhome"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    config = tmp_path / "usr/src/kernels/6.8.5/.config"
    spec = tmp_path / "kernel.spec"
    spec.write_text(
        "Name: kernel\nVersion: 6.8.5\nRelease: 301.fc40\nSummary: x\nLicense: x\nBuildArch: noarch\n%description\nx\n"
        "%package devel\nSummary: x\n%description devel\nx\n"
        f"%install\nmkdir -p %{{buildroot}}{config.parent}\ntouch %{{buildroot}}{config}\n%files devel\n{config}\n"
    )
    proc.run(["rpmbuild", "-ba", "--define", f"_topdir {tmp_path / 'build'}", spec])
    (home / ".rpmmacros").write_text(f"%_dbpath {tmp_path / 'database'}\n")
    (built,) = (tmp_path / "build/RPMS").rglob("kernel-devel-*.rpm")
    config.parent.mkdir(parents=True)
    config.touch()
    proc.run(["rpm", "-i", "--justdb", "--nodeps", built])
    found = packages.owner(config)
    assert found is not None
    assert (found.name, found.version, found.source, found.source_version) == (
        "kernel-devel", "6.8.5-301.fc40", "kernel", "6.8.5-301.fc40",
    )  # fmt: skip
