# SPDX-License-Identifier: GPL-2.0-or-later
"""Every way in which the package can refuse or fail, in one hierarchy.

Each error says what happened and where (`message`), what to do next (`hint`) and, where it helps, the evidence
(`details`, one line each). `exit_code` is what `pfq-lang` returns; docs/lang.md lists them.
"""

from collections.abc import Sequence


class PfqError(Exception):
    """Root of the hierarchy: a message, a hint and optional details."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)

    def __str__(self) -> str:
        return "\n".join((self.message, *(f"    {line}" for line in self.details), f"  hint: {self.hint}"))


class UsageError(PfqError):
    """The command line asks for something that makes no sense."""

    exit_code = 2


class ProgramError(PfqError):
    """A program is wrong: a function got an argument that it cannot take, or the whole is too large."""

    exit_code = 3


class ArgumentError(ProgramError):
    """A function got an argument of the wrong type, or a value out of its range."""

    def __init__(self, message: str, *, hint: str, function: str = "", argument: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.function = function
        self.argument = argument


class CompileError(ProgramError):
    """The text of a program is wrong; the place is known."""

    def __init__(self, message: str, *, hint: str, where: str, line: int, column: int, text: str) -> None:
        details = (text, " " * (column - 1) + "^") if text.strip() else ()
        super().__init__(f"{where}:{line}:{column}: {message}", hint=hint, details=details)
        self.plain = message
        self.where = where
        self.line = line
        self.column = column


class BadData(PfqError):
    """A file is not what it should be: no capture, no program in JSON."""

    exit_code = 4


class ToolMissing(PfqError):
    """A program or library that the work needs is not installed."""

    exit_code = 5


class Unreadable(PfqError):
    """A file cannot be read or written."""

    exit_code = 6


class SocketError(PfqError):
    """The kernel refused: no PFQ, no privilege, or a program or setting that it does not take."""

    exit_code = 7

    def __init__(self, message: str, *, hint: str, errno: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.errno = errno
