# SPDX-License-Identifier: GPL-2.0-or-later
"""What a vendor's build did, from the records that kbuild leaves: the module, its objects, how each was compiled.

Beside every object lies .NAME.o.cmd with the command and the files that were read, and beside every module NAME.mod
with its objects. They are there whatever the vendor's Makefile hides or prints.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omatic import cflags, stock
from omatic.errors import BuildFailed, UnknownDriver
from omatic.model import CompileCommand, KernelTarget

_COMMAND = re.compile(r"^(?:saved)?cmd_(\S+) := (.*)$", re.MULTILINE)
_READ = re.compile(r"^  ([^\s$]\S*)(?: \\)?$", re.MULTILINE)
_RELATIVE = re.compile(r"(?:^|\s)(?:-I|-include )(\.{1,2}/\S+)")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A built module below the source's root: where it is, how its C files were compiled, which files of the source
    were read, the folders that kbuild was given as M=, and the files that the build changed before they were read."""

    module: str
    commands: tuple[CompileCommand, ...]
    read: tuple[str, ...]
    folders: tuple[str, ...]
    changed: tuple[str, ...] = ()


def look(target: KernelTarget, root: Path, driver: str) -> Compiled:
    """Return what a build has made of a driver; raise UnknownDriver if no module of that name is there."""
    module = _module(root, driver)
    members = _members(root, module)
    commands: list[CompileCommand] = []
    read: dict[str, None] = {}
    for record in sorted(root.rglob(".*.o.cmd")):
        text = record.read_text(errors="replace")
        found = [command for command in _commands(target, root, record, text) if _is_ours(command, members)]
        commands += found
        if found:
            read |= dict.fromkeys(_files(target, root, record, text))
    if not commands:
        raise BuildFailed(
            f"the vendor's build of {module.name} left no record of how it compiled",
            hint="only builds that go through the kernel's own build system are supported",
            details=[f"no .cmd files with the compiler's commands below {module.parent.relative_to(root)}"],
        )
    folders = sorted(str(path.parent.relative_to(root)) for path in root.rglob("Module.symvers"))
    return Compiled(str(module.relative_to(root)), tuple(commands), tuple(read), tuple(folders))


def _module(root: Path, driver: str) -> Path:
    built = [path for path in sorted(root.rglob("*.ko")) if not path.is_symlink()]
    named = [path for path in built if stock.module_name(path.stem) == stock.module_name(driver)]
    # A copy that the Makefile made elsewhere has no .mod beside it.
    named = [path for path in named if path.with_suffix(".mod").is_file()] or named
    if not named:
        names = ", ".join(sorted({path.stem for path in built}))
        raise UnknownDriver(
            f"the vendor's build makes no module {driver}",
            hint=f"what it makes: {names}" if names else "it makes no module at all; see the log with -v",
        )
    return named[0]


def _members(root: Path, module: Path) -> frozenset[str]:
    # 5.10 has all objects in the first line, followed by symbols; later kernels have one in each line.
    listed = module.with_suffix(".mod")
    words = [word for word in listed.read_text().split() if word.endswith(".o")] if listed.is_file() else []
    found = set()
    for word in words:
        path = next((p / word for p in module.parents if (p / word).is_file()), None)
        if path is not None and root in path.parents:
            found.add(os.path.relpath(os.path.normpath(path), root))
    return frozenset(found)


def _is_ours(command: CompileCommand, members: frozenset[str]) -> bool:
    return not members or command.output in members


def _commands(target: KernelTarget, root: Path, record: Path, text: str) -> Iterator[CompileCommand]:
    for match in _COMMAND.finditer(text):
        # As make reads it back: its own $ and # are escaped.
        line = match[2].replace("$(pound)", "#").replace("$$", "$")
        yield from cflags.parse(line, root, _directory(target, root, record, line))


def _directory(target: KernelTarget, root: Path, record: Path, line: str) -> Path:
    # Commands run in the kernel's build folder; from 6.13 on in the folder that was given as M=.
    relative = _RELATIVE.findall(line)
    inside = [folder for folder in record.parents if folder == root or root in folder.parents]
    for folder in (target.build_dir, *inside):
        if all((folder / path).exists() for path in relative[:2]) and _source_exists(folder, line):
            return folder
    return target.build_dir


def _source_exists(folder: Path, line: str) -> bool:
    named = re.search(r" -c -o \S+\.o (\S+\.c)(?=\s|$)", line)
    return named is None or (folder / named[1]).is_file()


def _files(target: KernelTarget, root: Path, record: Path, text: str) -> Iterator[str]:
    for word in _READ.findall(text):
        for folder in (target.build_dir, *record.parents):
            path = Path(folder, word)
            if path.is_file():
                resolved = path.resolve()
                if root in resolved.parents and not path.name.endswith(".mod.c"):
                    yield str(resolved.relative_to(root))
                break
