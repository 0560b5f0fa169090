# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the kernel log of a guest, as /dev/kmsg gives it, and finds the lines that fail a run.

A marker written to /dev/kmsg before each phase tells which phase a complaint belongs to.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

MARK = "pfq-omatic phase: "
"""What a marker line begins with; the name of the phase follows."""

# One pattern per kind of complaint; a line that matches any of them fails the run. Names are shown to the user.
COMPLAINTS = (
    ("warning", r"\bWARNING: "),
    ("bug", r"\bBUG\b"),
    ("oops", r"\bOops\b|general protection fault|unable to handle|invalid opcode:|divide error|stack segment:"),
    ("panic", r"Kernel panic"),
    ("call trace", r"\bCall Trace:"),
    ("lockdep", r"possible (?:recursive|circular|irq) lock|inconsistent lock state|possible deadlock|"
                r"suspicious RCU usage|held lock freed|lock held when returning|bad unlock balance|"
                r"INFO: trying to register non-static key"),
    ("rcu", r"\brcu.*(?:detected (?:expedited )?stall|kthread starved)|RCU callback.*flood"),
    ("sleeping", r"scheduling while atomic|sleeping function called|using (?:smp_processor_id|__this_cpu)\w*\(\) in"),
    ("device reference", r"unregister_netdevice: waiting"),
    ("hang", r"blocked for more than \d+ seconds|hung task|(?:soft|hard) LOCKUP|watchdog: .*lockup|"
             r"NETDEV WATCHDOG|workqueue lockup"),
    ("memory", r"\bbad page|Bad page|KASAN|KFENCE|KMSAN|UBSAN|KCSAN|page allocation failure|Out of memory|"
               r"still has objects|Object already free|Redzone|Poison overwritten|slab.*corrupt|"
               r"corrupted list|list_(?:add|del) corruption|refcount_t: |use-after-free|memory leak|"
               r"Slab .* objects remaining|__vunmap|Trying to vfree"),
    ("irq", r"nobody cared|irq \d+: .*disabled"),
)  # fmt: skip

_PATTERNS = tuple((kind, re.compile(pattern)) for kind, pattern in COMPLAINTS)
WARNING, INFO = 4, 6
"""Levels of the kernel's log; a lower number is worse."""

_RECORD = re.compile(r"^(\d+),(\d+),(\d+),([^;]*);(.*)$")


@dataclass(frozen=True, slots=True)
class Line:
    """One record of the log: its sequence number, its time in microseconds since boot, its text, its level."""

    sequence: int
    time: int
    text: str
    level: int = INFO

    def __str__(self) -> str:
        return f"[{self.time / 1e6:12.6f}] {self.text}"


@dataclass(frozen=True, slots=True)
class Complaint:
    """A line that fails the run: what kind it is, and the phase in which it appeared."""

    kind: str
    phase: str
    line: Line


def parse(text: str) -> tuple[Line, ...]:
    """Return the records of a log; the dictionary lines that follow a record (indented) are left out."""
    found = (_RECORD.match(line) for line in text.splitlines())
    return tuple(Line(int(m[2]), int(m[3]), m[5], int(m[1]) & 7) for m in found if m)


def complaint(text: str) -> str | None:
    """Return the kind of complaint that a line is, or None if it is harmless."""
    return next((kind for kind, pattern in _PATTERNS if pattern.search(text)), None)


def complaints(lines: Iterable[Line]) -> tuple[Complaint, ...]:
    """Return every line that fails the run, with the phase it belongs to.

    What comes before the first marker is left out: the kernel booting, before anything under test was loaded.
    """
    phase: str | None = None
    found = []
    for line in lines:
        if line.text.startswith(MARK):
            phase = line.text.removeprefix(MARK).strip()
        elif phase is not None and (kind := complaint(line.text)):
            found.append(Complaint(kind, phase, line))
    return tuple(found)


def missing(lines: Iterable[Line]) -> int:
    """Return how many records were overwritten before they could be read, by the gaps in the sequence numbers."""
    numbers = [line.sequence for line in lines]
    return sum(after - before - 1 for before, after in zip(numbers, numbers[1:], strict=False) if after > before + 1)
