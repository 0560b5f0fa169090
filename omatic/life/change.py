# SPDX-License-Identifier: GPL-2.0-or-later
"""What installing and removing have in common: their options, what they report, and the way back when they fail."""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from omatic import stock
from omatic.dirs import sha256
from omatic.life import modprobe, receipt, steps
from omatic.life.receipt import Receipt
from omatic.life.steps import Step
from omatic.life.system import System


@dataclass(frozen=True, slots=True)
class Options:
    """How a change is to be made: `argv` is what the journal says of it, enough to run the command again."""

    system: System
    argv: tuple[str, ...]
    dry_run: bool = False
    sign_key: Path | None = None
    sign_certificate: Path | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What was done, or would be done (`dry_run`): the steps in words, and the receipts written or dropped."""

    steps: tuple[str, ...]
    receipts: tuple[Receipt, ...]
    dry_run: bool

    def to_json(self) -> dict[str, object]:
        """Return it as `install --json` and `uninstall --json` print it."""
        return {"dry_run": self.dry_run, "steps": list(self.steps), "receipts": [asdict(r) for r in self.receipts]}


@dataclass(frozen=True, slots=True)
class Before:
    """How one kernel was: copies of our files (None: there was none), and receipts by driver."""

    release: str
    files: Mapping[str, Path | None]
    receipts: Mapping[str, Receipt | None]


def look(system: System, release: str, files: Iterable[str], drivers: Iterable[str], copies: Path) -> Before:
    """Return how things are now, with copies of the files in the folder `copies`."""
    kept: dict[str, Path | None] = {}
    for number, path in enumerate(files):
        there = modprobe.real(system, path)
        kept[path] = None
        if there.is_file():
            kept[path] = Path(shutil.copyfile(there, copies / f"{release}-{number}-{there.name}"))
    return Before(release, kept, {driver: receipt.read(system, release, driver) for driver in drivers})


def way_back(before: Before, checksums: Mapping[str, tuple[str, ...]], prefer: tuple[Path, ...]) -> tuple[Step, ...]:
    """Return the steps that make a kernel's folder as it was, from wherever a change may have stopped.

    `checksums` are those that each file may have on the way; `prefer` the stock modules (paths below kernel/) that
    depmod must go back to before those files can be removed.
    """
    release = before.release
    new = tuple(path for path, copy in before.files.items() if copy is None)
    back: list[Step] = [steps.Put(copy, path) for path, copy in before.files.items() if copy is not None]
    if new and prefer:
        back += [steps.PreferStock(release, prefer), steps.Depmod(release)]
    back += [steps.Remove(path, checksums[path]) for path in reversed(new) if path in checksums]
    back += [steps.PreferOurs(), steps.Depmod(release), steps.Prune(new), steps.RestoreInitramfs(release)]
    for driver, old in before.receipts.items():
        back.append(steps.Keep(old) if old else steps.Drop(release, driver))
    return tuple(back)


def checksum(system: System, path: str) -> str | None:
    """Return the SHA-256 of a file of the machine; None if there is none."""
    there = modprobe.real(system, path)
    return sha256(there) if there.is_file() else None


def intree(path: str, release: str) -> Path:
    """Return a stock module's path below kernel/, without compression suffix."""
    below = Path(steps.below(path, release)).relative_to("kernel")
    return below.with_name(f"{stock.stem(below.name)}.ko")
