# SPDX-License-Identifier: GPL-2.0-or-later
"""One driver's work folder: its vanilla sources as a git work tree, and where results go.

The tree holds what the module is made of, at its in-tree path, and a generated Kbuild that builds this module alone.
It is made anew when the sources differ from those it was made of, and kept otherwise, objects included.
"""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from omatic import makefile
from omatic.dirs import Cache, sha256, staging, write_atomically
from omatic.errors import PlanRefused, SourceNotFound
from omatic.fetch import SourceTree, checksums, outside_includes
from omatic.gitio import WorkTree
from omatic.makefile import Recipe
from omatic.model import KernelTarget, Plan, StockModule
from omatic.plan import object_of
from omatic.render import render
from omatic.rules import RULES


@dataclass(frozen=True, slots=True)
class DriverUnit:
    """A module and its work folder. `key` names the content of its vanilla sources; `altered` are those of its files
    that are not as they were fetched."""

    module: StockModule
    recipe: Recipe
    folder: Path
    key: str
    altered: tuple[str, ...]

    @property
    def tree(self) -> Path:
        """The git work tree; kbuild's M=."""
        return self.folder / "tree"

    @property
    def out(self) -> Path:
        """Modules, log, plan and proofs."""
        return self.folder / "out"

    @property
    def built(self) -> Path:
        """Where kbuild leaves the module: beside the Makefile that names it."""
        single = not self.recipe.objects
        return self.tree / (self.module.intree.name if single else self.module.intree)

    @property
    def files(self) -> tuple[str, ...]:
        """The C files and headers of the driver in the tree, by path below it."""
        return tuple(
            sorted(
                str(path.relative_to(self.tree))
                for path in (self.tree / "drivers").rglob("*.[ch]")
                if not path.name.endswith((".mod.c", "-pfq.c"))
            )
        )

    @property
    def sources(self) -> tuple[str, ...]:
        """The C files that the module is made of, by path below the tree."""
        return tuple(f"{self.module.folder}/{name}" for name in self.recipe.sources(self.module.object_name))


def prepare(
    target: KernelTarget, module: StockModule, sources: SourceTree, cache: Cache
) -> tuple[DriverUnit, WorkTree]:
    """Return the unit of a module with its work tree holding the vanilla sources."""
    makefile_path = makefile.kbuild_file(sources.root / module.folder)
    if makefile_path is None:
        raise SourceNotFound(f"{sources.label} has no Makefile in {module.folder}", hint="give a kernel source tree")
    # In the generated Kbuild $(src) is the tree's top: what the driver's Makefile calls $(src) is below it.
    recipe = makefile.recipe(target, Path(f"$$(src)/{module.folder}"), makefile_path, module.object_name)
    files = _files(sources.root, module, recipe, makefile_path)
    generated = kbuild_files(module, recipe, None)
    sums = {str(path): sha256(sources.root / path) for path in files}
    key = hashlib.sha256(json.dumps([sums, generated], sort_keys=True).encode()).hexdigest()
    fetched = checksums(sources)
    altered = tuple(path for path, found in sums.items() if fetched.get(path, found) != found)
    folder = cache.work(target.release, module.name)
    unit = DriverUnit(module, recipe, folder, key, altered)
    if _read_key(folder) == key and (tree := WorkTree.open(unit.tree)) is not None:
        return unit, tree
    if (former := WorkTree.open(unit.tree)) is not None:
        # Somebody has been working in the tree that was made of the old sources.
        former.save("the sources are others now")
    with staging(folder / "tree") as into:
        for path in files:
            (into / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(sources.root / path, into / path)
        for name, text in generated.items():
            (into / name).write_text(text)
        WorkTree.create(into, f"vanilla: {module.name} of {target.release}\n\nFrom {sources.label}.")
    write_atomically(folder / "unit.json", json.dumps({"key": key, "sources": sources.label}).encode())
    tree = WorkTree.open(unit.tree)
    assert tree is not None
    return unit, tree


def _read_key(folder: Path) -> str | None:
    try:
        return str(json.loads((folder / "unit.json").read_text())["key"])
    except (OSError, ValueError, KeyError):
        return None


def _files(root: Path, module: StockModule, recipe: Recipe, makefile_path: Path) -> tuple[Path, ...]:
    # A folder of its own is taken whole; of a shared one (drivers/net) only what the module is made of.
    if recipe.objects or len(module.folder.parts) > 3:
        inside = [path.relative_to(root) for path in sorted((root / module.folder).rglob("*")) if path.is_file()]
    else:
        inside = [module.folder / name for name in recipe.sources(module.object_name)]
    absent = [path for path in inside if not (root / path).is_file()]
    if absent:
        raise SourceNotFound(
            f"{absent[0]} is missing from the sources of {module.name}",
            hint="do the sources belong to this kernel?",
        )
    code = [path for path in inside if path.suffix in (".c", ".h")]
    reached, _ = outside_includes(root, code)
    return tuple(sorted({*inside, *reached, makefile_path.relative_to(root)}))


def kbuild_files(module: StockModule, recipe: Recipe, plan: Plan | None) -> dict[str, str]:
    """Return the generated Kbuild files by path below the tree: vanilla without a plan, accelerated with one."""
    folder = str(module.folder)
    values = {
        "module": module.name,
        "object": module.object_name,
        "folder": folder,
        "single": not recipe.objects,
        "flags": recipe.flags,
        "accelerated": plan is not None,
        "units": [object_of(unit, folder) for unit in plan.units] if plan else [],
    }
    files = {"Kbuild": render("Kbuild-root.j2", **values)}
    if recipe.objects:
        files[f"{folder}/Kbuild"] = render("Kbuild-folder.j2", **values)
    return files


def accelerated_files(unit: DriverUnit, plan: Plan, *, version: str | None, mark: str) -> dict[str, str]:
    """Return every file that is generated for the accelerated build, by path below the tree.

    `version` is the tag that the generated object brings (None: the driver's own is extended), `mark` the text of
    MODULE_INFO(pfq).
    """
    foreign = [name for name in plan.units if not name.startswith(f"{unit.module.folder}/")]
    if foreign:
        raise PlanRefused(
            f"{unit.module.name} delivers from files outside its folder", hint="report this driver", details=foreign
        )
    module = unit.module
    meta = f"{module.object_name}-pfq.c"
    return {
        **kbuild_files(module, unit.recipe, plan),
        f"{module.folder}/{meta}" if unit.recipe.objects else meta: render(
            "meta.c.j2", module=module.name, version=version, mark=mark
        ),
        "pfq/hook.h": render("hook.h.j2", rules=[rule for rule in RULES if rule.twin in plan.twins]),
    }
