# SPDX-License-Identifier: GPL-2.0-or-later
"""The path at which the distribution built its kernel, where it shows in the modules, and builds at that path.

-fmacro-prefix-map takes care of __FILE__, but not of the places that the undefined behaviour sanitizer leaves in
read-only data: they name files as the compiler was told to open them. So where a stock module has such names, the
compiler must be told the same, and a folder stands in for the distribution's: links to the kernel's own headers and
Makefiles, and to the work tree, shown at that path in a mount namespace of the build's own. Needs a kernel whose
build can put its objects elsewhere (MO=, 6.13 and later).
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from omatic import elf, kernel, sysroot
from omatic.model import KernelTarget

_NAME = rb"(/(?:[\w.+~@-]+/)+)(?:%s|include|arch)/[\w./+-]+\.[ch]\0"


@dataclass(frozen=True, slots=True)
class Prefix:
    """`path` is the distribution's folder, `stand_in` what we show there, `objects` where the build's products go."""

    path: Path
    stand_in: Path
    objects: Path


def of_module(image: bytes, folder: Path) -> Path | None:
    """Return the folder below which the module with sources in `folder` was compiled, if that shows."""
    found = re.search(_NAME % re.escape(str(folder)).encode(), image)
    return Path(found[1].decode()) if found else None


def find(target: KernelTarget, module: Path, folder: Path, unit: Path) -> Prefix | None:
    """Return the prefix of a stock module for a build in the work folder `unit`; None where none is needed, or where
    this kernel's build could not use it."""
    makefile = kernel.source_dir(target) / "Makefile"
    if not makefile.is_file() or "$(origin MO)" not in makefile.read_text(errors="replace"):
        return None
    path = of_module(elf.read_module(module), folder)
    return Prefix(path, unit / "prefix", unit / "objects") if path else None


def lay_out(target: KernelTarget, tree: Path, prefix: Prefix) -> None:
    """Make the folder that is shown at the prefix: the kernel's own files, and the work tree's in front of them."""
    shutil.rmtree(prefix.stand_in, ignore_errors=True)
    prefix.objects.mkdir(parents=True, exist_ok=True)
    _link(kernel.source_dir(target), tree, prefix.stand_in, target.root)


def _link(theirs: Path, ours: Path, into: Path, root: Path) -> None:
    into.mkdir(parents=True)
    own = {entry.name for entry in ours.iterdir() if entry.name != ".git"}
    for name in own | {entry.name for entry in theirs.iterdir()}:
        if name in own and (theirs / name).is_dir():
            _link(theirs / name, ours / name, into / name, root)
        else:
            (into / name).symlink_to(ours / name if name in own else sysroot.inside(root, theirs / name))
