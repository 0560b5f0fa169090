# SPDX-License-Identifier: GPL-2.0-or-later
"""What a plan would change in a driver's files, as a patch."""

from omatic import rewrite, unified
from omatic.pipeline import Planned


def of(ready: Planned) -> bytes:
    """Return the plan's edits to the driver as a patch, changing nothing."""
    parts = []
    for path in dict.fromkeys(edit.path for edit in ready.plan.edits):
        old = ready.tree.content(ready.base, path)
        new = rewrite.apply(old, [edit for edit in ready.plan.edits if edit.path == path])
        parts.append(unified.diff(path, old, new))
    return b"".join(parts)
