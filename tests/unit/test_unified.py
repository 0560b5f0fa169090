# SPDX-License-Identifier: GPL-2.0-or-later
"""Patches: what patch and git make of them is the new content."""

from pathlib import Path

import pytest

from omatic import proc, unified

LINES = b"".join(b"line %d\n" % number for number in range(30))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (LINES, LINES.replace(b"line 15", b"line fifteen")),
        # The end of the file is within the context.
        (LINES, LINES.replace(b"line 28", b"line twenty-eight")),
        (LINES[:-1], LINES.replace(b"line 28", b"line twenty-eight")[:-1]),
        (b"\xe4\f\v\r\n\x85x\nrx(skb);\r\n", b"\xe4\f\v\r\n\x85x\npfq_rx(skb);\r\n"),
    ],
)
def test_two_files(tmp_path: Path, old: bytes, new: bytes) -> None:
    """One patch for two files, of which the first one ends in its last hunk."""
    for name in ("one.c", "two.c"):
        (tmp_path / name).write_bytes(old)
    (tmp_path / "x.diff").write_bytes(b"".join(unified.diff(name, old, new) for name in ("one.c", "two.c")))
    proc.run(["git", "apply", "x.diff"], cwd=tmp_path)
    assert [(tmp_path / name).read_bytes() for name in ("one.c", "two.c")] == [new, new]


def test_copy(tmp_path: Path) -> None:
    """A changed copy: the file itself stays, after a patch of the other kind and lines that say something else."""
    changed = LINES.replace(b"line 28", b"line twenty-eight")
    for name in ("one.c", "two.c"):
        (tmp_path / name).write_bytes(LINES)
    patch = (
        b"# said in front\n"
        + unified.diff("one.c", LINES, changed)
        + unified.copied("two.c", "c/two.c", LINES, changed)
    )
    (tmp_path / "x.diff").write_bytes(patch)
    proc.run(["git", "apply", "x.diff"], cwd=tmp_path)
    assert [(tmp_path / name).read_bytes() for name in ("one.c", "two.c", "c/two.c")] == [changed, LINES, changed]


def test_nothing() -> None:
    """Equal contents give no patch."""
    assert unified.diff("one.c", LINES, LINES) == b""
