# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said of a machine, and of a root that another kernel is installed below."""

import shutil
from pathlib import Path

import pytest

from omatic import doctor, proc, sysroot, toolchain
from omatic.dirs import Cache
from omatic.doctor import Finding

RELEASE = "6.1.0-1-toy"
TOOLS = ("gcc-99", "ld", "make", "apt-get")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a kernel's headers and all that builds, but with programs that do nothing."""
    root = tmp_path / "root"
    build = root / "usr/src/headers"
    for name, text in (
        ("Makefile", ""), ("Module.symvers", ""), (".config", 'CONFIG_CC_VERSION_TEXT="gcc-99 99"\n'),
        ("scripts/basic/fixdep", ""), ("scripts/mod/modpost", ""),
    ):  # fmt: skip
        (build / name).parent.mkdir(parents=True, exist_ok=True)
        (build / name).write_text(text)
    for folder in ("usr/bin", "lib/modules", "dev", "proc", "sys", "tmp"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "lib/modules" / RELEASE).mkdir()
    (root / "lib/modules" / RELEASE / "build").symlink_to("/usr/src/headers")
    for name in TOOLS:
        tool = root / "usr/bin" / name
        tool.write_text(f"#!/bin/sh\necho {name} 1.0\n")
        tool.chmod(0o755)
    return root


def findings(root: Path) -> dict[str, Finding]:
    """Return what is found, by name."""
    return {one.name: one for one in doctor.examine(None, Cache(root / "cache"), root)}


@pytest.mark.parametrize("missing", [*TOOLS, "scripts/mod/modpost"])
def test_what_a_root_lacks(root: Path, missing: str) -> None:
    """Each is a finding, with a hint for that root and not for this machine."""
    path = root / "usr/src/headers" / missing if "/" in missing else root / "usr/bin" / missing
    path.unlink()
    found = findings(root)
    assert not found[missing].ok and found[missing].required
    assert f"chroot {root} apt-get install" in found[missing].hint
    others = [one for name in (*TOOLS, "scripts/basic/fixdep") if name != missing for one in [found[name]]]
    assert all(one.ok and str(root) in one.detail for one in others)


def test_programs_that_do_not_run(root: Path) -> None:
    """They are there, and yet nothing can be built; then the versions of those that do."""
    name = f"programs below {root}"
    assert not findings(root)[name].ok
    busybox = shutil.which("busybox")
    if busybox is None or not sysroot.possible():
        pytest.skip("no root can be entered here")
    shutil.copy(busybox, root / "usr/bin/busybox")
    (root / "bin").symlink_to("usr/bin")
    for applet in ("sh", "head", "echo"):
        (root / "usr/bin" / applet).symlink_to("busybox")
    (root / "usr/bin/gcc-99").write_text("#!/bin/sh\ncase $1 in -print*) echo ld;; *) echo gcc-99 99.1;; esac\n")
    toolchain._ask.cache_clear()
    try:
        proc.run(sysroot.command(root, ["sh", "-c", "true"]))
    except Exception as error:  # noqa: BLE001 - as in test_sysroot
        pytest.skip(f"no root can be entered here: {error}")
    found = findings(root)[name]
    assert found.ok and found.detail.startswith("gcc-99 99.1; ld 1.0; make 1.0; "), found


def test_this_machine(tmp_path: Path) -> None:
    """Nothing is said of roots."""
    names = [one.name for one in doctor.examine(None, Cache(tmp_path))]
    assert "make" in names and "unshare" not in names and not any("below" in name for name in names)
