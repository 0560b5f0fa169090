# SPDX-License-Identifier: GPL-2.0-or-later
"""What a plan would change in a driver's files, as a patch."""

import difflib
import re

from omatic import rewrite
from omatic.pipeline import Planned


def of(ready: Planned) -> bytes:
    """Return the plan's edits to the driver as a patch, changing nothing."""
    lines: list[str] = []
    for path in dict.fromkeys(edit.path for edit in ready.plan.edits):
        old = ready.tree.content(ready.base, path)
        new = rewrite.apply(old, [edit for edit in ready.plan.edits if edit.path == path])
        # Latin-1 gives every byte back as it was, whatever the file's encoding is.
        before, after = (re.split(r"(?<=\n)", text.decode("latin-1")) for text in (old, new))
        lines += difflib.unified_diff(before, after, f"a/{path}", f"b/{path}")
    return "".join(lines).encode("latin-1")
