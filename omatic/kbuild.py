# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own build system, entered from outside: builds of a folder of module sources.

The driver keeps its in-tree path below the folder, and the folder's own path is mapped away, so that even the strings
that __FILE__ leaves in the object agree with the distribution's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omatic import buildlog, proc, sysroot
from omatic import prefix as at_prefix
from omatic.errors import BuildFailed, CommandError, KernelMissing
from omatic.model import KernelTarget
from omatic.prefix import Prefix


@dataclass(frozen=True, slots=True)
class Pool:
    """Jobs that several makes share, as GNU make itself shares them: a pipe with a byte for each that is free."""

    read: int
    write: int
    jobs: int

    @property
    def descriptors(self) -> tuple[int, int]:
        """The pipe's ends, which make has to be given."""
        return self.read, self.write

    def environment(self) -> Mapping[str, str]:
        """Return what tells make of the pool; a -j of its own would end its part in it."""
        return {"MAKEFLAGS": f" -j{self.jobs} --jobserver-auth={self.read},{self.write}"}


def arguments(
    target: KernelTarget, tree: Path, extra_symbols: Path | None = None, prefix: Prefix | None = None
) -> list[str]:
    """Return the make command for an external build of `tree`, without the goal.

    Every run on a tree uses the same flags, so that kbuild recompiles only what changed.
    """
    build_dir, place = sysroot.inside(target.root, target.build_dir), prefix.path if prefix else tree
    where = [str(place), f"O={build_dir}"] if prefix else [str(build_dir)]
    if prefix and prefix.apart:
        where.append(f"MO={prefix.objects}")
    make = ["make", "-C", *where, f"M={place}", f"KCFLAGS=-fmacro-prefix-map={place}/="]
    if extra_symbols is not None:
        make.append(f"KBUILD_EXTRA_SYMBOLS={extra_symbols}")
    return make


def build(
    target: KernelTarget,
    tree: Path,
    *,
    log_to: Path,
    jobs: int,
    extra_symbols: Path | None = None,
    prefix: Prefix | None = None,
    goal: str = "modules",
    shown_from: Path | None = None,
    pool: Pool | None = None,
) -> None:
    """Build what the tree's Kbuild names; raise BuildFailed with the compiler's own errors.

    With `shown_from` that folder is what is built, seen at the tree's path; with `pool` its jobs are used.
    """
    sysroot.find(target.root, target.compiler)
    shown = [*([] if shown_from else [tree]), *([extra_symbols.parent] if extra_symbols else [])]
    mapped = {prefix.stand_in: prefix.path} if prefix else {shown_from: tree} if shown_from else {}
    if prefix:
        shown += [prefix.objects] if prefix.apart else []
        at_prefix.lay_out(target, tree, prefix)
    make = [*arguments(target, tree, extra_symbols, prefix), *([] if pool else [f"-j{jobs}"]), goal]
    env, pass_fds = (pool.environment(), pool.descriptors) if pool else ({}, ())
    try:
        inside = sysroot.command(target.root, make, shown=shown, mapped=mapped)
        proc.run(inside, log_to=log_to, env=env, pass_fds=pass_fds)
    except CommandError as error:
        if _INVALID in error.output:
            raise _incomplete(target) from error
        raise _explain(tree, error, log_to) from error


_INVALID = "ERROR: Kernel configuration is invalid."


def _incomplete(target: KernelTarget) -> KernelMissing:
    # What the kernel's own Makefile says when its headers are being upgraded, or when a make without M= has been
    # run in them: no driver can be built.
    return KernelMissing(
        f"the headers of kernel {target.release} are incomplete: {target.build_dir} lacks files that make generated",
        hint=f"apt-get install --reinstall linux-headers-{target.release}",
    )


def _explain(tree: Path, error: CommandError, log_to: Path) -> BuildFailed:
    if refused := sysroot.refusal(error.output):
        return BuildFailed(
            f"this kernel's build needs a mount namespace, which the system refuses: {refused}",
            hint="run as root, or allow user namespaces",
        )
    found = buildlog.errors(error.output)
    details: Sequence[str] = [f"{e.path}:{e.line}: {e.text}" if e.line else e.text for e in found[:10]]
    return BuildFailed(
        f"the build in {tree} failed" + (f" with {len(found)} errors" if len(found) > 1 else ""),
        hint=f"the whole log: {log_to}",
        details=details or error.details,
    )
