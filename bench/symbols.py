# SPDX-License-Identifier: GPL-2.0-or-later
"""Which function is an address in?"""

import bisect
from collections.abc import Iterator


class Symbols:
    """Names of addresses."""

    def __init__(self, table: str) -> None:
        found = sorted(self._read(table))
        self._starts = [start for start, _ in found]
        self._names = [name for _, name in found]

    @staticmethod
    def _read(table: str) -> Iterator[tuple[int, str]]:
        for line in table.splitlines():
            address, kind, name, *module = line.split()
            if kind in "tTwW" and not name.startswith(("__pfx_", "__cfi_")):
                yield int(address, 16), " ".join((name, *module))

    def name(self, address: int) -> str:
        """Return the function that an address is in."""
        at = bisect.bisect(self._starts, address) - 1
        return self._names[at] if at >= 0 else "?"
