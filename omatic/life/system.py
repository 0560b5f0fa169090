# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things are on the machine that is changed, the lock that all changes take, and writes that survive a power cut.

Everything else in `life` asks here for paths. `root` is / on a live machine; another one serves kernels below another
root and the tests.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import filelock

from omatic.dirs import write_atomically
from omatic.errors import Busy


@dataclass(frozen=True, slots=True)
class System:
    """The machine: its folders, by what is in them."""

    root: Path = Path("/")

    @property
    def state(self) -> Path:
        """What must outlive a reboot: journal, receipts, swaps, results of DKMS."""
        return self.root / "var/lib/pfq-omatic"

    @property
    def run(self) -> Path:
        """What must not: locks, the watchdog's files."""
        return self.root / "run/pfq-omatic"

    @property
    def journal(self) -> Path:
        """The operation under way; absent when there is none."""
        return self.state / "journal"

    @property
    def receipts(self) -> Path:
        """RELEASE/DRIVER.json below here says what is installed."""
        return self.state / "receipts"

    @property
    def swaps(self) -> Path:
        """DRIVER.json below here describes a swap of the running driver."""
        return self.state / "swap"

    def modules(self, release: str) -> Path:
        """The kernel's modules."""
        return self.root / "lib/modules" / release

    def usual(self) -> str:
        """The kernel that is meant where none is named: the running one, or the only one below another root."""
        there = (
            [] if self.root == Path("/") else [path.parent.name for path in self.modules("*").parent.glob("*/kernel")]
        )
        return there[0] if len(there) == 1 else os.uname().release

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the one lock for changes to the machine; raise Busy if somebody else does."""
        self.run.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self.run / "lock")
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            raise Busy("another pfq-omatic is changing this machine", hint="wait until it is done") from None
        try:
            yield
        finally:
            lock.release()


def write_durably(path: Path, data: bytes) -> None:
    """Write a file so that after a power cut either the old or the whole new one is there."""
    write_atomically(path, data)
    sync(path)
    sync(path.parent)


def remove_durably(path: Path) -> None:
    """Remove a file, if it is there, for good."""
    path.unlink(missing_ok=True)
    if path.parent.is_dir():
        sync(path.parent)


def sync(path: Path) -> None:
    """Have the disk keep a file's content, or a folder's list of names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
