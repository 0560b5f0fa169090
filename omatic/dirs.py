# SPDX-License-Identifier: GPL-2.0-or-later
"""All places: the cache and what is in it, and the files that travel with the program.

In a checkout the cache is drivers-cache/ and the resources are the checkout's own folders; installed, they are the
user's cache directory (root: /var/cache/pfq-omatic) and the package's data. Nothing else knows which it is.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent
RESOURCES = ("templates", "patches", "kernel", "user")


def in_checkout() -> bool:
    """Tell whether the program runs from its source repository."""
    return (_CHECKOUT / "pyproject.toml").is_file() and (_CHECKOUT / "drivers-cache").is_dir()


def resource(name: str) -> Path:
    """Return one of the folders that travel with the program: templates, patches, kernel, user."""
    assert name in RESOURCES, name
    return (_CHECKOUT if in_checkout() else _PACKAGE / "data") / name


def default_cache() -> Path:
    """Return where the cache is unless the user says otherwise."""
    if given := os.environ.get("PFQ_OMATIC_CACHE"):
        return Path(given).absolute()
    if in_checkout():
        return _CHECKOUT / "drivers-cache"
    if os.geteuid() == 0:
        return Path("/var/cache/pfq-omatic")
    return Path(platformdirs.user_cache_dir("pfq-omatic"))


@dataclass(frozen=True, slots=True)
class Cache:
    """The folders of one cache; drivers-cache/README.md describes them."""

    root: Path

    @property
    def downloads(self) -> Path:
        """Packages as they came."""
        return self.root / "downloads"

    @property
    def sources(self) -> Path:
        """Unpacked vanilla sources."""
        return self.root / "sources"

    @property
    def stock(self) -> Path:
        """Stock modules of kernels whose image is not installed."""
        return self.root / "stock"

    @property
    def flags(self) -> Path:
        """What libclang accepts; compile flags and scans by content."""
        return self.root / "flags"

    @property
    def locks(self) -> Path:
        """Lock files."""
        return self.root / "locks"

    def work(self, release: str, unit: str) -> Path:
        """The work folder of one unit (modules that are built together) for one kernel."""
        return self.root / "work" / release / unit

    def vendor_work(self, release: str, unit: str) -> Path:
        """The work folder of a vendor's driver for one kernel."""
        return self.root / "vendor" / release / unit

    def core(self, release: str) -> Path:
        """pfq_hook.ko and pfq.ko for one kernel."""
        return self.root / "core" / release


@contextmanager
def staging(target: Path) -> Iterator[Path]:
    """Yield a new folder beside `target` that becomes `target` if the block succeeds and vanishes if it does not.

    An existing `target` is replaced as a whole, so a reader sees the old or the new folder and never a mixture.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield temporary
        temporary.chmod(0o755)
        if target.exists():
            doomed = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
            target.rename(doomed / "old")
            temporary.rename(target)
            shutil.rmtree(doomed)
        else:
            temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
