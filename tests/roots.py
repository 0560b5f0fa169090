# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian roots for tests that change a whole system: layers on top of what tools/root.sh bootstraps.

    with roots.kept("life-base", packages, setup) as (path, there):       kept by content in drivers-cache/roots/
        if not there:
            roots.make("bookworm", path)
            roots.install(path, ["dkms", "kmod"])
    mine = roots.copy(path, tmp_path / "root")                            one that a test may ruin
    roots.inside(mine, "apt-get -y remove dkms")                          a line of shell in it

Deleting what is kept is always safe. Needs root, debootstrap and unshare; `require` skips the test without them.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import filelock
import pytest

from omatic import proc
from omatic.proc import Completed
from omatic.state import digest

TOP = Path(__file__).resolve().parents[1]
KEPT = TOP / "drivers-cache" / "roots"
_TOOL = TOP / "tools/root.sh"
_PATIENCE = 1800.0


def require() -> None:
    """Skip the test where roots cannot be made."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a Debian root")
    for tool in ("debootstrap", "unshare", "chroot"):
        if not proc.available(tool):
            pytest.skip(f"{tool} is not installed")


@contextmanager
def kept(name: str, *content: object) -> Iterator[tuple[Path, bool]]:
    """Yield the place in the cache for this content, and whether it is there already; the caller makes it if not.

    If the block fails, what it has made is removed; if it succeeds, what was kept for other content of that name.
    """
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / f"{name}-{digest(*content)[:12]}"
    unready = path.with_name(f".{path.name}.unready")
    with filelock.FileLock(KEPT / f".{name}.lock"):
        if unready.exists():
            remove(path)
        there = path.exists()
        if there:
            yield path, True
            return
        unready.touch()
        yield path, False
        unready.unlink()
        for other in KEPT.glob(f"{name}-{'?' * 12}"):
            if other != path:
                remove(other)
        for other in KEPT.glob(f".{name}-{'?' * 12}.unready"):
            other.unlink()


def make(suite: str, folder: Path) -> None:
    """Make a minimal system of a Debian suite in a folder that does not exist."""
    proc.run([_TOOL, suite, folder], timeout=_PATIENCE)


def copy(root: Path, to: Path) -> Path:
    """Return a copy of a root that may be changed."""
    proc.run(["cp", "-a", "--reflink=auto", root, to], timeout=_PATIENCE)
    return to


def remove(root: Path) -> None:
    """Remove a root, or another thing that was kept."""
    proc.run(["rm", "-rf", "--one-file-system", root], timeout=_PATIENCE)


def install(root: Path, packages: Sequence[str]) -> None:
    """Install packages, without what they merely recommend, into a root."""
    inside(root, f"apt-get -y -qq --no-install-recommends install {' '.join(packages)}")


def inside(
    root: Path, command: str, *, env: Mapping[str, str] | None = None, check: bool = True, timeout: float = _PATIENCE
) -> Completed:
    """Run a line of shell in a root, in its own mount and process namespaces: nothing of it outlives the command."""
    settings = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
                "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", **(env or {})}  # fmt: skip
    return proc.run([_TOOL, "--in", root, "/bin/sh", "-c", command], env=settings, timeout=timeout, check=check)
