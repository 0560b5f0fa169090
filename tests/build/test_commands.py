# SPDX-License-Identifier: GPL-2.0-or-later
"""The compile commands of a driver: those of the kernel's own build, to the letter."""

from pathlib import Path

import pytest

from omatic import cflags, kbuild, kernel, proc
from tests.build.conftest import Command

pytestmark = pytest.mark.kbuild


def test_entering_a_folder_directly_gives_the_commands_of_the_whole_build(
    private: Command, release: str, tmp_path: Path
) -> None:
    """What the top Makefile hands down is kept and used again: same commands as when make starts from the top."""
    # Nothing is compiled in a private cache yet: what is up to date has no commands.
    private.json("plan", ["ixgbe"])
    tree = private.cache / "work" / release / "ixgbe" / "tree"
    target = kernel.discover(release)
    whole = proc.run([*kbuild.arguments(target, tree), "-n", "-w", "modules"], check=False).stdout
    expected = tuple(cflags.parse(whole, tree, target.build_dir))
    first = cflags.commands(target, tree, "first", tmp_path)
    (entry,) = tmp_path.glob("entry-*")
    assert len(expected) > 10
    assert first == expected
    entry.write_text("not what was written")
    assert cflags.commands(target, tree, "second", tmp_path) == expected
