# SPDX-License-Identifier: GPL-2.0-or-later
"""How the last attempt to make a driver for DKMS ended, one JSON file for each kernel and driver.

An attempt is recorded as cut short before it begins: what kills it, a power cut or a time limit, leaves the truth.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from omatic.errors import BuiltInDriver, KernelMissing, OmaticError, UnknownDriver
from omatic.life.receipt import InstalledFile, Receipt
from omatic.life.system import System, remove_durably, write_durably

READY, FAILED, SKIPPED = "ready", "failed", "skipped"
"""The module is in place; it should be and is not; this kernel has no use for it, or no headers yet."""

_BUILT = "built"

_CUT_SHORT = "cut short: a time limit, a reboot or a signal"

_NOT_OURS = (UnknownDriver, BuiltInDriver, KernelMissing)
"""What is no failure: nothing can be done about it here and now."""


@dataclass(frozen=True, slots=True)
class Record:
    """How it ended, why, what to do next, and when; `package` is the version of the kernel it was made for."""

    result: str
    why: str
    hint: str
    when: str
    package: str = ""


def folder(system: System) -> Path:
    """Return where the records are: RELEASE/DRIVER.json below it."""
    return system.state / "dkms"


def _path(system: System, release: str, driver: str, suffix: str = "json") -> Path:
    return folder(system) / release / f"{driver}.{suffix}"


def write(
    system: System, release: str, driver: str, result: str, why: str, *, hint: str = "", package: str = ""
) -> None:
    """Keep a result."""
    kept = Record(result, why, hint, datetime.now(UTC).isoformat(timespec="seconds"), package)
    write_durably(_path(system, release, driver), json.dumps(asdict(kept), indent=1).encode() + b"\n")


def read(system: System, release: str, driver: str) -> Record | None:
    """Return the last result; None if nothing was tried."""
    try:
        return Record(**json.loads(_path(system, release, driver).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def remove(system: System, release: str, driver: str) -> None:
    """Drop a record, and the kernel's folder of records with the last one."""
    path = _path(system, release, driver)
    remove_durably(_path(system, release, driver, _BUILT))
    remove_durably(path)
    for parent in (path.parent, path.parent.parent):
        if parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()


def prune(system: System) -> None:
    """Drop the records of kernels that have gone."""
    for path in list(folder(system).glob("*/*.json")):
        if not system.modules(path.parent.name).is_dir():
            remove(system, path.parent.name, path.stem)


def keep_built(system: System, draft: Receipt) -> None:
    """Keep the receipt of what was built: it becomes one when dkms has installed it."""
    write_durably(_path(system, draft.release, draft.driver, _BUILT), json.dumps(asdict(draft)).encode() + b"\n")


def built(system: System, release: str, driver: str) -> Receipt | None:
    """Return the receipt of what was built, still without files; None if nothing was."""
    try:
        kept = json.loads(_path(system, release, driver, _BUILT).read_text())
    except FileNotFoundError:
        return None
    stock = kept.pop("stock")
    return Receipt(**{**kept, "files": (), "stock": InstalledFile(**stock) if stock else None})


@contextmanager
def attempt(system: System, release: str, driver: str) -> Iterator[None]:
    """Record how the block ends if it does not end well; whoever makes the module ready says so itself.

    Attempts nest, through dkms: the innermost is nearest to the cause, and what it has recorded stays.
    """
    write(system, release, driver, FAILED, _CUT_SHORT, hint=_hint(release))
    try:
        yield
    except Exception as error:
        last = read(system, release, driver)
        if last is None or last.result == READY or last.why == _CUT_SHORT:
            _write_error(system, release, driver, error)
        raise


def _write_error(system: System, release: str, driver: str, error: Exception) -> None:
    if isinstance(error, _NOT_OURS):
        write(system, release, driver, SKIPPED, error.message, hint=error.hint)
    elif isinstance(error, OmaticError):
        why = "; ".join((error.message, *error.details[:3]))
        write(system, release, driver, FAILED, why, hint=f"{error.hint}; then: {_hint(release)}")
    else:
        why = f"{type(error).__name__}: {error}".rstrip(": ")
        write(system, release, driver, FAILED, why, hint=_hint(release))


def _hint(release: str) -> str:
    return f"pfq-omatic dkms retry --kernel {release}"
