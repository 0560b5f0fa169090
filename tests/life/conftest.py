# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines for the tests of this folder; rig.py tells how to use them.

PFQ_TEST_LIFE_IMAGE names the folder of a disk in drivers-cache/roots/ that is taken as it is, whatever has changed.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from omatic import proc
from omatic.lab import qemu
from tests import roots
from tests.life import disks, rig
from tests.life.image import Image, image


class Boot:
    """A disk of one's own, which can be booted time and again."""

    def __init__(self, made: Image, folder: Path, disk: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.image = made
        self.folder = folder
        self.disk = disks.overlay(disk or made.disk, folder / "disk.qcow2")
        self._as_made = disk is None
        self._boots = 0

    @contextmanager
    def boot(self, *, small: bool = False, **settings: Any) -> Iterator[rig.Rig]:
        """Boot with what is in /boot of the disk, or small; settings are those of rig.Setup (nics, cpus ...)."""
        self._boots += 1
        work = self.folder / f"boot{self._boots}"
        if small:
            files = self.image.small
        elif self._as_made and self._boots == 1:
            files = self.image.boot
        else:
            files = disks.boot_files(self.disk, self.image.release, work)
        setup = rig.Setup(qemu.find(), *files, self.disk, work, small=small)
        with rig.boot(replace(setup, **settings)) as machine:
            try:
                yield machine
            finally:
                self.disk = machine.disk


@pytest.fixture(scope="session")
def made_image() -> Image:
    """Make the disk that all tests start from, or take the one that was made before."""
    if ready := os.environ.get("PFQ_TEST_LIFE_IMAGE"):
        found = Path(ready)
        return Image(next(found.glob("initrd.img-*")).name.removeprefix("initrd.img-"), found)
    roots.require()
    release = os.environ.get("PFQ_TEST_KERNEL") or proc.run([roots.TOP / "tools/default-kernel.sh"]).stdout.strip()
    return image(release)


@pytest.fixture(name="rig")
def _rig(made_image: Image, tmp_path: Path) -> Boot:
    return Boot(made_image, tmp_path)
