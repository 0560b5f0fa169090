# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages from the machine's own apt configuration: which versions exist, and downloads with a progress bar.

A kernel below another root comes from what that root's apt is configured for, which runs inside it.
Only `apt-get download` and look-ups are used: they take no dpkg lock, so all of this works inside a package hook.
Checksums come from apt's own signed lists. Nothing is installed.
"""

import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from omatic import log, proc, sysroot
from omatic.dirs import sha256, write_atomically
from omatic.errors import CommandError, DiskFull, OmaticError, SourceCorrupt, SourceNotFound, SourceUnreachable
from omatic.sysroot import HERE

_UNREACHABLE = re.compile(
    r"resolv|connect|timed out|network|Failed to fetch|Bad Gateway|Service Unavailable|Connection|Proxy", re.IGNORECASE
)
_OPTIONS = (
    # Our caches are readable by their owner alone; the download user could not write there.
    "-o", "APT::Sandbox::User=root",
    "-o", "Acquire::Retries=2",
    "-o", "Acquire::http::Timeout=30",
    "-o", "Acquire::https::Timeout=30",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Package:
    """One version of one package that apt knows: its size in bytes and its SHA-256."""

    name: str
    version: str
    size: int
    sha256: str

    @property
    def filename(self) -> str:
        """Return the name under which it is kept: name_version.deb, with the epoch's colon escaped."""
        return f"{self.name}_{self.version.replace(':', '%3a')}.deb"


def candidates(name: str, root: Path = HERE) -> tuple[Package, ...]:
    """Return the versions of a package that apt knows, in apt's order (newest first)."""
    shown = proc.run(sysroot.command(root, ["apt-cache", "show", "--all-versions", name]), check=False)
    found: dict[str, Package] = {}
    for paragraph in shown.stdout.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version|Size|SHA256): (.*)$", paragraph, re.MULTILINE))
        if fields.get("Package") == name and "SHA256" in fields:
            package = Package(name, fields["Version"], int(fields["Size"]), fields["SHA256"])
            found.setdefault(package.version, package)
    return tuple(found.values())


def kept(package: Package, downloads: Path) -> Path | None:
    """Return the file of an earlier download, if it is there."""
    path = downloads / package.filename
    return path if path.is_file() else None


def find_kept(name: str, version: str, downloads: Path) -> Path | None:
    """Return the file of an earlier download by name and version alone, without asking apt."""
    return kept(Package(name, version, 0, ""), downloads)


def download(package: Package, downloads: Path, root: Path = HERE) -> Path:
    """Download a package unless it is kept, check its SHA-256 and record it; return the file."""
    if (path := kept(package, downloads)) is not None:
        return path
    target = downloads / package.filename
    downloads.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{package.name}.", dir=downloads) as name:
        folder = Path(name)
        with log.progress(f"Downloading {package.name} {package.version}", package.size) as show:
            _fetch(package, folder, show, root)
        file = next(folder.glob("*.deb"))
        if (digest := sha256(file)) != package.sha256:
            raise SourceCorrupt(
                f"the download of {package.name} {package.version} is not what apt's list says",
                hint="run apt-get update and try again",
                details=(f"expected SHA-256 {package.sha256}", f"got {digest}"),
            )
        write_atomically(downloads / f"{target.name}.sha256", f"{digest}  {target.name}\n".encode())
        file.rename(target)
    return target


def _fetch(package: Package, folder: Path, show: Callable[[int], None], root: Path) -> None:
    output = folder / "apt.log"
    argv = ["apt-get", *_OPTIONS, "download", f"{package.name}={package.version}"]
    inside = sysroot.command(root, argv, shown=[folder], cwd=folder)
    with output.open("wb") as file, proc.background(inside, stdout=file) as child:
        while child.poll() is None:
            time.sleep(0.1)
            show(sum(entry.stat().st_size for entry in folder.glob("*.deb")))
        status = child.returncode
    said = output.read_text(errors="replace")
    output.unlink()
    if status != 0:
        raise explain(f"{package.name} {package.version}", CommandError(argv, status, said, None))


def explain(what: str, error: CommandError) -> OmaticError:
    """Return what an apt failure means: unreachable, unknown, no space, or the command's own error."""
    tail = error.details[-3:]
    if "No space left" in error.output:
        return DiskFull(f"the download of {what}", tail)
    if re.search(r"was not found|Unable to locate|Unable to find|404  Not Found", error.output):
        return SourceNotFound(f"the archive has no {what} (any more)", hint="run apt-get update", details=tail)
    if _UNREACHABLE.search(error.output):
        hint = "check the network and apt's sources, or give the sources with --source"
        return SourceUnreachable(f"{what} could not be downloaded", hint=hint, details=tail)
    return error


def source_lists(etc: Path, into: Path) -> None:
    """Write a copy of the machine's apt sources with deb-src in place of deb into the folder `into`.

    Most machines have source packages switched off; the copy switches them on for us alone.
    """
    parts = sorted((etc / "sources.list.d").glob("*")) if (etc / "sources.list.d").is_dir() else []
    for path in [etc / "sources.list", *parts]:
        if path.suffix not in (".list", ".sources") or not path.is_file():
            continue
        text = path.read_text(errors="replace")
        text = re.sub(r"^Types:.*$", "Types: deb-src", text, flags=re.MULTILINE)
        text = re.sub(r"^deb\s", "deb-src ", text, flags=re.MULTILINE)
        (into / path.name).write_text(text)


def source_package(name: str, version: str, work: Path, root: Path = HERE) -> Path:
    """Download the source package name=version (a .dsc and its files) into `work`; return the .dsc.

    Ubuntu's newer kernels have no linux-source binary package; their source package has everything.
    """
    lists, parts = work / "lists", work / "sources"
    for folder in (lists / "partial", parts, work / "files", work / "cache/archives/partial"):
        folder.mkdir(parents=True, exist_ok=True)
    source_lists(sysroot.outside(root, "etc/apt"), parts)
    # Lists and caches of its own, so that the machine's are neither read nor replaced.
    private = [*_OPTIONS, "-o", "Dir::Etc::SourceList=/dev/null", "-o", f"Dir::Etc::SourceParts={parts}",
               "-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={work / 'cache'}"]  # fmt: skip
    try:
        with log.step("Reading the list of source packages"):
            proc.run(sysroot.command(root, ["apt-get", *private, "update"], shown=[work]))
        with log.step(f"Downloading the source package {name} {version}"):
            argv = ["apt-get", *private, "source", "--download-only", "--only-source", f"{name}={version}"]
            proc.run(sysroot.command(root, argv, shown=[work], cwd=work / "files"))
    except CommandError as error:
        raise explain(f"source package {name} {version}", error) from error
    return next((work / "files").glob("*.dsc"))
