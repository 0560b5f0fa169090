# SPDX-License-Identifier: GPL-2.0-or-later
"""Sources from a folder, a tarball and a git repository, all real; and what goes wrong with them."""

import json
import shutil
from pathlib import Path

import pytest

from omatic import apt, dirs, fetch, giturl, proc
from omatic.dirs import Cache
from omatic.errors import SourceCorrupt, SourceNotFound, SourceUnreachable
from omatic.model import KernelTarget, PackageId
from omatic.unpack import Depth, Part

FOLDER = Path("drivers/net/ethernet/acme/fast/core")
FILES = {
    f"{FOLDER}/Makefile": "obj-m := fast.o\n"
    "ccflags-y := -I$(srctree)/drivers/crypto/acme \\\n\t-I $(srctree)/drivers/none\n",
    f"{FOLDER}/fast.c": '#include "fast.h"\n#include "../../lib/shared.h"\n#include "../../../../../scsi/acme/far.h"\n',
    f"{FOLDER}/fast.h": "int fast;\n",
    f"{FOLDER}/en/rep.c": "int rep;\n",
    "drivers/net/ethernet/acme/lib/shared.h": '#include "deep.h"\n',
    "drivers/net/ethernet/acme/lib/deep.h": "int deep;\n",
    "drivers/net/ethernet/acme/lib/unrelated.c": "int unrelated;\n",
    "drivers/scsi/acme/far.h": "int far;\n",
    "drivers/scsi/acme/far.c": "int far_c;\n",
    "drivers/crypto/acme/crypto.h": "int crypto;\n",
    "drivers/crypto/acme/crypto.c": "int crypto_c;\n",
    "drivers/net/single.c": "int single;\n",
    "drivers/net/single.h": "int single_h;\n",
    "drivers/net/Makefile": "obj-m := single.o\n",
    "drivers/net/wireless/other.c": "int other;\n",
    "README": "kernel\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A kernel tree of a few files."""
    for name, text in FILES.items():
        path = tmp_path / "linux-6.1" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "linux-6.1"


@pytest.fixture
def target(tmp_path: Path) -> KernelTarget:
    """A kernel whose headers belong to a package that no archive has."""
    package = PackageId("linux-headers-0.0", "0.0-1", "linux-nowhere", "0.0-1", "debian")
    return KernelTarget("0.0-1", tmp_path, {}, tmp_path / "Module.symvers", "gcc", package)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """A cache of its own."""
    return Cache(tmp_path / "cache")


def files(root: Path) -> set[str]:
    """Return the files below a folder."""
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


NEEDED = {name for name in FILES if "/fast/core/" in name or name.endswith(("shared.h", "deep.h", "far.h", "crypto.h"))}


def archive(tree: Path, name: str, flag: str) -> Path:
    """Pack the tree with tar."""
    path = tree.parent / name
    proc.run(["tar", "-c", flag, "-f", path, "-C", tree.parent, tree.name])
    return path


@pytest.mark.parametrize(("name", "flag"), [("l.tar.xz", "-J"), ("l.tar.gz", "-z"), ("l.tar", "--format=gnu")])
def test_tarball(tree: Path, target: KernelTarget, cache: Cache, name: str, flag: str) -> None:
    """Only the driver, its vendor's headers and those that it or its Makefile names are unpacked."""
    source = archive(tree, name, flag)
    found = fetch.fetch(target, [FOLDER], source=str(source), cache=cache, offline=True)
    assert files(found.root) == NEEDED
    sums = json.loads((found.root.parent / "manifest.json").read_text())["sha256"]
    assert sums[f"{FOLDER}/fast.c"] == dirs.sha256(tree / FOLDER / "fast.c")
    assert sums.keys() == NEEDED


@pytest.mark.parametrize("member", [".", "./linux-6.1", "drivers", "./drivers"])
def test_tarball_with_other_leading_folders(tree: Path, target: KernelTarget, cache: Cache, member: str) -> None:
    """Archives are packed in many ways: with ./ in front, without a leading folder, or both."""
    start = tree.parent if "linux" in member else tree
    source = tree.parent / "odd.tar.gz"
    proc.run(["tar", "-czf", source, "--exclude=odd.tar.gz", "-C", start, member])
    found = fetch.fetch(target, [FOLDER], source=str(source), cache=cache, offline=True)
    assert files(found.root) == NEEDED


def test_deleted_and_half_unpacked_sources_heal(tree: Path, target: KernelTarget, cache: Cache) -> None:
    """Files that went are unpacked again, with their checksums; a damaged manifest counts as none."""
    source = str(archive(tree, "l.tar.gz", "-z"))
    root = fetch.fetch(target, [FOLDER], source=source, cache=cache, offline=True).root
    for damage in (
        lambda: (root / FOLDER / "fast.h").unlink(),
        lambda: shutil.rmtree(root),
        lambda: (root.parent / "manifest.json").write_text("null"),
        lambda: (root.parent / "manifest.json").unlink(),
    ):
        damage()
        found = fetch.fetch(target, [FOLDER], source=source, cache=cache, offline=True)
        assert files(found.root) == NEEDED
        assert fetch.checksums(found).keys() == NEEDED


def test_shared_folder_and_second_driver(tree: Path, target: KernelTarget, cache: Cache) -> None:
    """Of drivers/net only its own files are taken; a second driver adds to what is there."""
    source = str(archive(tree, "l.tar.gz", "-z"))
    first = fetch.fetch(target, [Path("drivers/net")], source=source, cache=cache, offline=True)
    assert files(first.root) == {"drivers/net/single.c", "drivers/net/single.h", "drivers/net/Makefile"}
    second = fetch.fetch(target, [FOLDER], source=source, cache=cache, offline=True)
    assert second.root == first.root
    assert files(second.root) >= NEEDED


def test_folder(tree: Path, target: KernelTarget, cache: Cache) -> None:
    """A folder is used where it is, also when the tree is one level below."""
    for source in (tree, tree.parent):
        assert fetch.fetch(target, [FOLDER], source=str(source), cache=cache, offline=True).root == tree


def test_git(tree: Path, target: KernelTarget, cache: Cache) -> None:
    """A git URL with a tag; only the driver's files are checked out; a second run clones nothing."""
    for argv in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"], ["tag", "v6.1"]):
        proc.run(["git", "-C", tree, "-c", "user.name=t", "-c", "user.email=t@localhost", *argv])
    url = f"file://{tree}@v6.1"
    found = fetch.fetch(target, [FOLDER], source=url, cache=cache, offline=False)
    assert files(found.root) == NEEDED
    assert "v6.1" in found.label
    shutil.rmtree(tree)
    assert fetch.fetch(target, [FOLDER], source=url, cache=cache, offline=True).root == found.root


def test_a_branch_that_moved(tree: Path, target: KernelTarget, cache: Cache) -> None:
    """The branch is asked for its newest commit; a tag is not; without an answer the cache serves."""
    git: list[str | Path] = ["git", "-C", tree, "-c", "user.name=t", "-c", "user.email=t@localhost"]
    for argv in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "x"], ["tag", "v1"]):
        proc.run([*git, *argv])
    driver = next((tree / FOLDER).glob("*.c"))
    first, tag = (
        fetch.fetch(target, [FOLDER], source=f"file://{tree}@{ref}", cache=cache, offline=False)
        for ref in ("main", "v1")
    )
    driver.write_text(f"{driver.read_text()}/* later */\n")
    proc.run([*git, "commit", "-qam", "y"])
    for offline, again in ((True, False), (False, True)):
        found = fetch.fetch(target, [FOLDER], source=f"file://{tree}@main", cache=cache, offline=offline)
        assert (found.root != first.root) == again
    assert "later" in (found.root / FOLDER / driver.name).read_text()
    assert fetch.fetch(target, [FOLDER], source=f"file://{tree}@v1", cache=cache, offline=False) == tag
    tree.rename(tree.parent / "away")
    assert fetch.fetch(target, [FOLDER], source=f"file://{tree}@main", cache=cache, offline=False) == found


def test_git_forms(tree: Path, target: KernelTarget, cache: Cache) -> None:
    """A commit's name, a bare repository, a local repository with a ref, and a path with an @ in it."""
    for argv in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"], ["tag", "v6.1"]):
        proc.run(["git", "-C", tree, "-c", "user.name=t", "-c", "user.email=t@localhost", *argv])
    commit = proc.run(["git", "-C", tree, "rev-parse", "HEAD"]).stdout.strip()
    bare = tree.parent / "odd@place" / "bare.git"
    proc.run(["git", "clone", "-q", "--bare", tree, bare])
    for source in (f"file://{tree}@{commit}", f"{tree}@v6.1", str(bare), f"file://{bare}@v6.1"):
        found = fetch.fetch(target, [FOLDER], source=source, cache=cache, offline=False)
        assert files(found.root) == NEEDED, source


def test_offline_fetches_no_files_of_a_clone(tree: Path, target: KernelTarget, cache: Cache) -> None:
    """A clone gets files as they are needed; not with --offline."""
    for argv in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"], ["config", "uploadpack.allowFilter", "true"]):
        proc.run(["git", "-C", tree, "-c", "user.name=t", "-c", "user.email=t@localhost", *argv])
    url = f"file://{tree}"
    fetch.fetch(target, [FOLDER], source=url, cache=cache, offline=False)
    with pytest.raises(SourceUnreachable, match="could not be fetched"):
        fetch.fetch(target, [Path("drivers/net")], source=url, cache=cache, offline=True)


@pytest.mark.parametrize("what", ["garbage", "truncated", "empty"])
def test_bad_tarball(tree: Path, target: KernelTarget, cache: Cache, what: str) -> None:
    """A damaged archive is refused, and the cache is as it was."""
    good = archive(tree, "l.tar.xz", "-J").read_bytes()
    bad = tree.parent / "bad.tar.xz"
    bad.write_bytes({"garbage": b"not an archive" * 99, "truncated": good[: len(good) // 2], "empty": b""}[what])
    with pytest.raises((SourceCorrupt, SourceNotFound)) as refused:
        fetch.fetch(target, [FOLDER], source=str(bad), cache=cache, offline=True)
    assert refused.value.hint
    assert [name for name in files(cache.sources) if not name.startswith(".lock")] == []


def test_without_the_driver(tree: Path, target: KernelTarget, cache: Cache) -> None:
    """Sources that lack the driver say which folder they lack."""
    with pytest.raises(SourceNotFound, match="drivers/net/ethernet/nobody"):
        fetch.fetch(target, [Path("drivers/net/ethernet/nobody")], source=str(tree), cache=cache, offline=True)


@pytest.mark.parametrize("source", ["/no/such/place", "file:///no/such/repository.git"])
def test_nowhere(target: KernelTarget, cache: Cache, source: str) -> None:
    """A path or a URL that does not exist is one clear error."""
    with pytest.raises(SourceNotFound) as refused:
        fetch.fetch(target, [FOLDER], source=source, cache=cache, offline=False)
    assert source in refused.value.message


def test_unknown_ref(tree: Path, target: KernelTarget, cache: Cache) -> None:
    """A repository without the ref says so."""
    proc.run(["git", "init", "-q", tree])
    with pytest.raises(SourceNotFound, match="no-such-tag"):
        fetch.fetch(target, [FOLDER], source=f"file://{tree}@no-such-tag", cache=cache, offline=False)


@pytest.mark.parametrize(
    ("source", "url", "ref"),
    [
        ("https://host/a/linux.git", "https://host/a/linux.git", None),
        ("https://host/a/linux.git@v6.1", "https://host/a/linux.git", "v6.1"),
        ("https://user@host:8080/a/linux.git@feature/x", "https://user@host:8080/a/linux.git", "feature/x"),
        ("git@host:a/linux.git", "git@host:a/linux.git", None),
        ("git@host:a/linux.git@v6.1", "git@host:a/linux.git", "v6.1"),
        ("file:///srv/linux@master", "file:///srv/linux", "master"),
        ("ssh://git@host/linux.git@", "ssh://git@host/linux.git", None),
    ],
)
def test_git_url_with_ref(source: str, url: str, ref: str | None) -> None:
    """The @ of a user is not the @ of a ref, and a ref may have slashes."""
    assert giturl.split_ref(source) == (url, ref)


def test_offline_never_tries(target: KernelTarget, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    """--offline without sources is an error of its own, and no program is asked."""
    monkeypatch.setattr(apt, "candidates", lambda *_: pytest.fail("apt was asked"))
    with pytest.raises(SourceUnreachable, match="offline"):
        fetch.fetch(target, [FOLDER], source="auto", cache=cache, offline=True)


def test_parts() -> None:
    """A driver's folder is taken whole with its vendor's headers; a shared one is not."""
    assert fetch.base_parts(Path("drivers/net")) == (Part(Path("drivers/net"), Depth.SHALLOW),)
    assert fetch.base_parts(FOLDER) == (
        Part(FOLDER, Depth.DEEP),
        Part(Path("drivers/net/ethernet/acme"), Depth.HEADERS),
    )


def test_source_lists(tmp_path: Path) -> None:
    """deb-src is switched on in a private copy of both forms of apt's sources."""
    (tmp_path / "etc/sources.list.d").mkdir(parents=True)
    (tmp_path / "etc/sources.list").write_text("deb [x=y] http://archive.example a b\n# deb no\n")
    (tmp_path / "etc/sources.list.d/x.sources").write_text("Types: deb\nURIs: http://archive.example\n")
    (tmp_path / "etc/sources.list.d/x.save").write_text("deb x\n")
    (tmp_path / "out").mkdir()
    apt.source_lists(tmp_path / "etc", tmp_path / "out")
    assert (tmp_path / "out/sources.list").read_text().startswith("deb-src [x=y] ")
    assert (tmp_path / "out/x.sources").read_text().startswith("Types: deb-src\n")
    assert files(tmp_path / "out") == {"sources.list", "x.sources"}
