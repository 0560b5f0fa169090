# SPDX-License-Identifier: GPL-2.0-or-later
"""Take parts of a source tree out of an archive, a git clone or a folder, with the layout kept.

A `Part` says which part of the tree; an `Origin` knows how to extract parts. Only what is asked for is written.
"""

import re
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import IO, Protocol

from omatic import gitio, log, proc
from omatic.errors import CommandError, SourceCorrupt, SourceNotFound

_CHUNK = 1 << 20
_DECOMPRESSORS = (
    (b"\xfd7zXZ\x00", "xz -d -T0", "xz"),
    (b"\x1f\x8b", "gzip -d", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd -d", "zstd"),
    (b"BZh", "bzip2 -d", "bzip2"),
)


class Depth(Enum):
    """How much of a folder: all below it, only its own files, or only the headers below it."""

    DEEP = "deep"
    SHALLOW = "shallow"
    HEADERS = "headers"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the source tree, by in-tree folder."""

    folder: Path
    depth: Depth

    def holds(self, path: Path) -> bool:
        """Tell whether a file (in-tree path) belongs to this part."""
        match self.depth:
            case Depth.DEEP:
                return self.folder in path.parents
            case Depth.SHALLOW:
                return path.parent == self.folder
            case Depth.HEADERS:
                return self.folder in path.parents and path.suffix == ".h"


class Origin(Protocol):
    """Where sources come from."""

    def extract(self, parts: Sequence[Part], into: Path) -> None:
        """Write the files of the parts below `into`; parts that do not exist are left out silently."""


@dataclass(frozen=True, slots=True)
class Tarball:
    """A tar archive of a kernel tree, compressed or not, or a .deb that holds one."""

    path: Path

    def extract(self, parts: Sequence[Part], into: Path) -> None:
        """Stream the archive once through tar; see Origin."""
        with _open(self.path) as (stream, size), log.progress(f"Unpacking {self.path.name}", size) as show:
            head = stream.read(_CHUNK)
            prefix = _prefix(head)
            strip = f"--strip-components={len(prefix)}"
            argv = ["tar", "-x", "-f", "-", strip, "--no-same-owner", *_filter(head), *_select(prefix, parts)]
            done = proc.feed(argv, _counted(head, stream, show), cwd=into)
        # Asking for a folder that is not there is not an error; anything else tar complains of is.
        serious = [
            line
            for line in done.stdout.splitlines()
            if "Not found in archive" not in line and "Exiting with failure status" not in line
        ]
        if done.returncode != 0 and (serious or not any(into.iterdir())):
            raise SourceCorrupt(
                f"{self.path} cannot be unpacked: it is damaged, or not an archive of kernel sources",
                hint="remove it and try again, or give another with --source",
                details=serious[-3:] or done.stdout.splitlines()[-3:],
            )


@dataclass(frozen=True, slots=True)
class Patched:
    """A tar archive and patches for it, in order, as a source RPM has them."""

    tarball: Path
    patches: tuple[Path, ...]

    def extract(self, parts: Sequence[Part], into: Path) -> None:
        """Unpack the parts and apply what the patches change in them; see Origin."""
        Tarball(self.tarball).extract(parts, into)
        for path in self.patches:
            wanted = [text for name, text in _changes(path.read_bytes()) if any(part.holds(name) for part in parts)]
            if not wanted:
                continue
            # As rpmbuild does for these packages; what does not apply is never left half applied.
            argv = ["patch", "-p1", "-F1", "-s", "-f", "--no-backup-if-mismatch"]
            done = proc.feed(argv, wanted, cwd=into)
            if done.returncode != 0:
                raise SourceCorrupt(
                    f"{path.name} does not apply to {self.tarball.name}",
                    hint="give the sources with --source FOLDER, TARBALL or GIT-URL[@REF]",
                    details=done.stdout.splitlines()[-3:],
                )


def _changes(patch: bytes) -> Iterator[tuple[Path, bytes]]:
    """Yield the files that a patch made by git changes, each with its part of the patch."""
    for text in re.split(rb"^(?=diff --git )", patch, flags=re.MULTILINE):
        if named := re.match(rb"diff --git a/(\S+) b/(\S+)\n", text):
            yield Path(named[2].decode(errors="replace")), text


def _counted(head: bytes, stream: IO[bytes], show: "log.Show") -> Iterator[bytes]:
    done = 0
    chunk = head
    while chunk:
        yield chunk
        done += len(chunk)
        show(done)
        chunk = stream.read(_CHUNK)


def _filter(head: bytes) -> list[str]:
    for magic, command, tool in _DECOMPRESSORS:
        if head.startswith(magic):
            proc.find(tool)
            return [f"--use-compress-program={command}"]
    return []


def _prefix(head: bytes) -> tuple[str, ...]:
    """Return the folders that lead every name in the archive, as its first members have it: ("linux-6.1",)."""
    listed = proc.feed(["tar", "-t", "-f", "-", *_filter(head)], [head]).stdout.splitlines()
    parts = next((line.rstrip("/").split("/") for line in listed if line.strip("./")), [])
    dot = (".",) if parts[:1] == ["."] else ()
    return dot if parts[len(dot) :][:1] and parts[len(dot)] in _TOP_LEVEL else (*dot, "*")


_TOP_LEVEL = frozenset(
    ("arch", "block", "certs", "COPYING", "CREDITS", "crypto", "Documentation", "drivers", "fs", "include", "init",
     "io_uring", "ipc", "Kbuild", "Kconfig", "kernel", "lib", "LICENSES", "MAINTAINERS", "Makefile", "mm", "net",
     "README", "rust", "samples", "scripts", "security", "sound", "tools", "usr", "virt")
)  # fmt: skip
"""What is at the top of a kernel tree: an archive that begins with one of these has no leading folder."""


def _select(prefix: Sequence[str], parts: Sequence[Part]) -> Iterator[str]:
    top = "".join(f"{name}/" for name in prefix)
    yield from ("--anchored", "--wildcards")
    for part in parts:
        match part.depth:
            case Depth.DEEP:
                yield from ("--no-wildcards-match-slash", f"{top}{part.folder}")
            case Depth.SHALLOW:
                yield "--no-wildcards-match-slash"
                yield from (f"{top}{part.folder}/{name}" for name in ("*.[chS]", "Makefile", "Kbuild"))
            case Depth.HEADERS:
                yield from ("--wildcards-match-slash", f"{top}{part.folder}/*.h")


@contextmanager
def _open(path: Path) -> Iterator[tuple[IO[bytes], int]]:
    # A Debian source package holds the tarball as a file inside its own data archive.
    if path.suffix != ".deb":
        with path.open("rb") as plain:
            yield plain, path.stat().st_size
        return
    try:
        unpacking = proc.reading(["dpkg-deb", "--fsys-tarfile", path])
        with unpacking as outer, tarfile.open(fileobj=outer, mode="r|") as inner:
            for member in inner:
                if ".tar" in Path(member.name).name and (stream := inner.extractfile(member)):
                    yield stream, member.size
                    return
    except (CommandError, tarfile.TarError) as error:
        raise _bad_deb(path, str(error)) from error
    raise _bad_deb(path, "it holds no source archive")


def _bad_deb(path: Path, why: str) -> SourceCorrupt:
    return SourceCorrupt(f"{path} is damaged: {why}", hint=f"rm {path} and try again")


@dataclass(frozen=True, slots=True)
class Folder:
    """An unpacked source tree."""

    path: Path

    def extract(self, parts: Sequence[Part], into: Path) -> None:
        """Copy the files; see Origin."""
        for part in parts:
            top = self.path / part.folder
            if not top.is_dir():
                continue
            for file in sorted(top.iterdir() if part.depth is Depth.SHALLOW else top.rglob("*")):
                relative = file.relative_to(self.path)
                if file.is_file() and _is_source(file) and part.holds(relative):
                    target = into / relative
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(file, target)


def _is_source(path: Path) -> bool:
    # Leftovers of a build in the user's own tree must not be taken for our own results.
    return path.suffix not in (".o", ".ko", ".cmd", ".mod", ".a", ".d") and not path.name.endswith(".mod.c")


@dataclass(frozen=True, slots=True)
class Clone:
    """A git clone without files in its folder; see gitio.clone."""

    path: Path
    offline: bool

    def extract(self, parts: Sequence[Part], into: Path) -> None:
        """Check out the files and copy them; see Origin."""
        wanted = [name for name in gitio.listing(self.path) if any(part.holds(Path(name)) for part in parts)]
        if wanted:
            gitio.take(self.path, wanted, offline=self.offline)
            Folder(self.path).extract(parts, into)


def source_root(path: Path) -> Path:
    """Return where drivers/ is: the folder itself, or its only subfolder that has it."""
    for candidate in (path, *sorted(entry for entry in path.iterdir() if entry.is_dir())):
        if (candidate / "drivers").is_dir():
            return candidate
    raise SourceNotFound(
        f"{path} is not a kernel source tree: it has no drivers/ folder",
        hint="give the top folder of a kernel source tree, a tarball of one, or a git URL",
    )
