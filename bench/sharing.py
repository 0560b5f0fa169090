# SPDX-License-Identifier: GPL-2.0-or-later
"""Which cache lines does PFQ write on one processor that are used on another, while frames come by several queues?

What the emulator saw, by profiler/lines.c: so nothing is left out that a look at the structures would forget.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from symbols import Symbols

_OURS = ("[pfq]", "[pfq_hook]")
_COPY = "pfq_copy [pfq]"
SLOTS, RESERVATION, ONCE = "slots", "reservation", "once"

_FEW = 2


@dataclass(frozen=True, slots=True)
class _Use:
    function: str
    reads: bool
    writes: int


def lines(listing: str, names: Symbols) -> Counter[str]:
    """Return how many such lines there are of each kind: slots, the reservation, or the functions that write there.

    What a function does `once`, such as at the first frame of a device, is marked so.
    """
    uses: defaultdict[str, list[_Use]] = defaultdict(list)
    for line in listing.splitlines():
        address, code, readers, _, writes = line.split()
        uses[address].append(_Use(names.name(int(code, 16)), int(readers, 16) != 0, int(writes, 16)))
    found = Counter(_kind(each) for each in uses.values())
    del found[""]
    return found


def _kind(uses: Sequence[_Use]) -> str:
    writing = [use for use in uses if use.writes and use.function.endswith(_OURS)]
    functions = {use.function for use in writing}
    if functions != {_COPY}:
        once = [ONCE] if functions and max(use.writes for use in writing) <= _FEW else []
        return ", ".join(sorted(functions) + once)
    # The only instruction that reads and writes what it is given is the one that reserves.
    return RESERVATION if any(use.reads for use in writing) else SLOTS
