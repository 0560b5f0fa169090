# SPDX-License-Identifier: GPL-2.0-or-later
"""Texts, places in them, and errors that point there."""

from dataclasses import dataclass
from pathlib import Path

from pfq.errors import CompileError


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A text, what it is called in messages, and the folder where its imports are."""

    name: str
    text: str
    folder: Path

    def line(self, number: int) -> str:
        """Return a line; an empty one behind the last."""
        lines = self.text.splitlines()
        return lines[number - 1] if number <= len(lines) else ""


@dataclass(frozen=True, slots=True)
class Place:
    """A character of a text, counted from 1."""

    source: Source
    line: int
    column: int

    def error(self, message: str, hint: str) -> CompileError:
        """Return an error that points here."""
        text = self.source.line(self.line).replace("\t", " ")
        return CompileError(message, hint=hint, where=self.source.name, line=self.line, column=self.column, text=text)

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"
