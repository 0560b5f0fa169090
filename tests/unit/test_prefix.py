# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the distribution built its kernel, as modules tell it, and the folder that stands in for it."""

from pathlib import Path

import pytest

from omatic import prefix
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
