# SPDX-License-Identifier: GPL-2.0-or-later
"""Edits by byte offset, and the version tag's."""

from pathlib import Path

import pytest

from omatic import rewrite, versiontag
from omatic.errors import PlanRefused
from omatic.model import Edit


def edit(start: int, expected: str, replacement: str) -> Edit:
    """An edit of a.c."""
    return Edit("a.c", start, start + len(expected.encode()), expected, replacement, 1, "test")


def test_bytes_not_characters() -> None:
    """A Latin-1 byte before the site shifts nothing; edits of different lengths do not disturb each other."""
    text = b"/* \xfc */ netif_rx(a); netif_rx(b);"
    first, second = text.index(b"netif_rx"), text.rindex(b"netif_rx")
    edits = [edit(first, "netif_rx", "pfq_netif_rx"), edit(second, "netif_rx", "pfq_netif_rx")]
    assert rewrite.apply(text, edits) == b"/* \xfc */ pfq_netif_rx(a); pfq_netif_rx(b);"


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    """If the file is not what the plan saw, nothing at all is written."""
    (tmp_path / "a.c").write_text("netif_xx(a);")
    (tmp_path / "b.c").write_text("x")
    other = Edit("b.c", 0, 1, "x", "y", 1, "test")
    with pytest.raises(PlanRefused, match=r"a\.c:1 reads 'netif_xx'"):
        rewrite.rewrite(tmp_path, [other, edit(0, "netif_rx", "pfq_netif_rx")], {"Kbuild": "obj-m"})
    assert (tmp_path / "b.c").read_text() == "x"
    assert not (tmp_path / "Kbuild").exists()


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ('MODULE_VERSION("1.0");', 'MODULE_VERSION("1.0" "+pfq1");'),
        ("MODULE_VERSION(DRV_VERSION);", 'MODULE_VERSION(DRV_VERSION "+pfq1");'),
        ('MODULE_VERSION(__stringify(X) ".1");', 'MODULE_VERSION(__stringify(X) ".1" "+pfq1");'),
    ],
)
def test_version_tag_is_extended(tmp_path: Path, line: str, becomes: str) -> None:
    """The suffix is joined by the compiler; comments do not count."""
    (tmp_path / "a.c").write_text(f"/* MODULE_VERSION(old) */\n{line}\n")
    edits = versiontag.edits(tmp_path, ["a.c"], stock="1.0")
    rewrite.rewrite(tmp_path, edits, {})
    assert (tmp_path / "a.c").read_text() == f"/* MODULE_VERSION(old) */\n{becomes}\n"


def test_version_tag_rules(tmp_path: Path) -> None:
    """No stock version: no edit. A stock version that the sources do not set, or set twice: refused."""
    (tmp_path / "a.c").write_text('MODULE_VERSION("1");\nMODULE_VERSION("2");\n')
    (tmp_path / "b.c").write_text("int x;\n")
    assert versiontag.edits(tmp_path, ["a.c"], stock=None) == ()
    for sources in (["a.c"], ["b.c"]):
        with pytest.raises(PlanRefused):
            versiontag.edits(tmp_path, sources, stock="1")
    assert versiontag.expected(None, "6.1.192-2") == "6.1.192-2+pfq1"
    assert versiontag.expected("4.0-0", "6.1.192-2") == "4.0-0+pfq1"
