# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes cpio archives in the "newc" format that the kernel unpacks as initramfs.

Written by hand because device nodes can then be put in without being root, and because the same input must give
the same bytes. Times, owners and inode numbers are constants or counters.
"""

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_MAGIC = b"070701"
_TRAILER = "TRAILER!!!"


@dataclass(frozen=True, slots=True)
class Entry:
    """One member: its path without leading slash, its mode with the file type, its content or link target."""

    path: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def file(path: str, data: bytes, *, executable: bool = False) -> Entry:
    """Return a regular file."""
    return Entry(path, stat.S_IFREG | (0o755 if executable else 0o644), data)


def folder(path: str) -> Entry:
    """Return a directory."""
    return Entry(path, stat.S_IFDIR | 0o755)


def symlink(path: str, target: str) -> Entry:
    """Return a symbolic link."""
    return Entry(path, stat.S_IFLNK | 0o777, target.encode())


def character_device(path: str, major: int, minor: int) -> Entry:
    """Return a character device node."""
    return Entry(path, stat.S_IFCHR | 0o600, device=(major, minor))


def archive(entries: Iterable[Entry]) -> bytes:
    """Return the archive; parent folders that no entry names are added before their content."""
    parts = [_record(number, entry) for number, entry in enumerate(_with_parents(entries), start=1)]
    parts.append(_record(0, Entry(_TRAILER, 0)))
    return b"".join(parts)


def _with_parents(entries: Iterable[Entry]) -> Iterator[Entry]:
    known: set[str] = set()
    for entry in entries:
        steps = entry.path.split("/")
        for depth in range(1, len(steps)):
            parent = "/".join(steps[:depth])
            if parent not in known:
                known.add(parent)
                yield folder(parent)
        if not (stat.S_ISDIR(entry.mode) and entry.path in known):
            known.add(entry.path)
            yield entry


def _record(inode: int, entry: Entry) -> bytes:
    name = entry.path.encode() + b"\0"
    major, minor = entry.device
    # ino, mode, uid, gid, nlink, mtime, filesize, dev major/minor, rdev major/minor, namesize, check
    numbers = (inode, entry.mode, 0, 0, 1, 0, len(entry.data), 0, 0, major, minor, len(name), 0)
    header = _MAGIC + b"".join(b"%08x" % number for number in numbers)
    return _padded(header + name) + _padded(entry.data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
