# SPDX-License-Identifier: GPL-2.0-or-later
"""What names a git repository on the command line: URL[@REF], a folder, a bare repository."""

import re
from pathlib import Path

from omatic.errors import SourceNotFound


def repository(source: str) -> tuple[str, str | None]:
    """Return URL and ref of the git repository that --source names; raise SourceNotFound if it names none."""
    path = Path(source)
    if is_bare(path):
        return f"file://{path.absolute()}", None
    local, _, local_ref = source.rpartition("@")
    if local and (Path(local, ".git").exists() or is_bare(Path(local))):
        return f"file://{Path(local).absolute()}", local_ref
    if "://" in source or source.endswith(".git") or re.match(r"^[\w.-]+@[\w.-]+:", source):
        return split_ref(source)
    raise SourceNotFound(
        f"{source} does not exist, and it is not a URL",
        hint="--source takes: auto, a folder, a tarball, or a git URL[@REF]",
    )


def is_bare(path: Path) -> bool:
    """Tell whether a folder is a git repository without a work tree."""
    return (path / "HEAD").is_file() and (path / "objects").is_dir()


def split_ref(source: str) -> tuple[str, str | None]:
    """Split GIT-URL[@REF]; an @ before the path belongs to the URL (git@host:path, https://user@host/path)."""
    parts = re.fullmatch(r"((?:\w[\w+.-]*://)?[^/:]*(?::\d+)?[/:])(.*)", source)
    if parts is None:
        return source, None
    path, at, ref = parts[2].rpartition("@")
    return (parts[1] + path, ref or None) if at else (source, None)
