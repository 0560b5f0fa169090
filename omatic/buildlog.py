# SPDX-License-Identifier: GPL-2.0-or-later
"""Read a build log: the errors of compiler, assembler, linker and modpost, as file, line and text. Pure."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BuildError:
    """One error; `path` and `line` are empty and 0 where the tool named no place."""

    path: str
    line: int
    text: str


_COMPILER = re.compile(r"^(?P<path>[^\s:][^:]*):(?P<line>\d+):(?:\d+:)? (?:fatal )?[Ee]rror: (?P<text>.*)$")
_MODPOST = re.compile(r"^(?:ERROR|FATAL): (?P<text>modpost: .*)$")
_OTHER = re.compile(r"^(?P<text>(?:\S*ld: |\S*objtool: |.*: command not found|.*No rule to make target).*)$")


def errors(log: str) -> tuple[BuildError, ...]:
    """Return the errors of a build log in order, each once."""
    found: dict[BuildError, None] = {}
    for line in log.splitlines():
        if match := _COMPILER.match(line):
            found[BuildError(match["path"], int(match["line"]), match["text"])] = None
        elif match := _MODPOST.match(line) or _OTHER.match(line):
            found[BuildError("", 0, match["text"])] = None
    return tuple(found)
