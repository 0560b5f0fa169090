# SPDX-License-Identifier: GPL-2.0-or-later
"""One driver's work folder: its vanilla sources as a git work tree, and where results go.

The tree holds what the module is made of, at its in-tree path, and a generated Kbuild that builds this module alone.
It is made anew when the sources differ from those it was made of, and kept otherwise, objects included.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omatic import includes, makefile, prefix
from omatic.dirs import Cache, sha256, staging, write_atomically
from omatic.errors import PlanRefused, SourceNotFound
from omatic.fetch import SourceTree, checksums
from omatic.gitio import WorkTree
from omatic.inlines import Inline
from omatic.makefile import Recipe
from omatic.model import KernelTarget, Plan, StockModule
from omatic.plan import object_of
from omatic.prefix import Prefix
from omatic.render import render
from omatic.rules import RULES, TWINS


@dataclass(frozen=True, slots=True)
class DriverUnit:
    """A module and its work folder. `key` names the content of its vanilla sources; `altered` are those of its files
    that are not as they were fetched; `traces` the folders that its trace headers are looked for from; `prefix` is
    where it must seem to be built."""

    module: StockModule
    recipe: Recipe
    folder: Path
    key: str
    altered: tuple[str, ...]
    traces: tuple[str, ...] = ()
    prefix: Prefix | None = None

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
        products = self.prefix.objects if self.prefix else self.tree
        return products / (self.module.intree.name if single else self.module.intree)

    @property
    def files(self) -> tuple[str, ...]:
        """The C files and headers of the driver in the tree, by path below it."""
        return tuple(
            sorted(
                str(path.relative_to(self.tree))
                for path in (self.tree / self.module.folder.parts[0]).rglob("*.[ch]")
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
    traces = _traces(sources.root, module, files)
    generated = kbuild_files(module, recipe, traces, None)
    sums = {str(path): sha256(sources.root / path) for path in files}
    key = hashlib.sha256(json.dumps([sums, generated], sort_keys=True).encode()).hexdigest()
    fetched = checksums(sources)
    altered = tuple(path for path, found in sums.items() if fetched.get(path, found) != found)
    folder = cache.work(target.place, module.name)
    at = prefix.find(target, module.path, module.folder, folder)
    unit = DriverUnit(module, recipe, folder, key, altered, traces, at)
    if _read_key(folder) == key and (tree := WorkTree.open(unit.tree)) is not None:
        return unit, tree
    if (former := WorkTree.open(unit.tree)) is not None:
        # Somebody has been working in the tree that was made of the old sources.
        former.save("the sources are others now")
    for products in ("objects", "prefix"):
        shutil.rmtree(folder / products, ignore_errors=True)
    with staging(folder / "tree") as into:
        for path in files:
            (into / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(sources.root / path, into / path)
            if path.name.endswith(includes.SHIPPED):
                # As kbuild does, but before the first dry run: whoever includes it must be able to be parsed.
                shutil.copyfile(sources.root / path, into / path.with_name(path.name.removesuffix(includes.SHIPPED)))
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
    # A folder of its own is taken whole; of a shared one (drivers/net, net) only what the module is made of: what else
    # is there depends on what was fetched for others.
    if len(module.folder.parts) > 3 or (recipe.objects and len(module.folder.parts) == 3):
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
    reached, _ = includes.follow(root, code, recipe.includes)
    return tuple(sorted({*inside, *reached, makefile_path.relative_to(root)}))


_TRACE = re.compile(rb"^#\s*define\s+TRACE_INCLUDE_(?:PATH|FILE)\s+((?:\.\./)+)drivers/", re.MULTILINE)


def _traces(root: Path, module: StockModule, files: Iterable[Path]) -> tuple[str, ...]:
    # TRACE_INCLUDE_PATH ../../drivers/net/...: any folder that is two levels below the top will do.
    ups = {
        match.count(b"..")
        for path in files
        if path.suffix == ".h"
        for match in _TRACE.findall((root / path).read_bytes())
    }
    return tuple(
        str(Path(*module.folder.parts[:levels])) for levels in sorted(ups) if levels <= len(module.folder.parts)
    )


def kbuild_files(
    module: StockModule, recipe: Recipe, traces: Sequence[str], plan: Plan | None, shadows: Sequence[str] = ()
) -> dict[str, str]:
    """Return the generated Kbuild files by path below the tree: vanilla without a plan, accelerated with one."""
    folder = str(module.folder)
    values = {
        "module": module.name,
        "object": module.object_name,
        "folder": folder,
        "single": not recipe.objects,
        "flags": recipe.flags,
        "srctree": recipe.srctree,
        "traces": traces,
        "accelerated": plan is not None,
        "units": [object_of(unit, folder) for unit in plan.units] if plan else [],
        "shadows": shadows,
    }
    files = {"Kbuild": render("Kbuild-root.j2", **values)}
    if recipe.objects:
        files[f"{folder}/Kbuild"] = render("Kbuild-folder.j2", **values)
    else:
        files["member.lds"] = render("member.lds.j2")
    return files


def accelerated_files(
    unit: DriverUnit,
    plan: Plan,
    *,
    version: str | None,
    mark: str,
    inlines: Sequence[Inline] = (),
    copies: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return every file that is generated for the accelerated build, by path below the tree.

    `version` is the tag that the generated object brings (None: the driver's own is extended), `mark` the text of
    MODULE_INFO(pfq), `inlines` those twins of the plan that are inlines on this kernel, `copies` the rewritten copies
    of kernel headers.
    """
    foreign = [name for name in plan.units if not name.startswith(f"{unit.module.folder}/")]
    if foreign:
        raise PlanRefused(
            f"{unit.module.name} delivers from files outside its folder", hint="report this driver", details=foreign
        )
    module = unit.module
    meta = f"{module.object_name}-pfq.c"
    headers = tuple(dict.fromkeys(inline.header for inline in inlines))
    shadows = (*headers, *(copies or {}))
    inlined = {TWINS[inline.callee] for inline in inlines}
    declared = {*plan.twins, *(twin for inline in inlines for twin in inline.uses)} - inlined
    return {
        **kbuild_files(module, unit.recipe, unit.traces, plan, shadows),
        f"{module.folder}/{meta}" if unit.recipe.objects else meta: render(
            "meta.c.j2", module=module.name, version=version, mark=mark
        ),
        "pfq/hook.h": render("hook.h.j2", rules=[rule for rule in RULES if rule.twin in declared]),
        **{
            f"pfq/include/{header}": render(
                "shadow.h.j2", header=header, inlines=[inline for inline in inlines if inline.header == header]
            )
            for header in headers
        },
        **{f"pfq/include/{header}": text for header, text in (copies or {}).items()},
    }
