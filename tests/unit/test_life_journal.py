# SPDX-License-Identifier: GPL-2.0-or-later
"""The journal and receipts: what a power cut leaves is read back as it was."""

from pathlib import Path

import pytest

from omatic.errors import Busy, Unfinished
from omatic.life import journal, receipt
from omatic.life.receipt import InstalledFile, Receipt
from omatic.life.system import System


def test_an_operation_is_kept_until_its_end(tmp_path: Path) -> None:
    """Steps count as they are done; after the end nothing is left."""
    system = System(tmp_path)
    assert journal.unfinished(system) is None
    under_way = journal.begin(system, "install", ["e1000e"], ["put a", "depmod b"])
    under_way.done()
    left = journal.unfinished(system)
    assert left is not None
    assert (left.command, left.argv, left.steps, left.done) == ("install", ("e1000e",), ("put a", "depmod b"), 1)
    assert str(left) == "`install e1000e` (1 of 2 steps done)"
    under_way.done()
    under_way.end()
    assert journal.unfinished(system) is None
    assert list(system.state.iterdir()) == []


def test_a_torn_line_counts_as_not_written(tmp_path: Path) -> None:
    """A power cut in the middle of a write: the step is done again. In the first line: nothing had begun."""
    system = System(tmp_path)
    journal.begin(system, "install", ["e1000e"], ["a", "b"]).done()
    whole = system.journal.read_text()
    system.journal.write_text(whole[:-4])
    left = journal.unfinished(system)
    assert left is not None and left.done == 0
    system.journal.write_text(whole[:10])
    assert journal.unfinished(system) is None


def test_another_operation_must_wait_for_the_unfinished_one(tmp_path: Path) -> None:
    """The same command goes on; another one is told what to do first."""
    system = System(tmp_path)
    journal.begin(system, "install", ["e1000e"], ["a"])
    journal.refuse_others(system, "install", ["e1000e"])
    with pytest.raises(Unfinished, match="install e1000e") as refused:
        journal.refuse_others(system, "uninstall", ["igb"])
    assert refused.value.hint == "finish it first: pfq-omatic install e1000e"


def test_one_at_a_time(tmp_path: Path) -> None:
    """Whoever comes second is told so."""
    system = System(tmp_path)
    with system.lock(), pytest.raises(Busy), system.lock():
        pass
    with system.lock():
        pass


def test_receipts_are_read_back(tmp_path: Path) -> None:
    """Every field survives; the folder goes with the last receipt."""
    system = System(tmp_path)
    made = Receipt(
        "igb", "6.1.0-1", "install", (InstalledFile("/lib/x.ko", "aa"),), InstalledFile("/lib/y.ko", "bb"), 2, "pass",
        "", "2026-01-02T03:04:05+00:00",
    )  # fmt: skip
    receipt.write(system, made)
    assert receipt.read(system, "6.1.0-1", "igb") == made
    assert list(receipt.every(system)) == [made]
    assert receipt.read(system, "6.1.0-1", "ixgbe") is None
    receipt.remove(system, "6.1.0-1", "igb")
    assert list(system.receipts.iterdir()) == []
