# SPDX-License-Identifier: GPL-2.0-or-later
"""Ask GNU make what a driver's own Makefile says: which objects a module is made of, and its extra flags.

The Makefile is evaluated with the kernel's configuration, as kbuild does it; nothing is compiled.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from omatic import proc
from omatic.model import KernelTarget


@dataclass(frozen=True, slots=True)
class Recipe:
    """How kbuild makes one module.

    `objects` are the members, relative to the driver's folder, when the module is a composite; empty when it is made
    of the one source file of its name. `flags` are those that the Makefile adds for a single-file module. `includes`
    are the folders of the source tree that it has the compiler look into, by in-tree path, and `srctree` tells whether
    it names them from the tree's top.
    """

    objects: tuple[str, ...]
    flags: tuple[str, ...]
    includes: tuple[Path, ...] = ()
    srctree: bool = False

    def sources(self, object_name: str) -> tuple[str, ...]:
        """Return the C files that the module is made of, relative to the driver's folder."""
        return tuple(name.removesuffix(".o") + ".c" for name in self.objects or (f"{object_name}.o",))


_PROBE = """\
-include {auto}
srctree := {srctree}
objtree := {build}
src := {folder}
obj := {folder}
include {makefile}
$(info objects=$({name}-objs) $({name}-y) $({name}-m))
$(info flags=$(ccflags-y) $(CFLAGS_{name}.o))
$(info includes=$(ccflags-y) $(subdir-ccflags-y) $(foreach v,$(filter CFLAGS_%,$(.VARIABLES)),$($v)))
.DEFAULT_GOAL := pfq-omatic-probe
pfq-omatic-probe: ; @:
"""


def kbuild_file(folder: Path) -> Path | None:
    """Return the file that kbuild reads in a folder: Kbuild before Makefile; None if it has neither."""
    return next((folder / name for name in ("Kbuild", "Makefile") if (folder / name).is_file()), None)


def recipe(target: KernelTarget, folder: Path, makefile: Path, object_name: str) -> Recipe:
    """Return how the module `object_name` is made by `makefile`; `folder` becomes kbuild's $(src)."""
    text = _PROBE.format(
        auto=target.build_dir / "include/config/auto.conf",
        srctree=target.build_dir,
        build=target.build_dir,
        folder=folder,
        makefile=makefile.name,
        name=object_name,
    )
    # By its bare name and from its folder: a path may have spaces, which make cannot quote.
    said = proc.run(["make", "-rR", "--no-print-directory", "-f", "-"], stdin=text, cwd=makefile.parent).stdout
    wanted = ("objects=", "flags=", "includes=")
    fields = dict(line.split("=", 1) for line in said.splitlines() if line.startswith(wanted))
    members = dict.fromkeys(word for word in fields["objects"].split() if word.endswith(".o"))
    flags = tuple(_ours(word, target) for word in fields["flags"].split())
    found = (_ours(word, target).removeprefix("-I") for word in fields["includes"].split())
    inside = (os.path.normpath(path.removeprefix("$(src)/")) for path in found if path.startswith("$(src)/"))
    srctree = "$(srctree)" in makefile.read_text(errors="replace")
    return Recipe(tuple(members), flags, tuple(dict.fromkeys(map(Path, inside))), srctree)


def _ours(word: str, target: KernelTarget) -> str:
    # A path into the kernel's source tree is one into ours: the headers have no drivers/. And in an external build
    # $(src) begins at the root already.
    return re.sub(rf"^(-I)?{re.escape(str(target.build_dir))}/(?:\$\(src\)/)?(?=drivers/)", r"\1$(src)/", word)
