# SPDX-License-Identifier: GPL-2.0-or-later
"""The core's C is clean by the kernel's own standards: W=1, sparse with endian checks, checkpatch --strict."""

import os
import shutil
from pathlib import Path

import pytest

from omatic import dirs, fetch, kernel
from omatic.dirs import Cache
from tests import corestyle

pytestmark = pytest.mark.kbuild


@pytest.mark.parametrize("variable", ["PFQ_TEST_KERNEL", "PFQ_TEST_OLDER_KERNEL"])
def test_the_compiler_and_sparse_have_nothing_to_say(variable: str, tmp_path: Path) -> None:
    release = os.environ.get(variable)
    if not release:
        pytest.skip(f"{variable} names no kernel")
    assert corestyle.warnings(kernel.discover(release), tmp_path / "core", sparse=True) == []


def test_sparse_is_asked(release: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endian mistake is found, so that silence means something."""
    wrong = tmp_path / "wrong"
    shutil.copytree(dirs.resource("kernel"), wrong)
    with (wrong / "main.c").open("a") as source:
        source.write("\nu32 wrong(__be32 a);\nu32 wrong(__be32 a)\n{\n\treturn a;\n}\n")
    monkeypatch.setattr(dirs, "resource", lambda _: wrong)
    found = corestyle.warnings(kernel.discover(release), tmp_path / "core", sparse=True)
    assert any("incorrect type in return expression" in line for line in found)


def test_checkpatch_has_nothing_to_say(release: str) -> None:
    sources = fetch.fetch(
        kernel.discover(release), [Path("scripts")], source="auto", cache=Cache(dirs.default_cache()), offline=False
    )
    assert corestyle.checkpatch(sources.root / "scripts/checkpatch.pl") == []
