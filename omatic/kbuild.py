# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own build system, entered from outside: builds of a folder of module sources.

The driver keeps its in-tree path below the folder, and the folder's own path is mapped away, so that even the strings
that __FILE__ leaves in the object agree with the distribution's.
"""

from collections.abc import Sequence
from pathlib import Path

from omatic import buildlog, proc
from omatic.errors import BuildFailed, CommandError, KernelMissing
from omatic.model import KernelTarget


def arguments(target: KernelTarget, tree: Path, extra_symbols: Path | None = None) -> list[str]:
    """Return the make command for an external build of `tree`, without the goal.

    Every run on a tree uses the same flags, so that kbuild recompiles only what changed.
    """
    make = ["make", "-C", str(target.build_dir), f"M={tree}", f"KCFLAGS=-fmacro-prefix-map={tree}/="]
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
    goal: str = "modules",
) -> None:
    """Build what the tree's Kbuild names; raise BuildFailed with the compiler's own errors."""
    proc.find(target.compiler)
    try:
        proc.run([*arguments(target, tree, extra_symbols), f"-j{jobs}", goal], log_to=log_to)
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
    found = buildlog.errors(error.output)
    details: Sequence[str] = [f"{e.path}:{e.line}: {e.text}" if e.line else e.text for e in found[:10]]
    return BuildFailed(
        f"the build in {tree} failed" + (f" with {len(found)} errors" if len(found) > 1 else ""),
        hint=f"the whole log: {log_to}",
        details=details or error.details,
    )
