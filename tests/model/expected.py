# SPDX-License-Identifier: GPL-2.0-or-later
"""What may be answered: success with certain bytes, certain errors, and what a success changes."""

import errno
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """What the kernel answered: a result, an errno (0: none), and bytes if there are any.

    `length` is what getsockopt left in its length; `absent` says that there was no process to do it.
    """

    result: int = 0
    errno: int = 0
    data: bytes | None = None
    length: int | None = None
    absent: bool = False

    def __str__(self) -> str:
        if self.absent:
            return "absent"
        if self.errno:
            return errno.errorcode.get(self.errno, str(self.errno))
        return f"{self.result}" + (f" {self.data.hex()}" if self.data is not None else "")


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Expected:
    """All answers that are right. `results` are those of a success; with `data`, its bytes must be these, too."""

    errnos: frozenset[int] = frozenset()
    results: frozenset[int] = frozenset()
    data: bytes | None = None
    apply: Callable[[], None] = _nothing
    anything: bool = False

    def admits(self, answer: Answer) -> bool:
        """Tell whether an answer is right."""
        if self.anything:
            return True
        if answer.errno:
            return answer.errno in self.errnos
        return answer.result in self.results and (self.data is None or answer.data == self.data)

    def __or__(self, number: int) -> "Expected":
        return Expected(self.errnos | {number}, self.results, self.data, self.apply)

    def __str__(self) -> str:
        good = [f"{value}" + (f" {self.data.hex()}" if self.data is not None else "") for value in sorted(self.results)]
        return " or ".join([*good, *(errno.errorcode.get(e, str(e)) for e in sorted(self.errnos))]) or "anything"


def fails(*errnos: int) -> Expected:
    """Return that a call must fail with one of these."""
    return Expected(errnos=frozenset(errnos))


def succeeds(apply: Callable[[], None] = _nothing, data: bytes | None = None, result: int = 0) -> Expected:
    """Return that a call must succeed, with what that changes."""
    return Expected(results=frozenset({result}), data=data, apply=apply)


ANYTHING = Expected(anything=True)
"""The interface says nothing of it: it may be answered in any way, and must change nothing."""
