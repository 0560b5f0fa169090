# SPDX-License-Identifier: GPL-2.0-or-later
"""What a plan would change, as a patch to the sources that the driver is built from.

Kernel headers are never edited: a rewritten copy of one is shown as the copy that it is. Files that are made for the
build alone are named in front, in lines that patch and git skip.
"""

from collections.abc import Iterator

from omatic import kernel, kheaders, rewrite, unified
from omatic.model import KernelTarget
from omatic.pipeline import Planned, generated
from omatic.unit import DriverUnit


def of(ready: Planned, target: KernelTarget) -> bytes:
    """Return the plan's edits to the driver, and its copies of kernel headers, as a patch, changing nothing."""
    copies = _copies(ready, target)
    named = (_named(ready, path) for path in sorted(generated(ready, target).keys() - copies.keys()))
    return b"".join((*named, *_edits(ready), *copies.values()))


def _named(ready: Planned, path: str) -> bytes:
    # What kbuild reads is ours for the kernel's drivers, and a vendor's own with a line more.
    theirs = not isinstance(ready.unit, DriverUnit) and ready.tree.holds(ready.base, path)
    return f"# {'extended' if theirs else 'generated'} for the build: {path}\n".encode()


def _edits(ready: Planned) -> Iterator[bytes]:
    for path in dict.fromkeys(edit.path for edit in ready.plan.edits):
        old = ready.tree.content(ready.base, path)
        new = rewrite.apply(old, [edit for edit in ready.plan.edits if edit.path == path])
        yield unified.diff(path, old, new)


def _copies(ready: Planned, target: KernelTarget) -> dict[str, bytes]:
    if not isinstance(ready.unit, DriverUnit):
        return {}
    found = {}
    for name, text in kheaders.shadows(ready.plan, target, ready.unit.prefix).items():
        path, copy = f"include/{name}", f"pfq/include/{name}"
        found[copy] = unified.copied(path, copy, (kernel.source_dir(target) / path).read_bytes(), text.encode())
    return found
