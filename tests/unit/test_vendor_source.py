# SPDX-License-Identifier: GPL-2.0-or-later
"""What a vendor's source is, and what a kernel tree is; folders, archives and repositories brought here whole."""

import shutil
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from omatic import proc
from omatic.dirs import Cache
from omatic.errors import UsageError
from omatic.model import KernelTarget
from omatic.vendor import source
from omatic.vendor.source import VendorSource

VENDORS = Path(__file__).parents[1] / "vendors"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """An empty cache."""
    return Cache(tmp_path / "cache")


@pytest.fixture
def target(tmp_path: Path) -> KernelTarget:
    """A kernel of which only the version is asked."""
    build = tmp_path / "headers"
    build.mkdir()
    (build / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 0\n")
    return KernelTarget("6.1.0-1-toy", build, {}, build / "Module.symvers", "gcc", None)


@pytest.fixture
def swift(tmp_path: Path) -> Path:
    """A driver with src/Makefile, apart from any repository."""
    return Path(shutil.copytree(VENDORS / "swift", tmp_path / "swift-1.2"))


def git(folder: Path, *arguments: str) -> str:
    """Run git on a repository."""
    identity = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    return proc.run(["git", "-C", folder, *identity, *arguments]).stdout.strip()


def repository(folder: Path) -> str:
    """Make a repository of a folder; return its commit."""
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        git(folder, *arguments)
    return git(folder, "rev-parse", "HEAD")


def content(root: Path) -> dict[str, bytes]:
    """Return all files of a source."""
    return {str(path.relative_to(root)): path.read_bytes() for path in source.files(root)}


def found(target: KernelTarget, given: str, cache: Cache) -> VendorSource:
    """Find what must be a vendor's source."""
    result = source.find(target, given, cache, offline=False)
    assert result is not None
    return result


@pytest.mark.parametrize(
    ("vendors", "names"),
    [
        (True, ["x-1.2/src/Makefile", "x-1.2/src/x.c"]),
        (True, ["Makefile", "x.c"]),
        (True, ["x/kernel/linux/x/Makefile", "x/kernel/fbsd/x/Makefile", "x/README"]),
        # A folder drivers/ under a Makefile of the vendor's own.
        (True, ["x/Makefile", "x/compat.h", "x/drivers/net/x/Makefile", "x/drivers/net/Kconfig"]),
        (True, ["ofa/makefile", "ofa/configure", "ofa/Kconfig", "ofa/drivers/net/x/Makefile"]),
        (False, ["linux-6.1/Makefile", "linux-6.1/Kconfig", "linux-6.1/drivers/net/Makefile"]),
        # Parts of a kernel tree, packed in several ways.
        (False, ["linux-6.1/drivers/net/x/Makefile", "linux-6.1/drivers/net/x/x.c"]),
        (False, ["drivers/net/x/Makefile", "drivers/net/x/x.c"]),
        (False, ["./drivers/net/x/Makefile"]),
        (False, ["docs/index.html", "docs/a.txt"]),
    ],
)
def test_vendors_and_kernels(vendors: bool, names: list[str]) -> None:
    """Told apart by their names alone."""
    assert source.is_vendors(map(PurePosixPath, names)) is vendors


def test_folder(swift: Path, target: KernelTarget, cache: Cache) -> None:
    """A folder is used where it is; without a repository its content is what it is known by, and modes count."""
    first = found(target, str(swift), cache)
    assert first.root == swift and str(swift) in first.label and not first.altered
    (swift / "src/swift_main.o").write_text("a product of a build changes nothing")
    assert found(target, str(swift), cache) == first
    (swift / "src/kcompat-generator.sh").chmod(0o644)
    assert found(target, str(swift), cache).origin != first.origin


def test_folder_in_a_repository(swift: Path, target: KernelTarget, cache: Cache) -> None:
    """Its commit, and what differs from it."""
    commit = repository(swift)
    assert found(target, str(swift), cache).origin == f"commit {commit}, in folder {swift}"
    (swift / "src/swift.h").write_text("/* changed */\n")
    (swift / "src/new.h").write_text("/* new */\n")
    assert found(target, str(swift), cache).altered == ("src/swift.h", "src/new.h")
    assert found(target, str(swift / "src"), cache).altered == ("swift.h", "new.h")


@pytest.mark.parametrize(("name", "flag"), [("s.tar.xz", "-J"), ("s.tar.gz", "-z"), ("s.tar", "--format=gnu")])
def test_archive(swift: Path, target: KernelTarget, cache: Cache, name: str, flag: str) -> None:
    """All of it is unpacked, once; what is changed afterwards is named."""
    archive = swift.parent / name
    proc.run(["tar", "-c", flag, "-f", archive, "-C", swift.parent, swift.name])
    first = found(target, str(archive), cache)
    assert content(first.root) == content(swift)
    assert "SHA-256" in first.origin and name in first.origin
    (first.root / "src/swift.h").write_text("/* changed */\n")
    assert found(target, str(archive), cache).altered == ("src/swift.h",)
    (first.root / "src/swift.h").unlink()
    assert found(target, str(archive), cache) == first


def test_repository(swift: Path, target: KernelTarget, cache: Cache) -> None:
    """A URL with and without a ref; one that is bare. A tag that is called like the kernel's version is not taken."""
    old = repository(swift)
    git(swift, "tag", "v6.1")
    (swift / "src/new.h").write_text("/* new */\n")
    git(swift, "add", "-A")
    git(swift, "commit", "-qm", "new")
    new = git(swift, "rev-parse", "HEAD")
    tagged = found(target, f"file://{swift}@v6.1", cache)
    assert f"commit {old} (v6.1)" in tagged.origin and not (tagged.root / "src/new.h").exists()
    latest = found(target, f"file://{swift}", cache)
    assert f"commit {new}" in latest.origin and content(latest.root) == content(swift)
    bare = swift.parent / "swift.git"
    git(swift.parent, "clone", "-q", "--bare", str(swift), str(bare))
    assert content(found(target, str(bare), cache).root) == content(swift)


def test_others_are_left_alone(tmp_path: Path, target: KernelTarget, cache: Cache) -> None:
    """Kernel trees, and what is no source at all, go their usual way."""
    kernel = tmp_path / "linux"
    for name in ("Makefile", "Kconfig", "drivers/net/x/Makefile", "drivers/net/x/x.c"):
        (kernel / name).parent.mkdir(parents=True, exist_ok=True)
        (kernel / name).write_text("")
    assert source.find(target, str(kernel), cache, offline=True) is None
    assert source.find(target, str(tmp_path), cache, offline=True) is None
    archive = tmp_path / "linux.tar.gz"
    proc.run(["tar", "-czf", archive, "-C", tmp_path, "linux"])
    assert source.find(target, str(archive), cache, offline=True) is None
    archive.write_bytes(b"no archive")
    assert source.find(target, str(archive), cache, offline=True) is None


def test_below_another_root(swift: Path, target: KernelTarget, cache: Cache, tmp_path: Path) -> None:
    """Their Makefile would take this machine's kernel and compiler for those of the root."""
    below = replace(target, root=tmp_path)
    with pytest.raises(UsageError, match="cannot be built for a kernel below"):
        source.find(below, str(swift), cache, offline=True)
    (tmp_path / "empty").mkdir()
    assert source.find(below, str(tmp_path / "empty"), cache, offline=True) is None
