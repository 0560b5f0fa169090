# SPDX-License-Identifier: GPL-2.0-or-later
"""The exact sources of a kernel that came as an RPM package: Fedora, RHEL and its relatives, SUSE.

dnf brings the source package of the very release; it holds a tarball of the tree and patches, of which RHEL's are
empty because its tarball has them already. SUSE has the patched tree as a package of its own, kernel-source, which is
used where it is if it is installed. Nothing is installed, and no lock of the package manager is needed.
"""

import re
from pathlib import Path

from omatic import log, proc
from omatic.errors import CommandError, DiskFull, OmaticError, SourceCorrupt, SourceNotFound, SourceUnreachable
from omatic.model import PackageId
from omatic.unpack import Folder, Origin, Patched

_FAMILY = re.compile(r"fedora|rhel|centos|rocky|almalinux|ol$|amzn|opensuse|sle")
_SUSE = re.compile(r"opensuse|sle")
_UNREACHABLE = re.compile(r"Curl error|Cannot download|Failed to download|resolve host|timed? ?out|onnection", re.I)
_UNKNOWN = re.compile(r"No package .* available|No match for argument|Unable to find a match|not found", re.I)


def serves(package: PackageId) -> bool:
    """Tell whether the sources of a package are to be had here rather than from apt."""
    return bool(_FAMILY.match(package.distribution)) or not proc.available("apt-get")


def installed_tree(package: PackageId, places: Path = Path("/usr/src")) -> Path | None:
    """Return SUSE's patched tree, if kernel-source of that version is installed."""
    # The last number of a release counts rebuilds; the folder's name goes without.
    for version in (package.source_version, package.source_version.rpartition(".")[0]):
        tree = places / f"linux-{version}"
        if version and (tree / "drivers/net").is_dir():
            return tree
    return None


def fetch(package: PackageId, into: Path) -> None:
    """Download the source of a package and unpack it into a folder, for `origin` to read."""
    what = f"{package.source} {package.source_version}"
    try:
        file = _zypper(package, into) if _SUSE.match(package.distribution) else _dnf(package, into)
    except CommandError as error:
        raise _explain(what, error) from error
    _check(file)
    with log.step(f"Unpacking {file.name}"), proc.reading(["rpm2cpio", file]) as stream:
        argv = ["cpio", "--extract", "--make-directories", "--no-absolute-filenames", "--quiet"]
        done = proc.feed(argv, iter(lambda: stream.read(1 << 20), b""), cwd=into)
    if done.returncode != 0:
        raise _damaged(file, done.stdout.splitlines()[-3:])
    if not (into / "usr/src").is_dir():
        _list_patches(file, into)
    file.unlink()


def origin(folder: Path) -> Origin:
    """Return the sources that `fetch` has left in a folder."""
    tree = next((path for path in sorted(folder.glob("usr/src/linux-*")) if (path / "drivers/net").is_dir()), None)
    if tree is not None:
        return Folder(tree)
    tarball = next(iter(sorted(folder.glob("linux-*.tar*"))), None)
    if tarball is None:
        raise SourceCorrupt(
            f"the source package in {folder} has no linux-*.tar: its layout is not known",
            hint="give the sources with --source FOLDER, TARBALL or GIT-URL[@REF]",
        )
    listed = folder / _PATCHES
    names = listed.read_text().splitlines() if listed.is_file() else []
    return Patched(tarball, tuple(folder / name for name in names))


_PATCHES = "pfq-omatic.patches"


def _dnf(package: PackageId, into: Path) -> Path:
    wanted = f"{package.source}-{package.source_version}"
    with log.step(f"Downloading {wanted}.src.rpm"):
        proc.run(["dnf", "--quiet", "-y", "download", "--source", "--downloaddir", into, wanted])
    return _only(into, wanted)


def _zypper(package: PackageId, into: Path) -> Path:
    wanted = f"kernel-source-{package.source_version}"
    with log.step(f"Downloading {wanted}"):
        proc.run(["zypper", "--non-interactive", "--pkg-cache-dir", into / "cache", "download",
                  f"kernel-source={package.source_version}"])  # fmt: skip
    for file in (into / "cache").rglob("kernel-source-*.rpm"):
        file.rename(into / file.name)
    return _only(into, wanted)


def _only(folder: Path, wanted: str) -> Path:
    # dnf says "No package available" and ends well when only some were found.
    found = sorted(folder.glob(f"{wanted}*.rpm"))
    if not found:
        raise SourceNotFound(
            f"no source repository has {wanted} (any more)",
            hint="enable the source repositories, or give the sources with --source",
        )
    return found[0]


def _check(file: Path) -> None:
    # Digests only: whose key has signed it, dnf knows from its repositories' metadata.
    done = proc.run(["rpm", "--checksig", "--nosignature", file], check=False)
    if done.returncode != 0:
        raise _damaged(file, done.stdout.splitlines()[-3:])


def _damaged(file: Path, details: list[str]) -> SourceCorrupt:
    return SourceCorrupt(f"{file.name} is damaged", hint="try again: it is downloaded anew", details=details)


def _list_patches(file: Path, into: Path) -> None:
    """Note which files are patches of the kernel, in the order of their numbers in the spec.

    The package's header names those that its own spec has chosen, but not their numbers.
    """
    chosen = proc.run(["rpm", "-qp", "--nosignature", "--qf", r"[%{PATCH}\n]", file]).stdout.split()
    spec = "".join(path.read_text(errors="replace") for path in sorted(into.glob("*.spec")))
    numbered: dict[str, int] = {}
    for number, written in re.findall(r"^Patch(\d*)\s*:\s*(\S+)", spec, re.MULTILINE | re.IGNORECASE):
        pattern = ".*".join(map(re.escape, re.split(r"%\{[^}]*\}|%\w+", written.rpartition("/")[2])))
        numbered.update({name: int(number or 0) for name in chosen if re.fullmatch(pattern, name)})
    ordered = sorted((name for name in chosen if (into / name).is_file()), key=lambda name: numbered.get(name, 0))
    (into / _PATCHES).write_text("".join(f"{name}\n" for name in ordered if (into / name).stat().st_size))


def _explain(what: str, error: CommandError) -> OmaticError:
    tail = error.details[-3:]
    if "No space left" in error.output:
        return DiskFull(f"the download of {what}", tail)
    if "checksum" in error.output.lower():
        hint = "dnf clean all, then try again"
        return SourceCorrupt(f"the download of {what} is not what the repository's list says", hint=hint, details=tail)
    if _UNKNOWN.search(error.output):
        hint = "enable the source repositories, or give the sources with --source"
        return SourceNotFound(f"no repository has the source of {what} (any more)", hint=hint, details=tail)
    if _UNREACHABLE.search(error.output):
        hint = "check the network and the repositories, or give the sources with --source"
        return SourceUnreachable(f"the source of {what} could not be downloaded", hint=hint, details=tail)
    return error
