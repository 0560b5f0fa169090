# SPDX-License-Identifier: GPL-2.0-or-later
"""Paths of a root from inside and outside, and programs that run in a toy root of busybox."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from omatic import proc, sysroot
from omatic.errors import KernelMissing, ToolMissing
from omatic.sysroot import HERE

APPLETS = ("sh", "cat", "ls", "pwd", "touch")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a few programs, a folder, and links of both kinds, as Debian's headers have them."""
    root = tmp_path / "root"
    for folder in ("usr/bin", "usr/src/headers", "lib/modules/1.0", "tmp", "dev", "proc", "sys", "var/cache"):
        (root / folder).mkdir(parents=True)
    (root / "bin").symlink_to("usr/bin")
    (root / "lib/modules/1.0/build").symlink_to("/usr/src/headers")
    (root / "usr/src/headers/scripts").symlink_to("../../../lib/scripts")
    (root / "lib/scripts").mkdir()
    (root / "usr/src/headers/.config").write_text("of the root")
    return root


@pytest.fixture
def working(root: Path) -> Path:
    """The same with busybox; skips the test where no root can be entered."""
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("busybox-static is not installed")
    shutil.copy(busybox, root / "usr/bin/busybox")
    for applet in APPLETS:
        (root / "usr/bin" / applet).symlink_to("busybox")
    try:
        proc.run(sysroot.command(root, ["pwd"]))
    except Exception as error:  # noqa: BLE001 - whatever keeps it from working here is not what is tested
        pytest.skip(f"no root can be entered here: {error}")
    return root


def test_paths(root: Path) -> None:
    """What is below the root has another name inside; what is not is shown under its own."""
    assert sysroot.outside(root, "/usr/src") == root / "usr/src"
    assert sysroot.inside(root, root / "usr/src") == Path("/usr/src")
    assert sysroot.inside(root, Path("/elsewhere")) == Path("/elsewhere")
    assert sysroot.inside(HERE, Path("/usr")) == Path("/usr")


def test_links_count_from_the_root(root: Path) -> None:
    """An absolute link in the root is not one to this machine's files."""
    assert sysroot.resolve(root, root / "lib/modules/1.0/build") == root / "usr/src/headers"
    assert sysroot.resolve(root, root / "lib/modules/1.0/build/scripts") == root / "lib/scripts"
    (root / "up").symlink_to("../../../../usr")
    assert sysroot.resolve(root, root / "up/src") == root / "usr/src"
    (root / "round").symlink_to("round")
    with pytest.raises(KernelMissing, match="symbolic links"):
        sysroot.resolve(root, root / "round")


def test_this_machine_is_not_entered() -> None:
    """Without another root a command stays what it is."""
    assert sysroot.command(HERE, ["make", Path("/x")], shown=[Path("/y")]) == ["make", "/x"]
    assert sysroot.command(HERE, ["make"], cwd=Path("/x")) == ["sh", "-c", 'cd "$0" && exec "$@"', "/x", "make"]


def test_what_is_shown_once_is_not_shown_again(root: Path) -> None:
    """A folder below one that is shown is there already; showing it again would hide the rest."""
    argv = sysroot.command(root, ["true"], shown=[Path("/a/b/c"), Path("/a/b"), Path("/a/b")])
    assert argv[argv.index(str(root)) + 1 :] == ["1", "/a/b", "/a/b", "true"]


def test_missing_tool_names_the_root(root: Path) -> None:
    """The hint is for the root, not for this machine."""
    (root / "usr/bin/gcc-99").write_text("")
    with pytest.raises(ToolMissing) as caught:
        sysroot.find(root, "gcc-99")
    assert str(root) in caught.value.message
    assert f"chroot {root} apt-get install gcc-99" in caught.value.hint
    (root / "usr/bin/gcc-99").chmod(0o755)
    assert sysroot.find(root, "gcc-99") == Path("/usr/bin/gcc-99")


def test_refusal() -> None:
    """Who may not make namespaces is told so; what a compiler says of mounts is something else."""
    said = "unshare: unshare failed: Operation not permitted\n"
    assert sysroot.refusal(said) == "unshare: unshare failed: Operation not permitted"
    assert sysroot.refusal("drivers/net/a.c:3: error: mount: unknown\n") is None


def _run(root: Path, argv: Sequence[str], **options: object) -> str:
    return proc.run(sysroot.command(root, argv, **options)).stdout  # type: ignore[arg-type]


def test_programs_see_the_root_and_what_is_shown(working: Path, tmp_path: Path) -> None:
    """Paths are the root's; a shown folder is at its own path, and what is written there is here."""
    shown = tmp_path / "var/cache/work"
    shown.mkdir(parents=True)
    assert _run(working, ["cat", "/usr/src/headers/.config"]) == "of the root"
    assert _run(working, ["sh", "-c", "pwd; touch new"], shown=[shown], cwd=shown).strip() == str(shown)
    assert (shown / "new").is_file()


def test_nothing_is_left_in_the_root(working: Path, tmp_path: Path) -> None:
    """No mount point, no mount, no temporary file; what stands beside a mount point is still seen."""
    before = sorted(working.rglob("*"))
    said = _run(
        working,
        ["sh", "-c", "touch /tmp/x; cat /var/cache/deep/er/file; ls /var /usr"],
        mapped={tmp_path / "other": Path("/var/cache/deep/er")} if _other(tmp_path) else {},
    )
    assert said.startswith("content")
    assert {"cache", "bin", "src"} <= set(said.split())
    assert sorted(working.rglob("*")) == before


def _other(tmp_path: Path) -> bool:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/file").write_text("content\n")
    return True


def test_a_folder_of_this_machine_under_another_path(working: Path, tmp_path: Path) -> None:
    """Also without another root: where the distribution built its kernel."""
    del working
    _other(tmp_path)
    place = Path("/build/reproducible-path/linux-1.0")
    assert _run(HERE, ["cat", f"{place}/file"], mapped={tmp_path / "other": place}) == "content\n"
    assert not Path("/build/reproducible-path/linux-1.0").exists()
