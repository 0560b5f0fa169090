# SPDX-License-Identifier: GPL-2.0-or-later
"""The module's version= tag: exactly one, and never the stock module's.

dkms 3.0.10 refuses to replace a module that has no version, and on removal deletes the distribution's file. Where the
stock module has none, the generated object brings one; where it has one, the driver's own is extended in place.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from omatic import census
from omatic.errors import PlanRefused
from omatic.model import Edit

REVISION = 1
"""The n of +pfq<n>: raised when what pfq-omatic makes of the same sources changes."""

SUFFIX = f"+pfq{REVISION}"
_TAG = re.compile(rb"^[ \t]*MODULE_VERSION[ \t]*\(([^()\n]*(?:\([^()\n]*\)[^()\n]*)?)\)", re.MULTILINE)


def expected(stock: str | None, kernel_version: str) -> str:
    """Return the version that the accelerated module must carry."""
    return f"{stock or kernel_version}{SUFFIX}"


def edits(root: Path, sources: Iterable[str], *, stock: str | None) -> tuple[Edit, ...]:
    """Return the edit that extends the driver's own version tag; none where the stock module has none.

    The suffix is a string constant behind the driver's own, which the compiler joins: no line moves.
    """
    if stock is None:
        return ()
    found = []
    for path in sources:
        text = (root / path).read_bytes()
        for match in _TAG.finditer(census.blank(text)):
            start, end = match.span(1)
            argument = text[start:end].decode()
            line = text.count(b"\n", 0, start) + 1
            why = "version tag, so that nobody takes this module for the stock one"
            found.append(Edit(path, start, end, argument, f'{argument} "{SUFFIX}"', line, why))
    if len(found) != 1:
        raise PlanRefused(
            f"the stock module has a version, but its sources set it in {len(found)} places",
            hint="do the sources belong to this kernel?",
            details=[f"{edit.path}:{edit.line}" for edit in found],
        )
    return tuple(found)
