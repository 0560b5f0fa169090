# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the distribution built its kernel, as modules tell it, and the folder that stands in for it."""

from pathlib import Path

import pytest

from omatic import prefix, sysroot
from omatic.model import KernelTarget
from omatic.prefix import Prefix

E1000E = Path("drivers/net/ethernet/intel/e1000e")


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (b"x\0/build/reproducible-path/linux-7.3.4/drivers/net/ethernet/intel/e1000e/phy.c\0y",
         Path("/build/reproducible-path/linux-7.3.4")),
        (b"/home/me/linux+1/include/linux/skbuff.h\0", Path("/home/me/linux+1")),
        (b"drivers/net/ethernet/intel/e1000e/phy.c\0include/linux/skbuff.h\0", None),
        (b"/etc/file.c\0/drivers/net/ethernet/intel/e1000e/phy.c\0", None),
    ],
)  # fmt: skip
def test_of_module(image: bytes, expected: Path | None) -> None:
    """Only an absolute path of a file of the driver's, or of a header, tells."""
    assert prefix.of_module(image, E1000E) == expected


def test_stand_in(tmp_path: Path) -> None:
    """The kernel's files and the work tree's in one folder; where both have a folder, what is in both."""
    headers, tree, unit = (tmp_path / name for name in ("headers", "tree", "unit"))
    for path in (headers / "include/linux/a.h", headers / "drivers/b.h", tree / "drivers/net/c.c", tree / "Kbuild"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    (headers / "Makefile").write_text("")
    target = KernelTarget("7.3", headers, {}, headers / "Module.symvers", "gcc", None)
    laid = Prefix(Path("/build/linux"), unit / "prefix", unit / "objects")
    for _ in range(2):
        prefix.lay_out(target, tree, laid)
        shown = laid.stand_in
        assert (shown / "include/linux/a.h").read_text() == "a.h"
        assert (shown / "drivers/b.h").read_text() == "b.h"
        assert (shown / "drivers/net").readlink() == tree / "drivers/net"
        assert (shown / "Kbuild").readlink() == tree / "Kbuild"
        assert laid.objects.is_dir()


def kernel_with(folder: Path, makefile: str, **options: str) -> KernelTarget:
    """Return a kernel whose Makefile has this text."""
    folder.mkdir()
    (folder / "Makefile").write_text(makefile)
    config = {f"CONFIG_{name}": value for name, value in options.items()}
    return KernelTarget("6.8", folder, config, folder / "Module.symvers", "gcc", None)


def module(tmp_path: Path, at: Path) -> Path:
    """Make as much of a module as is looked at, compiled at that path."""
    path = tmp_path / "e1000e.ko"
    path.write_bytes(f"\x7fELF\x02\0{at}/{E1000E}/phy.c\0".encode())
    return path


def test_find(tmp_path: Path) -> None:
    """Only a kernel with a sanitizer has such names; products are beside the links where MO= is not known."""
    stock, unit = module(tmp_path, Path("/build/linux")), tmp_path / "unit"
    plain = kernel_with(tmp_path / "plain", "$(origin MO)")
    assert prefix.find(plain, stock, E1000E, unit) is None
    old = prefix.find(kernel_with(tmp_path / "old", "$(origin O)", UBSAN="y"), stock, E1000E, unit)
    assert old == Prefix(Path("/build/linux"), unit / "prefix", unit / "prefix") and not old.apart
    new = prefix.find(kernel_with(tmp_path / "new", "$(origin MO)", UBSAN="y"), stock, E1000E, unit)
    assert new == Prefix(Path("/build/linux"), unit / "prefix", unit / "objects") and new.apart


def test_a_kernel_where_it_was_built(tmp_path: Path) -> None:
    """What is linked to must not be hidden by what is shown."""
    target = kernel_with(tmp_path / "linux", "$(origin MO)", UBSAN="y")
    assert prefix.find(target, module(tmp_path, tmp_path / "linux"), E1000E, tmp_path / "unit") is None


def test_no_namespaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older kernel's driver can be built without: it is said what that costs."""
    target = kernel_with(tmp_path / "old", "", UBSAN="y")
    monkeypatch.setattr(sysroot, "possible", lambda: False)
    assert prefix.find(target, module(tmp_path, Path("/build/linux")), E1000E, tmp_path / "unit") is None


def test_products_stay(tmp_path: Path) -> None:
    """Without MO= objects are made beside the links, and never through a link into the kernel's own folder."""
    headers, tree, unit = (tmp_path / name for name in ("headers", "tree", "unit"))
    target = kernel_with(headers, "")
    for path in (
        headers / "Module.symvers",
        headers / "drivers/a.o",
        headers / "drivers/a.h",
        tree / "drivers/net/c.c",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    laid = Prefix(Path("/build/linux"), unit / "prefix", unit / "prefix")
    prefix.lay_out(target, tree, laid)
    assert (laid.stand_in / "drivers/a.h").is_symlink()
    assert not (laid.stand_in / "drivers/a.o").exists() and not (laid.stand_in / "Module.symvers").exists()
    (laid.stand_in / "Module.symvers").write_text("ours")
    (tree / "drivers/d.c").write_text("")
    prefix.lay_out(target, tree, laid)
    assert (laid.stand_in / "Module.symvers").read_text() == "ours"
    assert (laid.stand_in / "drivers/d.c").is_symlink()
