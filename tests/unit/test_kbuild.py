# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel's build system refuses, in our words."""

from pathlib import Path

import pytest

from omatic import kbuild
from omatic.errors import HOPELESS, BuildFailed, KernelMissing
from omatic.model import KernelTarget


def build(tmp_path: Path, says: str) -> None:
    """Build in a toy kernel whose Makefile says something and fails."""
    headers, tree = tmp_path / "headers", tmp_path / "tree"
    for folder in (headers, tree):
        folder.mkdir()
    (headers / "Makefile").write_text(f"modules:\n\t@echo '{says}' >&2; false\n")
    target = KernelTarget("6.1.0-1-toy", headers, {}, headers / "Module.symvers", "sh", None)
    kbuild.build(target, tree, log_to=tmp_path / "log", jobs=1)


def test_headers_that_are_incomplete(tmp_path: Path) -> None:
    """Headers that are being upgraded, or were spoilt by a make in them: nothing can be built, which ends a sweep."""
    with pytest.raises(KernelMissing) as found:
        build(tmp_path, "  ERROR: Kernel configuration is invalid.")
    assert "incomplete" in found.value.message and "--reinstall linux-headers-6.1.0-1-toy" in found.value.hint
    assert isinstance(found.value, HOPELESS)


def test_a_driver_that_does_not_compile(tmp_path: Path) -> None:
    """The compiler's words, and where the log is."""
    with pytest.raises(BuildFailed) as found:
        build(tmp_path, "drv.c:3:1: error: unknown type name")
    assert any("unknown type name" in line for line in found.value.details)
