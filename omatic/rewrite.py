# SPDX-License-Identifier: GPL-2.0-or-later
"""Carry out a plan in a work tree: edits by byte offset, from the end of each file, and the generated files.

Fails loudly if a file is not what the plan saw. Writes in the work tree only.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from omatic.errors import PlanRefused
from omatic.model import Edit


def apply(text: bytes, edits: Sequence[Edit]) -> bytes:
    """Return one file's content with its edits applied."""
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        found = text[edit.start : edit.end]
        if found != edit.expected.encode():
            raise PlanRefused(
                f"{edit.path}:{edit.line} reads {found.decode(errors='replace')!r} where the plan saw "
                f"{edit.expected!r}",
                hint="the sources changed while pfq-omatic was working; run it again",
            )
        text = text[: edit.start] + edit.replacement.encode() + text[edit.end :]
    return text


def rewrite(root: Path, edits: Sequence[Edit], generated: Mapping[str, str]) -> None:
    """Apply the edits below `root` and write the generated files, by path below `root`."""
    ordered = sorted(edits, key=lambda edit: edit.path)
    results = {
        path: apply((root / path).read_bytes(), list(group)) for path, group in groupby(ordered, lambda edit: edit.path)
    }
    for path, content in results.items():
        (root / path).write_bytes(content)
    for path, text in generated.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        # What was not UTF-8 in a file that is extended comes back as it was.
        (root / path).write_bytes(text.encode("utf-8", "surrogateescape"))
