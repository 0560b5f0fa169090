# SPDX-License-Identifier: GPL-2.0-or-later
"""Operations, as the executor in the guest (tests/vm/executor.c) reads them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.model import memory
from tests.model.expected import Answer
from tests.model.memory import Blob, Patch, Pointer


@dataclass(frozen=True, slots=True)
class Simple:
    """An operation that is a name and numbers: open S TYPE PROTOCOL, close S, dup S T, take S ACTOR T, munmap M,
    mmap S M LENGTH OFFSET PROT FLAGS, peek M OFFSET COUNT, poll S, ioctl S REQUEST ARGUMENT, fork ACTOR, kill, ..."""

    actor: int
    name: str
    numbers: tuple[int, ...] = ()
    word: str = ""
    """What follows the numbers: the name of a call, bytes to poke."""

    def text(self) -> str:
        """Return it without the actor."""
        return " ".join((self.name, *map(str, self.numbers), *([self.word] if self.word else [])))


@dataclass(frozen=True, slots=True)
class Set:
    """A setsockopt."""

    actor: int
    socket: int
    option: int
    length: int
    blobs: tuple[Blob, ...] = (Pointer.NULL,)
    patches: tuple[Patch, ...] = ()
    level: int = 27

    def text(self) -> str:
        """Return it without the actor."""
        parts = [*map(memory.text, self.blobs), *map(str, self.patches)]
        return f"set {self.socket} {self.level} {self.option} {self.length} {' '.join(parts)}"


@dataclass(frozen=True, slots=True)
class Get:
    """A getsockopt; without a length, the pointer to it is bad."""

    actor: int
    socket: int
    option: int
    length: int | None
    blob: Blob = b""
    level: int = 27

    def text(self) -> str:
        """Return it without the actor."""
        length = "!" if self.length is None else self.length
        return f"get {self.socket} {self.level} {self.option} {length} {memory.text(self.blob)}"


Single = Simple | Set | Get


@dataclass(frozen=True, slots=True)
class Together:
    """Operations of one process that threads do at the same time."""

    actor: int
    parts: tuple[Single, ...] = field(default=())

    def text(self) -> str:
        """Return it without the actor."""
        return "par " + " | ".join(part.text() for part in self.parts)


Operation = Single | Together


def script(operations: Iterable[Operation]) -> str:
    """Return a sequence as the executor reads it, on one line."""
    return ";".join(["seq", *(f"{operation.actor} {operation.text()}" for operation in operations)])


class Trouble(Exception):
    """The guest did not answer as an executor does: something hangs, or a process died."""


def answers(output: str) -> Iterator[tuple[Answer, ...]]:
    """Yield what a sequence was answered: one answer for each operation, several if they were done together."""
    for line in output.splitlines():
        said = json.loads(line)
        if "seq" in said:
            continue
        if not {"r", "absent", "par"} & said.keys() or "broken" in said:
            raise Trouble(line)
        yield tuple(map(_answer, said["par"])) if "par" in said else (_answer(said),)


def _answer(said: dict[str, object]) -> Answer:
    if "absent" in said:
        return Answer(absent=True)
    result, number, data, length = (said.get(key) for key in ("r", "e", "d", "l"))
    assert isinstance(result, int) and isinstance(number, int) and (length is None or isinstance(length, int))
    return Answer(result, number, bytes.fromhex(data) if isinstance(data, str) else None, length)
