# SPDX-License-Identifier: GPL-2.0-or-later
"""Bring the exact vanilla sources of a kernel's drivers, and the stock kernel itself where it is not installed.

The package that owns the headers names the version; the provider fetches the sources of *that* version. Only the
parts that the wanted drivers need are unpacked, with the layout kept, in one pass over the archive for all of them;
headers that they reach by relative includes are brought along. What is fetched once is never fetched again.
"""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import filelock

from omatic import apt, gitio, giturl, includes, kernel, log, proc, rpm, stock, sysroot
from omatic.dirs import Cache, sha256, staging, write_atomically
from omatic.errors import KernelMissing, OmaticError, SourceCorrupt, SourceNotFound, SourceUnreachable
from omatic.model import KernelTarget, PackageId, StockKernel
from omatic.unpack import Clone, Depth, Folder, Origin, Part, Tarball, source_root


@dataclass(frozen=True, slots=True)
class SourceTree:
    """Vanilla sources: `root` holds drivers/...; `label` says what they are; `exact` whether they are known to be the
    kernel's own (the proof decides in any case)."""

    root: Path
    label: str
    exact: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for a --source: where to extract from, the name it is stored under, what it is, and whether it is
    known to be the kernel's own."""

    origin: Origin
    key: str
    label: str
    exact: bool


def base_parts(folder: Path) -> tuple[Part, ...]:
    """Return what is unpacked at first for a driver in that folder: it, and its vendor's headers.

    A folder as high as drivers/net is shared by hundreds of drivers: there only its own files are taken.
    """
    if len(folder.parts) <= 2:
        return (Part(folder, Depth.SHALLOW),)
    parts = [Part(folder, Depth.DEEP)]
    if len(folder.parts) > 4:
        parts.append(Part(Path(*folder.parts[:4]), Depth.HEADERS))
    return tuple(parts)


def fetch(target: KernelTarget, folders: Sequence[Path], *, source: str, cache: Cache, offline: bool) -> SourceTree:
    """Return a tree that holds the given in-tree folders and the headers they reach; fetch what is missing."""
    wanted = [part for folder in dict.fromkeys(folders) for part in base_parts(folder)]
    if source != "auto" and Path(source).is_dir() and not giturl.is_bare(Path(source)):
        root = source_root(Path(source).absolute())
        _demand(root, folders, str(root))
        return SourceTree(root, f"folder {root}", False)
    cache.sources.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(cache.sources / ".lock"):
        if source == "auto" and (known := _remembered(target, wanted, folders, cache)):
            return known
        found = locate(target, source, cache, offline)
        store = cache.sources / found.key
        _add(store, found, wanted)
        while missing := _missing_parts(store / "tree", folders):
            if not _add(store, found, missing):
                break
        _demand(store / "tree", folders, found.label)
        if source == "auto":
            write_atomically(_memory(target, cache), json.dumps([found.key, found.label, found.exact]).encode())
        return SourceTree(store / "tree", found.label, found.exact)


def at_hand(target: KernelTarget, folders: Iterable[Path], cache: Cache) -> frozenset[Path]:
    """Return those of the in-tree folders whose sources `fetch` would find without a network."""
    asked = frozenset(folders)
    try:
        _from_distribution(target, cache, offline=True)
    except OmaticError:
        pass
    else:
        return asked
    try:
        key, _, _ = json.loads(_memory(target, cache).read_text())
    except (OSError, ValueError, TypeError):
        return frozenset()
    parts, _ = _manifest(cache.sources / key)
    return frozenset(folder for folder in asked if parts.issuperset(base_parts(folder)))


def _memory(target: KernelTarget, cache: Cache) -> Path:
    version = target.package.source_version if target.package else "unknown"
    return cache.sources / f"{target.release}_{version.replace(':', '%3a')}.json"


def _remembered(
    target: KernelTarget, wanted: Sequence[Part], folders: Sequence[Path], cache: Cache
) -> SourceTree | None:
    # The common case, without asking apt: these sources were fetched before and have all that is wanted.
    try:
        key, label, exact = json.loads(_memory(target, cache).read_text())
    except (OSError, ValueError, TypeError):
        return None
    store = cache.sources / key
    if not set(wanted) <= _manifest(store)[0] or any(not (store / "tree" / folder).is_dir() for folder in folders):
        return None
    return SourceTree(store / "tree", label, exact)


def _demand(root: Path, folders: Iterable[Path], label: str) -> None:
    for folder in folders:
        if not (root / folder).is_dir():
            raise SourceNotFound(
                f"{label} has no {folder}",
                hint="give sources of this kernel: --source auto, a kernel tree, a tarball or a git URL[@REF]",
            )


# --- what the store holds


def _manifest(store: Path) -> tuple[set[Part], dict[str, str]]:
    """Return the parts that the store has, and the checksums of its files; what is damaged counts as absent.

    A part of which a file has gone is not there: it is unpacked again.
    """
    try:
        kept = json.loads((store / "manifest.json").read_text())
        parts = {Part(Path(folder), Depth(depth)) for folder, depth in kept["parts"]}
        sums = {str(path): str(digest) for path, digest in kept["sha256"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set(), {}
    gone = [Path(path) for path in sums if not (store / "tree" / path).is_file()]
    return {part for part in parts if not any(part.holds(path) for path in gone)}, sums


def _add(store: Path, found: Found, wanted: Sequence[Part]) -> bool:
    """Extract the parts that the store lacks; return whether it lacked any.

    What was unpacked before keeps its place, changes made to it included; what an interrupted run left does not.
    """
    have, sums = _manifest(store)
    lacking = [part for part in dict.fromkeys(wanted) if part not in have]
    if not lacking:
        return False
    with tempfile.TemporaryDirectory(prefix=".unpack.", dir=store.parent) as name:
        fresh = Path(name)
        found.origin.extract(lacking, fresh)
        if not sums and (store / "tree").exists():
            # Without checksums nobody can tell what these files are.
            shutil.rmtree(store / "tree")
        for file in sorted(path for path in fresh.rglob("*") if path.is_file()):
            relative = str(file.relative_to(fresh))
            target = store / "tree" / relative
            if relative in sums and target.is_file():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            sums[relative] = sha256(file)
            file.replace(target)
    listed = sorted((str(part.folder), part.depth.value) for part in have | set(lacking))
    manifest = {"label": found.label, "parts": listed, "sha256": sums}
    write_atomically(store / "manifest.json", json.dumps(manifest, indent=1).encode())
    return True


def checksums(tree: SourceTree) -> dict[str, str]:
    """Return the SHA-256 that each file had when it was fetched, by path; empty for sources that are not ours."""
    return _manifest(tree.root.parent)[1]


def _missing_parts(root: Path, folders: Sequence[Path]) -> list[Part]:
    files = [
        path.relative_to(root)
        for folder in folders
        if (root / folder).is_dir()
        for path in ((root / folder).rglob("*.[ch]") if len(folder.parts) > 2 else ())
    ]
    _, missing = includes.follow(root, files)
    named = {folder for folder in _named_by_makefiles(root, folders) if not (root / folder).is_dir()}
    return [Part(folder, Depth.HEADERS) for folder in sorted({path.parent for path in missing} | named)]


_IN_TREE = re.compile(r"\$\(srctree\)/(drivers/[\w./-]+)")


def _named_by_makefiles(root: Path, folders: Sequence[Path]) -> Iterator[Path]:
    # Folders of other drivers whose headers are used: -I $(srctree)/drivers/...
    for folder in folders:
        for name in ("Kbuild", "Makefile"):
            if (makefile := root / folder / name).is_file():
                yield from (Path(found) for found in _IN_TREE.findall(makefile.read_text(errors="replace")))


# --- providers


def locate(target: KernelTarget, source: str, cache: Cache, offline: bool) -> Found:
    """Return where the sources are that --source names; a git repository is cloned, an archive downloaded."""
    if source == "auto":
        return _from_distribution(target, cache, offline)
    path = Path(source)
    if path.is_file():
        digest = sha256(path)
        return Found(Tarball(path.absolute()), f"tarball-{digest[:16]}", f"{path.name} (sha256 {digest[:12]})", False)
    return _from_git(target, *giturl.repository(source), cache, offline)


def _from_git(target: KernelTarget, url: str, ref: str | None, cache: Cache, offline: bool) -> Found:
    # One folder for each commit of a source, and a note of the last one: a branch moves.
    source = f"{url}@{ref}" if ref else url
    name = "git-" + hashlib.sha256(source.encode()).hexdigest()[:16]
    note = cache.sources / f"{name}.json"
    kept = _last_clone(note)
    if kept is None and offline:
        raise _offline(source)
    if kept is None or (not offline and _moved(kept, url)):
        cache.sources.mkdir(parents=True, exist_ok=True)
        with log.step(f"Cloning {url}"), tempfile.TemporaryDirectory(dir=cache.sources) as scratch:
            used, commit = _clone(url, ref, f"v{kernel.base_version(target)}", Path(scratch))
            kept = cache.sources / f"{name}-{commit[:12]}" / "clone"
            with staging(kept) as into:
                shutil.copytree(scratch, into, symlinks=True, dirs_exist_ok=True)
        write_atomically(kept.parent / "clone.json", json.dumps([used, commit]).encode())
        write_atomically(note, json.dumps(kept.parent.name).encode())
    used, commit = cloned(kept)
    return Found(Clone(kept, offline), kept.parent.name, f"{url} {used} ({commit[:12]})", False)


def _last_clone(note: Path) -> Path | None:
    try:
        clone = note.parent / str(json.loads(note.read_text())) / "clone"
        cloned(clone)
    except (OSError, ValueError, TypeError):
        return None
    return clone if (clone / ".git").is_dir() else None


def _moved(clone: Path, url: str) -> bool:
    used, commit = cloned(clone)
    newest = gitio.newest(clone) if used != commit else None
    if newest in (None, commit):
        return False
    log.info(f"{used} of {url} has moved on")
    return True


def cloned(clone: Path) -> tuple[str, str]:
    """Return the ref and the commit that a clone in the store was made of."""
    used, commit = json.loads((clone.parent / "clone.json").read_text())
    return str(used), str(commit)


def _clone(url: str, ref: str | None, guess: str, into: Path) -> tuple[str, str]:
    if ref is not None:
        return gitio.clone(url, ref, into)
    try:
        return gitio.clone(url, guess, into)
    except SourceNotFound as error:
        if "branch or tag" not in error.message:
            raise
        # Not the kernel's own repository, or one without tags: whatever its default branch is.
        log.info(f"no tag {guess} there; taking the default branch")
        shutil.rmtree(into / ".git", ignore_errors=True)
        return gitio.clone(url, None, into)


def _offline(what: str) -> SourceUnreachable:
    return SourceUnreachable(
        f"{what} is not in the cache, and --offline forbids fetching it",
        hint="run once without --offline, or give the sources with --source",
    )


def _owner(target: KernelTarget) -> PackageId:
    if target.package is None:
        raise SourceNotFound(
            f"no package owns the headers of {target.release}, so its sources cannot be found",
            hint="give them: --source FOLDER, TARBALL or GIT-URL[@REF]",
        )
    return target.package


def _from_distribution(target: KernelTarget, cache: Cache, offline: bool) -> Found:
    package = _owner(target)
    if target.root == sysroot.HERE and rpm.serves(package):
        return _from_source_rpm(package, cache, offline)
    names = source_names(target)
    for name in names:
        if path := apt.find_kept(name, package.source_version, cache.downloads):
            return Found(Tarball(path), path.stem, f"{name} {package.source_version}", True)
    unpacked = _store(package, cache)
    if (unpacked / "full").is_dir():
        return _full(package, unpacked)
    if offline:
        raise _offline(f"the source of {package.source} {package.source_version}")
    known = [found for name in names for found in apt.candidates(name, target.root)]
    exact = next((found for found in known if found.version == package.source_version), None)
    if exact is not None:
        path = apt.download(exact, cache.downloads, target.root)
        return Found(Tarball(path), path.stem, f"{exact.name} {exact.version}", True)
    return _from_source_package(target, unpacked, known, cache)


def _store(package: PackageId, cache: Cache) -> Path:
    return cache.sources / f"{package.source}_{package.source_version}".replace(":", "%3a")


def _from_source_rpm(package: PackageId, cache: Cache, offline: bool) -> Found:
    store = _store(package, cache)
    label = f"source package {package.source} {package.source_version}"
    if tree := rpm.installed_tree(package):
        return Found(Folder(tree), store.name, f"kernel-source in {tree}", True)
    if not (store / "package").is_dir():
        if offline:
            raise _offline(f"the {label}")
        with staging(store / "package") as into:
            rpm.fetch(package, into)
    return Found(rpm.origin(store / "package"), store.name, label, True)


def source_names(target: KernelTarget) -> tuple[str, ...]:
    """Return the names of the binary packages that may hold the kernel's sources: Debian's, then Ubuntu's."""
    numbers = re.findall(r"\d+", kernel.base_version(target) or target.release)
    short = ".".join(numbers[:2])
    return (f"linux-source-{short}", f"linux-source-{short}.0")


def _from_source_package(target: KernelTarget, store: Path, known: Sequence[apt.Package], cache: Cache) -> Found:
    package = _owner(target)
    try:
        with tempfile.TemporaryDirectory(prefix=".source.", dir=cache.sources) as name:
            description = apt.source_package(package.source, package.source_version, Path(name), target.root)
            with (
                log.step(f"Unpacking {description.name} with the distribution's patches"),
                staging(store / "full") as to,
            ):
                proc.run(["dpkg-source", "--no-check", "--extract", description, to / "linux"], cwd=Path(name))
        return _full(package, store)
    except OmaticError as error:
        if not known:
            raise
        near = known[0]
        log.warn(
            f"{error.message}; the nearest source is {near.name} {near.version}, not {package.source_version}: "
            "the proof of provenance will tell whether it is good enough"
        )
        path = apt.download(near, cache.downloads, target.root)
        return Found(Tarball(path), path.stem, f"{near.name} {near.version} (near)", False)


def _full(package: PackageId, store: Path) -> Found:
    label = f"source package {package.source} {package.source_version}"
    return Found(Folder(store / "full" / "linux"), store.name, label, True)


# --- the stock kernel


def stock_kernel(target: KernelTarget, *, cache: Cache, offline: bool) -> StockKernel:
    """Return the stock kernel: as installed, else unpacked from its image package into the cache."""
    if (here := stock.installed(target.release, sysroot.outside(target.root, kernel.MODULES))) is not None:
        return here
    version = target.package.version if target.package else "unknown"
    root = cache.stock / f"{target.release}_{version}".replace(":", "%3a")
    if (there := stock.at(root, target.release)) is not None:
        return there
    if offline or target.package is None:
        raise KernelMissing(
            f"the stock modules of {target.release} are not on this machine",
            hint=f"apt-get install linux-image-{target.release}"
            + (", or run once without --offline" if offline else ""),
        )
    with filelock.FileLock(_lock_beside(root)):
        if (there := stock.at(root, target.release)) is None:
            there = _unpack_stock(target, root, version)
    return there


def _unpack_stock(target: KernelTarget, root: Path, version: str) -> StockKernel:
    with staging(root) as into:
        for package in _image_packages(target, version):
            _unpack_image(apt.download(package, root.parents[1] / "downloads", target.root), into)
        if not (into / "lib").exists():
            (into / "lib").symlink_to("usr/lib")
        proc.run(["depmod", "-b", into, target.release])
    found = stock.at(root, target.release)
    if found is None:
        raise SourceCorrupt(f"the image package of {target.release} has no modules", hint="run apt-get update")
    return found


def _lock_beside(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.parent / f".{path.name}.lock"


def _image_packages(target: KernelTarget, version: str) -> list[apt.Package]:
    release = target.release
    # Debian's image holds the modules; Ubuntu's are in two packages beside it.
    names = (f"linux-image-{release}", f"linux-image-unsigned-{release}")
    extra = (f"linux-modules-{release}", f"linux-modules-extra-{release}")
    known = {name: [p for p in apt.candidates(name, target.root) if p.version == version] for name in names + extra}
    image = next((known[name] for name in names if known[name]), None)
    if image is None:
        raise SourceNotFound(
            f"the archive has no image package of {release} {version}, so there is nothing to compare with",
            hint=f"apt-get install linux-image-{release}, or apt-get update and try again",
        )
    return image[:1] + [p for name in extra for p in known[name][:1]]


def _unpack_image(deb: Path, into: Path) -> None:
    with log.step(f"Unpacking {deb.name}"), proc.reading(["dpkg-deb", "--fsys-tarfile", deb]) as stream:
        argv = ["tar", "-x", "-f", "-", "--no-same-owner", "--exclude=*/usr/share/*"]
        proc.feed(argv, iter(lambda: stream.read(1 << 20), b""), cwd=into)
    deb.unlink()
