# SPDX-License-Identifier: GPL-2.0-or-later
"""The tags that mark a vendor's module."""

from pathlib import Path

import pytest

from omatic import elf
from omatic.compare import compare
from omatic.modinfo import parse_modinfo
from omatic.vendor import mark
from tests import toys


def test_nothing_moves() -> None:
    """Every other tag keeps its place; the former version is gone."""
    before = b"license=GPL\0version=1.2\0author=A\0"
    after = mark.tagged(before, version="1.2+pfq1", pfq="x")
    assert after[: len(before)] == b"license=GPL\0\0\0\0\0\0\0\0\0\0\0\0\0author=A\0"
    assert parse_modinfo(after) == {
        "license": ("GPL",), "author": ("A",), "version": ("1.2+pfq1",), "pfq": ("x",)
    }  # fmt: skip


@pytest.mark.parametrize("former", ["1.2", None])
def test_module(tmp_path: Path, former: str | None) -> None:
    """A real module file: equal but for its tags, which the tools can read."""
    tags = {"version": former} if former else {}
    plain = toys.module(tmp_path / "plain.ko", ["netif_rx"], **tags)
    marked = tmp_path / "marked.ko"
    marked.write_bytes(plain.read_bytes())
    mark.apply(marked, version="7+pfq1", pfq="1 kernel 6.1")
    assert compare(elf.load(plain), elf.load(marked), renames={}).equal
    said = elf.modinfo(marked)
    assert (said["version"], said["pfq"], said["license"]) == (("7+pfq1",), ("1 kernel 6.1",), ("GPL",))
    assert list(tmp_path.glob(".*")) == []
