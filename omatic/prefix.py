# SPDX-License-Identifier: GPL-2.0-or-later
"""The path at which the distribution built its kernel, where it shows in the modules, and builds at that path.

-fmacro-prefix-map takes care of __FILE__, but not of the places that the undefined behaviour sanitizer leaves in
read-only data: they name files as the compiler was told to open them. So where a stock module has such names, the
compiler must be told the same, and a folder stands in for the distribution's: links to the kernel's own headers and
Makefiles, and to the work tree, shown at that path in a mount namespace of the build's own. Kernels whose build can
put its products elsewhere (MO=, 6.13 and later) do so; those of others are beside the links.
"""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from omatic import elf, kernel, log, sysroot
from omatic.model import KernelTarget

_NAME = rb"(/(?:[\w.+~@-]+/)+)(?:%s|include|arch)/[\w./+-]+\.[ch]\0"


_NAMING = ("UBSAN", "KASAN", "KCSAN", "KMSAN", "GCOV_KERNEL")
"""The options that put names of source files into modules."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """`path` is the distribution's folder, `stand_in` what we show there, `objects` where the build's products go."""

    path: Path
    stand_in: Path
    objects: Path

    @property
    def apart(self) -> bool:
        """Whether products go to a folder of their own."""
        return self.objects != self.stand_in


def of_module(image: bytes, folder: Path) -> Path | None:
    """Return the folder below which the module with sources in `folder` was compiled, if that shows."""
    found = re.search(_NAME % re.escape(str(folder)).encode(), image)
    return Path(found[1].decode()) if found else None


def find(target: KernelTarget, module: Path, folder: Path, unit: Path) -> Prefix | None:
    """Return the prefix of a stock module for a build in the work folder `unit`; None where none is needed, or where
    this kernel's build could not use it."""
    theirs = kernel.source_dir(target)
    makefile = theirs / "Makefile"
    # Nothing else leaves names that are not mapped, and reading every module takes its time.
    if not makefile.is_file() or not any(target.config.get(f"CONFIG_{name}") == "y" for name in _NAMING):
        return None
    if (path := of_module(elf.read_module(module), folder)) is None:
        return None
    hidden = (sysroot.inside(target.root, place) for place in (theirs, target.build_dir))
    if any(place.is_relative_to(path) for place in hidden):
        # A kernel that is still where it was built: what would be linked to would be under what is shown.
        return None
    stand_in = unit / "prefix"
    if "$(origin MO)" in makefile.read_text(errors="replace"):
        return Prefix(path, stand_in, unit / "objects")
    if not sysroot.possible():
        log.warn(f"{module.name} has names of files in it that only a build at {path} would have, and this system "
                 "allows no mount namespace: it cannot be proven to be made of these sources")  # fmt: skip
        return None
    return Prefix(path, stand_in, stand_in)


def lay_out(target: KernelTarget, tree: Path, prefix: Prefix) -> None:
    """Make the folder that is shown at the prefix: the kernel's own files, and the work tree's in front of them;
    products that are there stay."""
    prefix.objects.mkdir(parents=True, exist_ok=True)
    for folder, folders, files in os.walk(prefix.stand_in):
        for path in (Path(folder, name) for name in (*folders, *files)):
            if path.is_symlink():
                path.unlink()
    _link(kernel.source_dir(target), tree, prefix.stand_in, target.root)


_PRODUCTS = (".o", ".ko", ".a", ".mod", ".mod.c", ".cmd", ".d", ".order", ".symvers")
"""What a build would write through a link into somebody else's folder."""


def _link(theirs: Path, ours: Path, into: Path, root: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    own = {entry.name for entry in ours.iterdir() if entry.name != ".git"}
    there = {entry.name for entry in theirs.iterdir() if not entry.name.endswith(_PRODUCTS)}
    for name in own | there:
        if name in own and (theirs / name).is_dir():
            _link(theirs / name, ours / name, into / name, root)
            continue
        if (into / name).is_dir():
            shutil.rmtree(into / name)
        if not (into / name).exists():
            (into / name).symlink_to(ours / name if name in own else sysroot.inside(root, theirs / name))
