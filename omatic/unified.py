# SPDX-License-Identifier: GPL-2.0-or-later
"""A change to a file as a patch that patch and git take, byte by byte."""

import difflib
import re
from collections.abc import Iterator

_CONTEXT = 3


def diff(path: str, old: bytes, new: bytes) -> bytes:
    """Return the difference between two contents of a file; nothing if they are equal."""
    return _diff(path, path, old, new)


def copied(path: str, to: str, old: bytes, new: bytes) -> bytes:
    """Return a changed copy of a file, in git's words: the file itself stays as it is."""
    head = f"diff --git a/{path} b/{to}\ncopy from {path}\ncopy to {to}\n"
    return head.encode() + _diff(path, to, old, new)


def _diff(path: str, to: str, old: bytes, new: bytes) -> bytes:
    # Latin-1 gives every byte back as it was, whatever the file's encoding is; only \n ends a line.
    before, after = (re.findall(r"[^\n]*\n|[^\n]+", text.decode("latin-1")) for text in (old, new))
    made = difflib.unified_diff(before, after, f"a/{path}", f"b/{to}", n=_CONTEXT)
    return "".join(_ended(made)).encode("latin-1")


def _ended(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
