# SPDX-License-Identifier: GPL-2.0-or-later
"""Whose headers and programs build for a system below another root."""

from pathlib import Path

import pytest

from omatic import kernel
from omatic.errors import KernelMissing, ToolMissing
from omatic.life import delivery
from omatic.life.system import System
from omatic.sysroot import HERE

RELEASE = "6.1.0-1-toy"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A system with one kernel, without its headers."""
    (tmp_path / "root/lib/modules" / RELEASE / "kernel").mkdir(parents=True)
    return tmp_path / "root"


def headers(root: Path) -> None:
    """Give it the kernel's headers."""
    build = root / "usr/src/headers"
    build.mkdir(parents=True)
    (root / "lib/modules" / RELEASE / "build").symlink_to("/usr/src/headers")
    for name, text in (("Makefile", ""), ("Module.symvers", ""), (".config", 'CONFIG_CC_VERSION_TEXT="gcc-99 99"\n')):
        (build / name).write_text(text)


def programs(root: Path) -> None:
    """Give it what builds."""
    (root / "usr/bin").mkdir(parents=True)
    for name in ("gcc-99", "ld", "make"):
        (root / "usr/bin" / name).touch(mode=0o755)


def test_this_system() -> None:
    """Without another root there is nothing to choose."""
    assert delivery.builder(System(), RELEASE) == HERE


def test_its_own(root: Path) -> None:
    """Headers and all programs: the root's own, whatever this machine has."""
    headers(root)
    programs(root)
    assert delivery.builder(System(root), RELEASE) == root
    assert delivery.releases(System(root)) == (RELEASE,)


def test_no_compiler(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers alone: this machine's, if it has that kernel's headers, too; or it is said what is missing there."""
    headers(root)
    with pytest.raises(ToolMissing, match=f"gcc-99.*below {root}") as caught:
        delivery.builder(System(root), RELEASE)
    assert "chroot" in caught.value.hint
    real = kernel.releases
    monkeypatch.setattr(kernel, "releases", lambda *a, **k: real(*a, **k) if k else (RELEASE,))
    assert delivery.builder(System(root), RELEASE) == HERE


def test_no_headers_anywhere(root: Path) -> None:
    """One error that says where they were looked for."""
    with pytest.raises(KernelMissing, match=f"neither below {root} nor on this machine") as caught:
        delivery.builder(System(root), RELEASE)
    assert f"linux-headers-{RELEASE}" in caught.value.hint


def test_the_usual_kernel(root: Path) -> None:
    """Below another root it is the only one, if it is the only one; the running kernel means nothing there."""
    assert System(root).usual() == RELEASE
    assert System().usual() == kernel.running()
    (root / "lib/modules/6.1.0-2-toy/kernel").mkdir(parents=True)
    assert System(root).usual() == kernel.running()
