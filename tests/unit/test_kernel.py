# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernel discovery on made-up module folders."""

from pathlib import Path

import pytest

from omatic import kernel
from omatic.errors import KernelMissing

CONFIG = """\
CONFIG_MODVERSIONS=y
# CONFIG_KASAN is not set
CONFIG_CC_VERSION_TEXT="gcc-13 (Ubuntu) 13.2.0"
CONFIG_IGB=m
"""


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """A /lib/modules with two kernels, one of them without headers."""
    build = tmp_path / "6.1.0-9-amd64" / "build"
    build.mkdir(parents=True)
    (build / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 27\n")
    (build / ".config").write_text(CONFIG)
    (build / "Module.symvers").write_text("")
    (tmp_path / "5.10.0-1-amd64").mkdir()
    return tmp_path


def test_discover(modules: Path) -> None:
    """Everything comes from the headers; without .kernelvariables the .config names the compiler."""
    target = kernel.discover("6.1.0-9-amd64", modules)
    assert target.config["CONFIG_IGB"] == "m"
    assert "CONFIG_KASAN" not in target.config
    assert target.modversions
    assert target.compiler == "gcc-13"
    assert target.package is None
    assert kernel.base_version(target) == "6.1.27"


def test_debian_names_its_compiler(modules: Path) -> None:
    """Debian's .kernelvariables wins."""
    variables = modules / "6.1.0-9-amd64/build/.kernelvariables"
    variables.write_text("CCACHE = ccache\nCC = $(if $(X),$(CCACHE)) $(CROSS_COMPILE)gcc-12\nNO_CC_CHECK = y\n")
    assert kernel.discover("6.1.0-9-amd64", modules).compiler == "gcc-12"


def test_debian_sets_a_prefix_for_cross_compilers(modules: Path) -> None:
    """In newer headers always: gcc-14 need not be there. In older ones only where another architecture builds."""
    variables = modules / "6.1.0-9-amd64/build/.kernelvariables"
    text = "CC = $(if $(X),$(CCACHE)) $(CROSS_COMPILE)gcc-14\n{}\nDEBIAN_KERNEL_NO_CC_VERSION_CHECK = y\n"
    variables.write_text(text.format("override CROSS_COMPILE = x86_64-linux-gnu-"))
    assert kernel.discover("6.1.0-9-amd64", modules).compiler == "x86_64-linux-gnu-gcc-14"
    variables.write_text(text.format("ifneq ($(A),$(B))\noverride CROSS_COMPILE = $(DEB_HOST_GNU_TYPE)-\nendif"))
    assert kernel.discover("6.1.0-9-amd64", modules).compiler == "gcc-14"


def test_below_another_root(tmp_path: Path) -> None:
    """Links and includes count from that root; its only kernel needs no name."""
    root, release = tmp_path / "root", "7.3.4+deb13-amd64"
    build, common = root / "usr/src/build", root / "usr/src/common"
    for folder in (build, common, root / "usr/lib/modules" / release):
        folder.mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    (root / "lib/modules" / release / "build").symlink_to("/usr/src/build")
    (build / "Makefile").write_text("include /usr/src/common/Makefile\n")
    (common / "Makefile").write_text("VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\n")
    (build / ".config").write_text(CONFIG)
    (build / "Module.symvers").write_text("")
    target = kernel.discover(None, root=root)
    assert (target.release, target.build_dir, target.root) == (release, build, root)
    assert kernel.base_version(target) == "7.3.4"
    assert kernel.source_dir(target) == common
    assert target.place.startswith(f"{release}@")
    assert kernel.releases(root=root) == (release,)
    with pytest.raises(KernelMissing) as caught:
        kernel.discover("6.1.0-9-amd64", root=root)
    assert caught.value.details == (f"present: {release}",)


@pytest.mark.parametrize("release", ["5.10.0-1-amd64", "9.9.9", "../6.1.0-9-amd64"])
def test_missing_lists_what_is_there(modules: Path, release: str) -> None:
    """A kernel without headers is refused with the list of those that have them."""
    with pytest.raises(KernelMissing) as refused:
        kernel.discover(release, modules)
    assert refused.value.details == ("present: 6.1.0-9-amd64",)
    assert "--kernel" in refused.value.hint
    assert refused.value.exit_code == 3


@pytest.mark.parametrize("name", [".config", "Module.symvers"])
def test_incomplete_headers(modules: Path, name: str) -> None:
    """Headers that lack a file are named with it."""
    (modules / "6.1.0-9-amd64/build" / name).unlink()
    with pytest.raises(KernelMissing, match=name.replace(".", r"\.")):
        kernel.discover("6.1.0-9-amd64", modules)


def test_releases_are_ordered_as_versions(tmp_path: Path) -> None:
    """6.1.0-9 comes before 6.1.0-10, and 5.10 before 6.1."""
    for release in ("6.1.0-10-amd64", "6.1.0-9-amd64", "5.10.0-1-amd64"):
        (tmp_path / release / "build").mkdir(parents=True)
        (tmp_path / release / "build/Makefile").touch()
    assert kernel.releases(tmp_path) == ("5.10.0-1-amd64", "6.1.0-9-amd64", "6.1.0-10-amd64")
    assert kernel.releases(tmp_path / "nowhere") == ()
