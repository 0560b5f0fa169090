# SPDX-License-Identifier: GPL-2.0-or-later
"""Loads drivers in a guest, one after the other, each first as the distribution ships it and then accelerated.

A driver goes in with all that it needs and all that needs it, and everything comes out again: a round. What insertion
and removal answer, and what the kernel log says meanwhile, must be what it was in the stock module's round. A guest
in which a round left something behind, or which it brought down, is given up, and the next round begins in a new one.
"""

import errno
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from omatic.lab import kmsg, machine
from omatic.lab.guest import GuestGone, quote
from omatic.lab.machine import Machine, Setup

HOOK = "pfq_hook"
_PATIENCE = 600.0


@dataclass(frozen=True, slots=True)
class Round:
    """What is inserted, in this order: all the stock modules, with the driver replaced by ours if it is accelerated."""

    driver: str
    accelerated: bool
    modules: tuple[str, ...]

    @property
    def label(self) -> str:
        """What the marks in the kernel log call it."""
        return f"{self.driver}, {'accelerated' if self.accelerated else 'stock'}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the kernel said when a module was inserted or removed: an errno, 0 where all was well."""

    action: str
    module: str
    errno: int

    def __str__(self) -> str:
        return f"{self.action} {self.module}: {name_of(self.errno)}"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a round gave: the answers, the lines of the kernel log, and why the guest died if it did.

    `left` are modules that are still there afterwards; `own` the lines that pfq_hook alone caused in that guest.
    """

    answers: tuple[Answer, ...]
    lines: tuple[kmsg.Line, ...]
    left: tuple[str, ...] = ()
    died: str = ""
    own: frozenset[str] = field(default_factory=frozenset)


def name_of(number: int) -> str:
    """Return what an errno is called: ok, ENODEV, ..."""
    return errno.errorcode.get(number, str(number)) if number else "ok"


def play(setup: Setup, rounds: Sequence[Round]) -> Iterator[tuple[Round, Seen]]:
    """Boot a guest and yield what each round gives, until one of them spoils the guest."""
    now: Round | None = None
    try:
        with machine.boot(setup) as booted:
            stage = _Stage(booted)
            own = frozenset(map(plain, stage.hook_alone()))
            for now in rounds:
                seen = stage.round(now, own)
                yield now, seen
                if seen.left:
                    return
    except GuestGone as error:
        if now is None:
            raise
        last = [line for line in error.details if kmsg.complaint(line) or "RIP: " in line] or error.details[-3:]
        yield now, Seen((), (), died="; ".join((error.message, *last[:5])))


class _Stage:
    """A guest in which rounds are played; each has a part of the kernel log to itself."""

    def __init__(self, booted: Machine) -> None:
        self._guest = booted.guest
        self._kmsg = booted.kmsg
        self._marks = 0

    def hook_alone(self) -> tuple[kmsg.Line, ...]:
        """Insert and remove pfq_hook: what the kernel says of it is no driver's doing."""
        begun = self._mark(HOOK)
        self._guest.must(f"load {HOOK}")
        self._guest.must(f"unload {HOOK}")
        return self._lines(begun, self._mark("end"))

    def round(self, wanted: Round, own: frozenset[str]) -> Seen:
        """Insert everything, remove what went in, and look at what is left."""
        begun = self._mark(wanted.label)
        ours = {HOOK, wanted.driver} if wanted.accelerated else set()
        files = (f"/{'modules' if name in ours else 'stock'}/{name}.ko" for name in wanted.modules)
        inserted = self._ask("insert", files)
        entered = [answer.module for answer in reversed(inserted) if answer.errno == 0]
        removed = self._ask("remove", entered) if entered else ()
        left = tuple(answer.module for answer in removed if answer.errno)
        return Seen((*inserted, *removed), self._lines(begun, self._mark("end")), left, own=own)

    def _ask(self, action: str, arguments: Sequence[str] | Iterator[str]) -> tuple[Answer, ...]:
        said = self._guest.must(f"labtool {action} " + " ".join(map(quote, arguments)), patience=_PATIENCE)
        answers = (line.split() for line in said.splitlines())
        return tuple(Answer(action, module, int(number)) for module, number in answers)

    def _mark(self, name: str) -> bytes:
        self._marks += 1
        text = f"{name} ({self._marks})"
        self._guest.must(f"mark {quote(text)}")
        mark = f"{kmsg.MARK}{text}\n".encode()
        if not self._kmsg.wait_for(mark, _PATIENCE):
            raise GuestGone("the guest's kernel log stopped arriving", hint="see the kernel log of the guest")
        return mark

    def _lines(self, begun: bytes, ended: bytes) -> tuple[kmsg.Line, ...]:
        return between(self._kmsg.bytes_from(0), begun, ended)


def between(text: bytes, begun: bytes, ended: bytes) -> tuple[kmsg.Line, ...]:
    """Return the lines of a log between those of two marks."""
    part = text[text.index(begun) + len(begun) : text.index(ended)]
    # What is left of the second mark's line is how it begins.
    return kmsg.parse(part[: part.rfind(b"\n") + 1].decode(errors="replace"))


# --- what differs

_SLOW = re.compile(r"hrtimer: interrupt took|clocksource: |sched: RT throttling|perf: interrupt took too long")
"""What a kernel remarks, once in a boot, because an emulated processor stood still; it is about no module."""


def plain(line: kmsg.Line) -> str:
    """Return a line without what differs from one time to the next: numbers and addresses."""
    return re.sub(r"\b0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+", "#", line.text)


def loud(line: kmsg.Line) -> bool:
    """Tell whether a line is a warning or worse, and not about the slowness of the machine."""
    if _SLOW.search(line.text):
        return False
    return line.level <= kmsg.WARNING or kmsg.complaint(line.text) is not None


def fresh_lines(stock: Seen, ours: Seen) -> tuple[kmsg.Line, ...]:
    """Return what the kernel log says of our round alone."""
    known = {*map(plain, stock.lines), *ours.own}
    return tuple(line for line in ours.lines if plain(line) not in known)


def differences(stock: Seen, ours: Seen) -> tuple[str, ...]:
    """Return in what our round is not as good as the stock module's; nothing if it is."""
    if stock.died or ours.died:
        both = bool(stock.died and ours.died)
        names = (f"with {name}, the machine died: {why}" for name, why in _deaths(stock, ours) if why)
        return () if both else tuple(names)
    expected = {(answer.action, answer.module): answer.errno for answer in stock.answers}
    given = {(answer.action, answer.module): answer.errno for answer in ours.answers}
    if ("insert", HOOK) in given:
        # It has no stock twin: it must go in and come out.
        expected |= {("insert", HOOK): 0, ("remove", HOOK): 0}
    found = [
        f"{action} {module}: {_said(given.get((action, module)))}, stock {_said(expected.get((action, module)))}"
        for action, module in dict.fromkeys((*expected, *given))
        if given.get((action, module)) != expected.get((action, module))
    ]
    found += [f"kernel log: {line.text}" for line in fresh_lines(stock, ours) if loud(line)]
    if lost := kmsg.missing(ours.lines):
        found.append(f"{lost} lines of the kernel log were lost")
    return tuple(found)


def _deaths(stock: Seen, ours: Seen) -> tuple[tuple[str, str], ...]:
    return ("the stock module", stock.died), ("the accelerated module", ours.died)


def _said(number: int | None) -> str:
    return "not done" if number is None else name_of(number)
