# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel's own tools say of the core's C: its compiler with W=1, sparse, and checkpatch."""

import shutil
from pathlib import Path

from omatic import dirs, kbuild, proc, sysroot
from omatic.model import KernelTarget

_WARNS = ("warning:", "error:")


def warnings(target: KernelTarget, tree: Path, *, sparse: bool) -> list[str]:
    """Return what W=1, and sparse with its endian checks, warn of when the core is built in `tree` (made anew)."""
    top = dirs.resource("kernel")
    shutil.rmtree(tree, ignore_errors=True)
    # What somebody built by hand stays behind: it would not be compiled again.
    shutil.copytree(top, tree, ignore=shutil.ignore_patterns("*.o", "*.ko", "*.mod*", ".*.cmd", "Module.symvers"))
    checks = ["W=1", *(["C=2", "CF=-D__CHECK_ENDIAN__"] if sparse else [])]
    make = [*kbuild.arguments(target, tree), *checks, "modules"]
    done = proc.run(sysroot.command(target.root, make, shown=[tree]))
    return [line for line in (done.stdout + done.stderr).splitlines() if any(word in line for word in _WARNS)]


def checkpatch(script: Path) -> list[str]:
    """Return the complaints of a kernel's checkpatch, a line each."""
    done = proc.run(["make", "-s", "-C", dirs.resource("kernel"), "checkpatch", f"CHECKPATCH={script}"], check=False)
    return [line for line in done.stdout.splitlines() if not line.startswith("total:")]
