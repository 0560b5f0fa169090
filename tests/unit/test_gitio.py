# SPDX-License-Identifier: GPL-2.0-or-later
"""The work tree: vanilla, changes made by hand, and the rewrite."""

from pathlib import Path

import pytest

from omatic.errors import PlanRefused
from omatic.gitio import ACCELERATED, LOCAL, VANILLA, WorkTree

TEXT = "one\n" + "x\n" * 20 + "netif_rx(skb);\n" + "y\n" * 20 + "two\n"


@pytest.fixture
def tree(tmp_path: Path) -> WorkTree:
    """A tree with a vanilla commit and a rewrite of its one site."""
    (tmp_path / "a.c").write_text(TEXT)
    made = WorkTree.create(tmp_path, "vanilla: test")
    made.check_out(ACCELERATED, start=VANILLA)
    (tmp_path / "a.c").write_text(TEXT.replace("netif_rx", "pfq_netif_rx"))
    (tmp_path / "hook.h").write_text("\n")
    made.commit("accelerated: test")
    return made


def test_two_commits(tree: WorkTree) -> None:
    """The difference of the two branches is the rewrite; the first is never touched."""
    assert "+pfq_netif_rx(skb);" in tree.diff(VANILLA, ACCELERATED)
    assert tree.keep_local_changes() is None
    assert tree.base() == VANILLA
    assert tree.content(VANILLA, "a.c").decode() == TEXT


def test_build_products_are_not_changes(tree: WorkTree) -> None:
    """Objects are neither committed nor taken for changes; clean removes them."""
    (tree.root / "a.o").write_text("o")
    (tree.root / ".a.o.cmd").write_text("c")
    assert tree.keep_local_changes() is None
    tree.clean()
    assert not (tree.root / "a.o").exists()


def test_changes_by_hand_are_carried_over(tree: WorkTree) -> None:
    """A change elsewhere in a rewritten file lands between vanilla and the rewrite, again and again."""
    for number, word in enumerate(("one", "two")):
        tree.check_out(ACCELERATED)
        path = tree.root / "a.c"
        path.write_text(path.read_text().replace(word, f"changed {number}"))
        assert tree.keep_local_changes() == "a.c"
    assert tree.base() == LOCAL
    kept = tree.content(LOCAL, "a.c").decode()
    assert "changed 0" in kept and "changed 1" in kept
    assert "pfq_" not in kept
    assert tree.content(VANILLA, "a.c").decode() == TEXT


def test_changes_by_hand_before_the_rewrite(tree: WorkTree) -> None:
    """With the vanilla sources in the tree (after a plan) a change does not become vanilla."""
    tree.show(VANILLA)
    path = tree.root / "a.c"
    path.write_text(path.read_text().replace("one", "changed"))
    assert tree.keep_local_changes() == "a.c"
    assert tree.content(VANILLA, "a.c").decode() == TEXT
    assert tree.changed_by_hand() == ("a.c",)


def test_an_interrupted_rewrite_is_no_change_by_hand(tree: WorkTree) -> None:
    """What we left half done is undone; a lock that a killed git left is removed."""
    tree.show(VANILLA)
    with pytest.raises(RuntimeError), tree.mutating():
        (tree.root / "a.c").write_text("half")
        raise RuntimeError
    (tree.root / ".git/index.lock").touch()
    tree.recover()
    assert (tree.root / "a.c").read_text() == TEXT
    assert tree.keep_local_changes() is None


def test_deleted_files_come_back(tree: WorkTree) -> None:
    """A file that was deleted from the tree is no change that anybody can want."""
    (tree.root / "a.c").unlink()
    assert tree.keep_local_changes() is None
    assert (tree.root / "a.c").is_file()


def test_clean_keeps_what_somebody_put_there(tree: WorkTree) -> None:
    """Only build products go."""
    (tree.root / "notes.txt").write_text("mine")
    (tree.root / "a.o").write_text("o")
    tree.clean()
    assert (tree.root / "notes.txt").exists() and not (tree.root / "a.o").exists()


def test_changes_at_the_site_are_refused_and_kept(tree: WorkTree) -> None:
    """Where hand and rewrite overlap git cannot tell; nothing is lost."""
    path = tree.root / "a.c"
    mine = path.read_text().replace("pfq_netif_rx(skb)", "pfq_netif_rx(other)")
    path.write_text(mine)
    with pytest.raises(PlanRefused, match="by hand"):
        tree.keep_local_changes()
    assert path.read_text() == mine
    assert tree.changed() == ("a.c",)


def test_damaged_repository_is_no_repository(tree: WorkTree) -> None:
    """A tree that git cannot read is made anew by its owner."""
    assert WorkTree.open(tree.root) is not None
    (tree.root / ".git/index").write_bytes(b"garbage")
    assert WorkTree.open(tree.root) is None
    assert WorkTree.open(tree.root / "nowhere") is None
