# SPDX-License-Identifier: GPL-2.0-or-later
"""Which files of a source tree a driver's files include."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*(["<])([^">\n]+)[">]', re.MULTILINE)

SHIPPED = "_shipped"
"""How the name of a file ends that kbuild copies to the name without it."""


def follow(root: Path, files: Iterable[Path], search: Sequence[Path] = ()) -> tuple[set[Path], set[Path]]:
    """Follow includes from `files` (in-tree paths); return (files found, paths that do not exist).

    `search` are the folders that the compiler looks into after the including file's own. Only includes that leave
    their own folder through ".." can need what was not unpacked; others that are not found are the kernel's. A file
    that exists only as it is shipped (X_shipped), for kbuild to copy, is found as such.
    """
    seen: set[Path] = set()
    missing: set[Path] = set()
    todo = list(files)
    while todo:
        current = todo.pop()
        if current in seen:
            continue
        seen.add(current)
        for quote, name in _INCLUDE.findall((root / current).read_bytes()):
            folders = (current.parent, *search) if quote == b'"' else search
            paths = [path for folder in folders if (path := _normal(folder / name.decode(errors="replace")))]
            shipped = (path.with_name(f"{path.name}{SHIPPED}") for path in paths)
            if path := next((path for path in (*paths, *shipped) if (root / path).is_file()), None):
                todo.append(path)
            elif name.startswith(b"../") and paths:
                missing.add(paths[0])
    return seen, missing


def _normal(path: Path) -> Path | None:
    parts: list[str] = []
    for part in path.parts:
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
        else:
            return None
    return Path(*parts)
