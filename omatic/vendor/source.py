# SPDX-License-Identifier: GPL-2.0-or-later
"""Tell a vendor's driver from a kernel tree, and bring it here whole.

A kernel tree has drivers/ at its top and, where it is complete, Kconfig beside the Makefile. A vendor's source has a
Makefile of its own, wherever it keeps it, and may well have a folder drivers/, too. Of a kernel only parts are
wanted; a vendor's Makefile may reach anywhere, so all of it is taken.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import filelock

from omatic import fetch, gitio, giturl, log, proc
from omatic.dirs import Cache, sha256, staging, write_atomically
from omatic.errors import CommandError, SourceCorrupt, UsageError
from omatic.model import KernelTarget
from omatic.sysroot import HERE
from omatic.unpack import Clone, Tarball

MAKEFILES = ("Kbuild", "GNUmakefile", "makefile", "Makefile")
"""What kbuild and make read in a folder; kbuild prefers the first, make the second."""

_LARGEST = 64 << 20
"""No driver is larger than this as an archive, and a kernel is: its names need not be listed."""

_PRODUCTS = (".o", ".ko", ".cmd", ".mod", ".d")
_PRODUCT_NAMES = ("Module.symvers", "modules.order", ".git", ".tmp_versions")
_OF_GIT = (".gitignore", ".gitattributes")


@dataclass(frozen=True, slots=True)
class VendorSource:
    """A vendor's driver: `root` holds it as it was published; `label` says what it is, in short; `origin` exactly
    (commit or checksum); `altered` are the files that are not as they were published."""

    root: Path
    label: str
    origin: str
    altered: tuple[str, ...] = ()


def find(target: KernelTarget, source: str, cache: Cache, *, offline: bool) -> VendorSource | None:
    """Return the vendor's driver that --source names, brought here; None if that is something else, or nothing."""
    found = _find(target, source, cache, offline=offline)
    if found is not None and target.root != HERE:
        # Their Makefile looks for the kernel, the compiler and more by itself, from /.
        raise UsageError(
            f"{found.label} is a vendor's driver, which cannot be built for a kernel below {target.root}",
            hint="run pfq-omatic in the system below that root, without --sysroot",
        )
    return found


def _find(target: KernelTarget, source: str, cache: Cache, *, offline: bool) -> VendorSource | None:
    path = Path(source)
    if path.is_dir() and not giturl.is_bare(path):
        return _folder(path.absolute())
    if path.is_file() and (path.suffix == ".deb" or path.stat().st_size > _LARGEST):
        return None
    cache.sources.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(cache.sources / ".lock"):
        found = fetch.locate(target, source, cache, offline)
        if isinstance(found.origin, Tarball):
            return _tarball(found.origin.path, cache.sources / f"{found.key}-vendor")
        if isinstance(found.origin, Clone):
            return _clone(found, source, cache, offline=offline)
    return None


def is_vendors(names: Iterable[PurePosixPath]) -> bool:
    """Tell from the paths of its files whether a source is a vendor's driver; one leading folder does not count."""
    paths = list(names)
    leading = {path.parts[0] for path in paths if path.parts}
    if len(leading) == 1 and leading != {"drivers"} and all(len(path.parts) > 1 for path in paths):
        paths = [PurePosixPath(*path.parts[1:]) for path in paths]
    top = {path.parts[0] for path in paths if path.parts}
    makefile = bool(top & set(MAKEFILES))
    if "configure" in top and makefile:
        return True
    if "drivers" in top and ("Kconfig" in top or not makefile):
        return False
    return any(path.name in MAKEFILES for path in paths)


# --- folders


def _folder(path: Path) -> VendorSource | None:
    # What unpack.source_root takes for a kernel tree is one, unless it says otherwise itself.
    tops = [path, *sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))]
    for top in tops:
        if (top / "drivers").is_dir():
            if (top / "Kconfig").is_file() or not any((top / name).is_file() for name in MAKEFILES):
                return None
            break
    if not is_vendors(PurePosixPath(path.name, *file.relative_to(path).parts) for file in files(path)):
        return None
    kept = gitio.published(path)
    if kept is None:
        return VendorSource(path, f"folder {path}", f"folder {path}, SHA-256 of its files {_digest(sums(path))}")
    commit, changed = kept
    return VendorSource(path, f"folder {path} ({commit[:12]})", f"commit {commit}, in folder {path}", changed)


def files(root: Path) -> Iterator[Path]:
    """Yield the files of a source in their order: no products of builds, nothing of git's own."""
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(name for name in subfolders if name not in _PRODUCT_NAMES)
        for name in sorted(names):
            path = Path(folder, name)
            product = path.suffix in _PRODUCTS or name.endswith(".mod.c") or name in (*_PRODUCT_NAMES, *_OF_GIT)
            if not product and (path.is_file() or path.is_symlink()):
                yield path


def sums(root: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a source by path."""
    return {str(path.relative_to(root)): _sum(path) for path in files(root)}


def _sum(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink()}"
    executable = "x" if os.access(path, os.X_OK) else ""
    return sha256(path) + executable


def _digest(content: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


# --- archives and repositories, unpacked once


def _tarball(path: Path, store: Path) -> VendorSource | None:
    if (kept := _kept(store)) is not None:
        return kept
    try:
        names = proc.run(["tar", "-t", "-f", path]).stdout.splitlines()
    except CommandError:
        # Damaged, or none: whoever unpacks kernel trees says so.
        return None
    if not is_vendors(PurePosixPath(name) for name in names if not name.endswith("/")):
        return None
    with log.step(f"Unpacking {path.name}"), staging(store / "tree") as into:
        proc.run(["tar", "-x", "--no-same-owner", "-f", path, "-C", into])
    digest = sha256(path)
    return _keep(store, f"{path.name} (sha256 {digest[:12]})", f"{path.name}, SHA-256 {digest}")


def _clone(found: fetch.Found, source: str, cache: Cache, *, offline: bool) -> VendorSource | None:
    store = cache.sources / f"{found.key}-vendor"
    if (kept := _kept(store)) is not None:
        return kept
    assert isinstance(found.origin, Clone)
    origin = found.origin.path
    if not is_vendors(PurePosixPath("top", name) for name in gitio.listing(origin) if name):
        return None
    url, ref = giturl.repository(source)
    used, commit = fetch.cloned(origin)
    with log.step(f"Fetching all of {url}"), tempfile.TemporaryDirectory(dir=cache.sources) as scratch:
        if ref is None and used.startswith("v"):
            # A tag that happens to be called like the kernel's version says nothing of a vendor's driver.
            origin = Path(scratch)
            used, commit = gitio.clone(url, None, origin)
        gitio.take(origin, (name for name in gitio.listing(origin) if name), offline=offline)
        with staging(store / "tree") as into:
            copy(origin, into)
    return _keep(store, f"{url} {used} ({commit[:12]})", f"commit {commit} ({used}) of {url}")


def copy(root: Path, into: Path) -> None:
    """Copy the files of a source, links and modes as they are."""
    for path in files(root):
        place = into / path.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place, follow_symlinks=False)


def _keep(store: Path, label: str, origin: str) -> VendorSource:
    about = {"label": label, "origin": origin, "sha256": sums(store / "tree")}
    write_atomically(store / "vendor.json", json.dumps(about, indent=1).encode())
    kept = _kept(store)
    if kept is None:
        raise SourceCorrupt(f"{store} is not as it was written", hint=f"rm -r {store} and try again")
    return kept


def _kept(store: Path) -> VendorSource | None:
    try:
        about = json.loads((store / "vendor.json").read_text())
        label, origin, before = str(about["label"]), str(about["origin"]), dict(about["sha256"])
        now = sums(store / "tree")
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if before.keys() - now.keys():
        # Files are gone: unpacked again.
        return None
    altered = tuple(sorted(path for path, digest in now.items() if before.get(path) != digest))
    root = store / "tree"
    entries = [entry for entry in root.iterdir() if entry.name not in _OF_GIT]
    while len(entries) == 1 and entries[0].is_dir():
        root = entries[0]
        entries = list(root.iterdir())
    prefix = root.relative_to(store / "tree")
    return VendorSource(root, label, origin, tuple(os.path.relpath(path, prefix) for path in altered))
