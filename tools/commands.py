# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line as data, for what is generated from it: manual pages and completion."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from omatic import cli

PROGRAM = "pfq-omatic"
_SHELL_ONLY = ("install_completion", "show_completion")
_KINDS = {"RELEASE": "kernel", "DRIVER": "driver", "DRIVER...": "driver", "DIR": "folder", "FILE": "file"}


@dataclass(frozen=True)
class Option:
    """An option: its spellings, the value's name ("" for a flag), what it does, its default and its variable."""

    names: tuple[str, ...]
    value: str
    help: str
    default: str
    variable: str
    choices: tuple[str, ...]
    kind: str


@dataclass(frozen=True)
class Argument:
    """A positional argument."""

    name: str
    help: str
    required: bool
    many: bool
    kind: str


@dataclass(frozen=True)
class Command:
    """A command: the words that lead to it, its texts, what it takes, and the commands below it."""

    path: tuple[str, ...]
    help: str
    examples: tuple[str, ...]
    notes: tuple[str, ...]
    options: tuple[Option, ...]
    arguments: tuple[Argument, ...]
    children: tuple["Command", ...]

    @property
    def title(self) -> str:
        """Return its name as a manual page has it: pfq-omatic-dkms-add."""
        return "-".join((PROGRAM, *self.path))

    @property
    def summary(self) -> str:
        """Return the first sentence of its help, without the full stop."""
        return re.split(r"(?<=[.:;])\s", self.help.replace("\n", " "))[0].rstrip(".:;")


def tree() -> Command:
    """Return the whole command line, from its top."""
    return _command(typer.main.get_command(cli.app), ())


def walk(command: Command) -> Iterator[Command]:
    """Yield a command and all below it."""
    yield command
    for child in command.children:
        yield from walk(child)


def _command(found: Any, path: tuple[str, ...]) -> Command:
    lines = [line for line in re.split(r"\s{3,}|\n", found.epilog or "") if line]
    lines = [re.sub(r"^Examples?: ", "", line) for line in lines]
    children = getattr(found, "commands", {})
    return Command(
        path,
        (found.help or "").strip(),
        tuple(line for line in lines if line.startswith(PROGRAM)),
        tuple(line for line in lines if not line.startswith(PROGRAM)),
        (*(_option(p) for p in found.params if _is(p, "option")), _HELP),
        tuple(_argument(p) for p in found.params if _is(p, "argument")),
        tuple(_command(child, (*path, name)) for name, child in children.items() if not child.hidden),
    )


_HELP = Option(("-h", "--help"), "", "Show the help and exit.", "", "", (), "")


def _is(param: Any, kind: str) -> bool:
    return param.param_type_name == kind and not getattr(param, "hidden", False) and param.name not in _SHELL_ONLY


def _option(param: Any) -> Option:
    flag = param.is_flag
    choices = tuple(map(str, getattr(param.type, "choices", ())))
    value = "" if flag else param.metavar or ("|".join(choices) if choices else _value(param))
    default = "" if flag else _default(param)
    variable = param.envvar if isinstance(param.envvar, str) else ""
    names = tuple(sorted((*param.opts, *param.secondary_opts), key=len))
    return Option(names, value, (param.help or "").replace("\\[", "["), default, variable, choices, _kind(value, param))


def _argument(param: Any) -> Argument:
    name = param.metavar or param.name.upper()
    return Argument(name.removesuffix("..."), param.help or "", param.required, param.nargs == -1, _kind(name, param))


def _value(param: Any) -> str:
    return "N" if "int" in type(param.type).__name__.lower() else param.name.upper()


def _default(param: Any) -> str:
    if isinstance(param.show_default, str):
        return param.show_default
    return str(param.default) if param.show_default and param.default is not None and param.default != () else ""


def _kind(value: str, param: Any) -> str:
    if "path" in type(param.type).__name__.lower() or isinstance(param.type, Path):
        return "folder" if value == "DIR" else "file"
    return _KINDS.get(value, "file" if value == "SOURCE" else "")
