# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels below another root: where their files are from here, and programs that run as if that root were /.

A path is "inside" as the root's own programs know it, and "outside" as we do. A command that is to run inside gets a
mount namespace of its own, in which the root is put together anew: what is in it by bind mounts, /dev and /proc of
this machine, an empty /tmp, and whatever folders of this machine it is to see, most of them under the very path that
they have here. So nothing is ever mounted or made in the root itself, whatever ends the command early, and commands
may run side by side. Users other than root get a user namespace, too.

For / itself nothing is entered, unless a folder is to be seen under another path.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from omatic import proc
from omatic.errors import KernelMissing, ToolMissing

HERE = Path("/")
"""This machine's own root."""

_ENTER = Path(__file__).with_name("enter.sh")


def outside(root: Path, inside: str | Path) -> Path:
    """Return where a path that a program inside names is from here."""
    return root / str(inside).lstrip("/")


def inside(root: Path, outside: Path) -> Path:
    """Return how a program inside names a path of ours; what is not below the root is shown under its own path."""
    return HERE / outside.relative_to(root) if outside.is_relative_to(root) else outside


def resolve(root: Path, path: Path) -> Path:
    """Follow all symbolic links in a path of ours as programs inside see them: absolute ones count from the root."""
    if root == HERE:
        return path.resolve()
    done, todo = root, list(path.relative_to(root).parts)
    for _ in range(1000):
        if not todo:
            return done
        part = todo.pop(0)
        if part == "..":
            done = done.parent if done != root else root
        elif (done / part).is_symlink():
            target = (done / part).readlink()
            done = root if target.is_absolute() else done
            todo = [*(p for p in target.parts if p != "/"), *todo]
        else:
            done = done / part
    raise KernelMissing(f"{path} has too many levels of symbolic links", hint="repair that root")


def command(
    root: Path,
    argv: Sequence[str | Path],
    *,
    shown: Iterable[Path] = (),
    mapped: Mapping[Path, Path] | None = None,
    cwd: Path | None = None,
) -> list[str]:
    """Return the command that runs `argv` inside a root, for `proc` to run.

    `shown` are folders of ours that it sees under their own paths, `mapped` those that it sees under others (from
    ours to what it sees); `cwd` is where it starts, as seen from inside.
    """
    words = [os.fspath(word) for word in argv]
    pairs = [*((folder, folder) for folder in shown if root != HERE), *(mapped or {}).items()]
    if cwd is not None:
        words = ["sh", "-c", 'cd "$0" && exec "$@"', os.fspath(cwd), *words]
    if root == HERE and not pairs:
        return words
    tops: list[tuple[Path, Path]] = []
    for folder, to in sorted(set(pairs), key=lambda pair: len(pair[1].parts)):
        # What is below a folder that is shown already is there already.
        if not any(to.is_relative_to(above) for _, above in tops):
            tops.append((folder, to))
    private = ["--user", "--map-root-user"] if os.geteuid() != 0 else []
    places = [os.fspath(path) for pair in tops for path in pair]
    if root == HERE and all(to.is_dir() for _, to in tops):
        # Nothing has to be put together where the places are there already.
        return ["unshare", *private, "--mount", "sh", "-c", _SHOW, str(len(tops)), *places, *words]
    return ["unshare", *private, "--mount", "sh", os.fspath(_ENTER), os.fspath(root), str(len(tops)), *places,
            *words]  # fmt: skip


_SHOW = """\
while [ "$0" -gt "${done:=0}" ]; do mount --bind "$1" "$2" || exit; shift 2; done=$((done + 1)); done
exec "$@"
"""


@cache
def possible() -> bool:
    """Tell whether programs can get a mount namespace here."""
    if not proc.available("unshare"):
        return False
    private = ["--user", "--map-root-user"] if os.geteuid() != 0 else []
    return proc.run(["unshare", *private, "--mount", "true"], check=False).returncode == 0


def refusal(output: str) -> str | None:
    """Return the line in which the system says that it allows no namespaces, if that is why a command failed."""
    found = re.search(r"^(?:unshare|mount|umount): .*$", output, re.MULTILINE)
    return found[0] if found else None


def find(root: Path, tool: str) -> Path:
    """Return a program's path as seen from inside; raise ToolMissing if the root has none."""
    if root == HERE:
        return proc.find(tool)
    for folder in proc.environment()["PATH"].split(":"):
        found = resolve(root, outside(root, folder) / tool)
        if found.is_file() and os.access(found, os.X_OK):
            return inside(root, found)
    raise ToolMissing(tool, package=proc.PACKAGES.get(tool), root=root)
