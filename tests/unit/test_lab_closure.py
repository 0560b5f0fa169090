# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes in together with a module, and in which order."""

from pathlib import Path

from omatic.lab import closure
from tests import toys

NEEDS = {
    "ib": ("mlx4_core", "ib_core"),
    "ib_core": (),
    "mlx4_core": ("builtin",),
    "mlx4_en": ("mlx4_core",),
    "on_top": ("ib",),
    "tea": ("cup",),
    "cup": ("tea",),
}


def test_what_is_needed_goes_in_first() -> None:
    """Each once; what is part of the kernel image is left out, and a circle of soft dependencies has an end."""
    assert closure.order(NEEDS, ["mlx4_en", "on_top"]) == ("mlx4_core", "mlx4_en", "ib_core", "ib", "on_top")
    assert closure.order(NEEDS, ["tea"]) == ("cup", "tea")


def test_what_needs_a_module_directly_or_not() -> None:
    """Never the module itself."""
    assert closure.dependents(NEEDS, "mlx4_core") == ("ib", "mlx4_en", "on_top")
    assert closure.dependents(NEEDS, "on_top") == ()
    assert closure.dependents(NEEDS, "tea") == ("cup",)


def test_modules_say_it_themselves(tmp_path: Path) -> None:
    """What they use, and what modprobe loads before them; what it loads after them does not count."""
    plain = toys.module(tmp_path / "a.ko", depends="mii,ptp-core")
    soft = toys.module(tmp_path / "b.ko", depends="", softdep="pre: cxgb4 snd-hda post: other")
    after = toys.module(tmp_path / "c.ko", depends="", softdep="post: other")
    assert closure.read({"a": plain, "b": soft, "c": after}) == {
        "a": ("mii", "ptp_core"),
        "b": ("cxgb4", "snd_hda"),
        "c": (),
    }
