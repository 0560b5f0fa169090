# SPDX-License-Identifier: GPL-2.0-or-later
"""Compile commands of every file of a unit, from a dry run of the kernel's own build (make -n).

Nothing is compiled. The dry run covers one folder, as the kernel's top Makefile enters it. Commands are kept by
content: the same tree, kernel and configuration ask make only once.
"""

import hashlib
import json
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from omatic import entry, sysroot
from omatic.dirs import write_atomically
from omatic.errors import BuildFailed
from omatic.model import CompileCommand, KernelTarget

# `-c -o file.o file.c`, then the end of the command or objtool's turn.
_COMPILE = re.compile(r"(?:^|;|\|\||&&)\s*((?:[^;|&\s]+\s+)?[^;]*? -c -o (\S+\.o) (\S+\.c))(?=\s*(?:;|$))")
_ENTERING = re.compile(r"^make(?:\[\d+\])?: Entering directory '(.+)'$")


def commands(target: KernelTarget, tree: Path, key: str, folder: Path) -> tuple[CompileCommand, ...]:
    """Return the compile commands of the unit in `tree`; `key` names its content, `folder` keeps results."""
    kept = folder / f"commands-{hashlib.sha256(f'{key} {tree}'.encode()).hexdigest()[:24]}.json"
    try:
        return tuple(
            CompileCommand(source, output, tuple(arguments), Path(directory))
            for source, output, arguments, directory in json.loads(kept.read_text())
        )
    except (OSError, ValueError, TypeError):
        pass
    entered = entry.learn(target, folder)
    said = entry.dry_run(entered, tree, target.root)
    found = tuple(outside(c, tree, target.root) for c in parse(said, tree, entered.place(tree)))
    if not found:
        raise BuildFailed(
            f"the kernel's build of {tree} compiles nothing",
            hint="run again with -v; does the folder's Makefile build this driver?",
        )
    listed = [(c.source, c.output, c.arguments, str(c.directory)) for c in found]
    write_atomically(kept, json.dumps(listed).encode())
    return found


def parse(text: str, tree: Path, directory: Path) -> Iterator[CompileCommand]:
    """Yield the compile commands in the output of make -n; `directory` is where make was entered."""
    seen = set()
    for line in text.splitlines():
        if entering := _ENTERING.match(line):
            directory = Path(entering[1])
            continue
        for match in _COMPILE.finditer(line) if " -c -o " in line else ():
            source = _relative(directory / match[3], tree)
            if source in seen or source.endswith(".mod.c"):
                continue
            seen.add(source)
            arguments = tuple(shlex.split(match[1])[1:])
            yield CompileCommand(source, _relative(directory / match[2], tree), arguments, directory)


_PATH = re.compile(r"(-I|-isystem|-iquote|-idirafter|-include)?(/.*)")


def outside(command: CompileCommand, tree: Path, root: Path) -> CompileCommand:
    """Return a command with the paths that it has outside of the root that it runs in."""
    if root == sysroot.HERE:
        return command

    directory = command.directory
    if not directory.is_relative_to(tree):
        directory = sysroot.outside(root, directory)
    arguments = tuple(_moved(argument, tree, root) for argument in command.arguments)
    return replace(command, arguments=arguments, directory=directory)


def _moved(argument: str, tree: Path, root: Path) -> str:
    found = _PATH.fullmatch(argument)
    if found is None or Path(found[2]).is_relative_to(tree):
        return argument
    return f"{found[1] or ''}{sysroot.outside(root, found[2])}"


def _relative(path: Path, tree: Path) -> str:
    # Objects of a folder beside the one that is built are named through it: drv/../common/lib.o.
    path = Path(os.path.normpath(path))
    return str(path.relative_to(tree)) if tree in path.parents else str(path)
