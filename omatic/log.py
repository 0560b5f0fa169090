# SPDX-License-Identifier: GPL-2.0-or-later
"""Progress and messages, on standard error only; results belong to `cli`.

A step is announced in the present participle and timed in verbose mode. Progress bars appear only on a terminal.
The verbosity is process-wide because it belongs to the terminal, not to the work.
"""

import contextlib
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum


class Verbosity(IntEnum):
    """How much to say: QUIET only errors, NORMAL steps, VERBOSE also commands and times."""

    QUIET = 0
    NORMAL = 1
    VERBOSE = 2


Show = Callable[[int], None]
"""What a progress bar hands out: call it with the number of bytes done so far."""

_state = {"verbosity": Verbosity.NORMAL, "depth": 0}


def set_verbosity(verbosity: Verbosity) -> None:
    """Set how much is said on standard error from now on."""
    _state["verbosity"] = verbosity


def verbose() -> bool:
    """Tell whether the user asked for commands, times and tracebacks."""
    return _state["verbosity"] >= Verbosity.VERBOSE


def shell(argv: Sequence[str]) -> str:
    """Return a command line that can be pasted into a shell."""
    return shlex.join(argv)


def debug(text: str) -> None:
    """Say something that only -v shows."""
    _say(text, Verbosity.VERBOSE)


def info(text: str) -> None:
    """Say something that -q hides."""
    _say(text, Verbosity.NORMAL)


def warn(text: str) -> None:
    """Say something that is always shown."""
    _say(f"warning: {text}", Verbosity.QUIET)


def _say(text: str, level: Verbosity) -> None:
    if _state["verbosity"] >= level:
        sys.stderr.write(f"{'  ' * _state['depth']}{text}\n")
        sys.stderr.flush()


@contextlib.contextmanager
def step(text: str) -> Iterator[None]:
    """Announce a step and indent what is said inside it; in verbose mode also say how long it took."""
    info(text)
    start = time.monotonic()
    _state["depth"] += 1
    try:
        yield
        debug(f"({time.monotonic() - start:.1f} s)")
    finally:
        _state["depth"] -= 1


class Counting:
    """How far a long piece of work is: what is being done now, and one line for each part that is done."""

    def __init__(self, total: int, done: int, say: Callable[[str], None], show: Callable[[str, int], None]) -> None:
        self._total, self._done, self._say, self._show = total, done, say, show

    def begin(self, what: str) -> None:
        """Say what is being done now."""
        self._show(what, self._done)

    def end(self, line: str) -> None:
        """Count one part as done and say how it went."""
        self._done += 1
        self._show("", self._done)
        self._say(f"[{self._done}/{self._total}] {line}")


@contextlib.contextmanager
def counting(text: str, total: int, done: int) -> Iterator[Counting]:
    """Show the progress of work in `total` parts, `done` of which are done already.

    One line for each part, on a terminal with a bar below them. What is done within the parts is shown with -v alone.
    """
    info(text)
    verbosity = _state["verbosity"]
    if verbosity != Verbosity.NORMAL:
        yield Counting(total, done, info, lambda _what, _done: None)
        return
    _state["verbosity"] = Verbosity.QUIET
    try:
        if sys.stderr.isatty():
            with _bar(total) as bar:
                yield Counting(total, done, *bar)
        else:
            yield Counting(total, done, _write, lambda _what, _done: None)
    finally:
        _state["verbosity"] = verbosity


def _write(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


@contextlib.contextmanager
def _bar(total: int) -> Iterator[tuple[Callable[[str], None], Callable[[str, int], None]]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=total)
        yield (
            lambda line: bars.console.print(line, markup=False, highlight=False),
            lambda what, done: bars.update(task, description=what, completed=done),
        )


@contextlib.contextmanager
def progress(text: str, total: int | None) -> Iterator[Show]:
    """Show a progress bar of `total` bytes; yields a function that takes the number of bytes done so far.

    Off a terminal, or with -q, the step is announced once and nothing moves.
    """
    if not sys.stderr.isatty() or _state["verbosity"] < Verbosity.NORMAL:
        with step(text):
            yield lambda _done: None
        return
    # Imported here: rich takes a tenth of a second, and planning must not pay for it.
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("  " * _state["depth"] + text, total=total)
        yield lambda done: bars.update(task, completed=done)
    info(text)
