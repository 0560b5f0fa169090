# SPDX-License-Identifier: GPL-2.0-or-later
"""The operation that is changing the machine, step by step, kept so that a power cut leaves a record.

JSON lines, each on the disk before the next step begins: first what is to be done, then {"done": N} for each step.
The file is removed at the end. Steps can be repeated, so whoever finds a journal runs its command again.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from omatic import log
from omatic.errors import Unfinished
from omatic.life.system import System, remove_durably, sync


@dataclass(frozen=True, slots=True)
class Operation:
    """A command under way: its arguments, its steps in words, and how many of them are done."""

    command: str
    argv: tuple[str, ...]
    steps: tuple[str, ...]
    started: str
    done: int

    def __str__(self) -> str:
        """Return it as a user would say it."""
        return f"`{' '.join((self.command, *self.argv))}` ({self.done} of {len(self.steps)} steps done)"


class Journal:
    """The journal of one operation; make it with `begin`, under the system's lock."""

    def __init__(self, system: System, steps: Sequence[str]) -> None:
        self._system = system
        self._steps = tuple(steps)
        self._done = 0

    def done(self) -> None:
        """Record that the next step is done."""
        self._append({"done": self._done})
        self._done += 1
        log.debug(f"journal: {self._done}/{len(self._steps)} {self._steps[self._done - 1]}")

    def end(self) -> None:
        """Remove the journal: nothing is left to do."""
        remove_durably(self._system.journal)
        log.debug("journal: ended")

    def _append(self, entry: object) -> None:
        with self._system.journal.open("a") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())


def begin(system: System, command: str, argv: Sequence[str], steps: Sequence[str]) -> Journal:
    """Start the journal of an operation, replacing one that `refuse_others` has let pass."""
    system.state.mkdir(parents=True, exist_ok=True)
    remove_durably(system.journal)
    journal = Journal(system, steps)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    journal._append({"command": command, "argv": list(argv), "steps": list(steps), "started": started})
    sync(system.state)
    log.debug(f"journal: 0/{len(steps)} {command} {' '.join(argv)}")
    return journal


def unfinished(system: System) -> Operation | None:
    """Return the operation that a crash or a power cut left unfinished; None if there is none.

    A last line that was not written whole counts as not written.
    """
    try:
        lines = system.journal.read_text().splitlines()
    except FileNotFoundError:
        return None
    entries = []
    for line in lines:
        try:
            entries.append(json.loads(line))
        except ValueError:
            break
    if not entries:
        return None
    first = entries[0]
    return Operation(first["command"], tuple(first["argv"]), tuple(first["steps"]), first["started"], len(entries) - 1)


def refuse_others(system: System, command: str, argv: Sequence[str]) -> None:
    """Raise Unfinished if another operation than this one was left half done."""
    left = unfinished(system)
    if left is not None and (left.command, left.argv) != (command, tuple(argv)):
        raise Unfinished(
            f"an earlier operation was cut short: {left}",
            hint=f"finish it first: pfq-omatic {' '.join((left.command, *left.argv))}",
        )
