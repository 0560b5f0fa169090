# SPDX-License-Identifier: GPL-2.0-or-later
"""Vanilla objects and those of the files that the rewrite touches, compiled at the same time out of one pool of jobs.

Most drivers have one or two touched files, and these are large: compiled after everything else, they leave all cores
but one idle. So the vanilla driver is built from a copy of its sources that is shown at the work tree's own path in a
mount namespace, while the touched files are compiled in the work tree. Both makes take their jobs from one pool. The
objects of all other files are then given to the work tree: they were made of the same content at the same path by the
same commands.

Nothing here vouches for anything. The accelerated build proper, which comes after this, makes anew what it finds
wanting, and the proofs look at what came out.
"""

import filecmp
import json
import os
import shutil
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from pathlib import Path

from omatic import kbuild, proc, sysroot
from omatic.dirs import write_atomically
from omatic.errors import CommandError
from omatic.gitio import WorkTree
from omatic.kbuild import Pool
from omatic.model import KernelTarget, Plan
from omatic.unit import DriverUnit


def possible(target: KernelTarget, unit: object, jobs: int) -> bool:
    """Tell whether there is more than one job, and a namespace to show the copy in.

    A driver that must seem to be built elsewhere has its namespace already, and a vendor's build is the vendor's.
    """
    if jobs < 2 or not isinstance(unit, DriverUnit) or unit.prefix is not None:
        return False
    try:
        proc.run(sysroot.command(target.root, ["true"], mapped={unit.tree: unit.tree}))
    except CommandError:
        return False
    return True


def copy(unit: DriverUnit, tree: WorkTree, base: str) -> Path:
    """Return the copy of the vanilla sources, brought up to date; unchanged files, and objects, stay as they are."""
    into, note = unit.folder / "vanilla", unit.folder / "vanilla.json"
    tree.show(base)
    names = tree.files()
    about = json.dumps([unit.key, names])
    if not note.is_file() or note.read_text() != about:
        shutil.rmtree(into, ignore_errors=True)
    for name in names:
        theirs, ours = unit.tree / name, into / name
        if not ours.is_file() or not filecmp.cmp(theirs, ours, shallow=False):
            ours.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(theirs, ours)
    write_atomically(note, about.encode())
    return into


def build(
    target: KernelTarget, unit: DriverUnit, plan: Plan, vanilla: Path, symvers: Path, jobs: int, log: Path
) -> None:
    """Build the vanilla driver from its copy, and meanwhile the touched files in the work tree; then give the work
    tree the objects that it lacks."""
    with _pool(jobs) as pool, _touched(target, unit, plan, symvers, pool) as child:
        kbuild.build(target, unit.tree, log_to=log, jobs=jobs, shown_from=vanilla, pool=pool)
        os.write(pool.write, b"+")
        child.wait()
    (unit.out / "vanilla").mkdir(exist_ok=True)
    shutil.copyfile(vanilla / unit.built.relative_to(unit.tree), unit.out / "vanilla" / unit.built.name)
    touched = [Path(name).with_suffix(".o") for name in plan.units]
    hand_over(vanilla, unit.tree, touched, edited={edit.path for edit in plan.edits})


@contextmanager
def _pool(jobs: int) -> Iterator[Pool]:
    # One job is every make's own, so with two of them there is one less to share; whoever is done gives it back.
    read, write = os.pipe()
    try:
        os.write(write, b"+" * (jobs - 2))
        yield Pool(read, write, jobs)
    finally:
        os.close(read)
        os.close(write)


@contextmanager
def _touched(target: KernelTarget, unit: DriverUnit, plan: Plan, symvers: Path, pool: Pool) -> Iterator[proc.Child]:
    mark = f"{unit.module.object_name}-pfq.o"
    goals = [str(Path(name).with_suffix(".o")) for name in plan.units]
    goals.append(f"{unit.module.folder}/{mark}" if unit.recipe.objects else mark)
    make = [*kbuild.arguments(target, unit.tree, symvers), *goals]
    inside = sysroot.command(target.root, make, shown=[unit.tree, symvers.parent])
    words = ["sh", "-c", f'"$@"; printf + >&{pool.write}', "sh", *inside]
    with proc.background(words, env=pool.environment(), pass_fds=pool.descriptors) as child:
        yield child


def hand_over(vanilla: Path, tree: Path, touched: Sequence[Path], edited: Set[str]) -> None:
    """Copy objects, and the commands that made them, unless the tree has them; never those of touched files, nor what
    was made of an edited one: the version tag may be in a file that has no site."""
    stale = _made_of(vanilla, {form for name in edited for form in (name, f"{tree}/{name}")})
    kept = {path for name in (*touched, *stale) for path in (name, name.with_name(f".{name.name}.cmd"))}
    for pattern in ("*.o", ".*.o.cmd"):
        for path in vanilla.rglob(pattern):
            name = path.relative_to(vanilla)
            if name in kept or _linked(path):
                continue
            if not (tree / name).is_file() or (tree / name).stat().st_mtime_ns < path.stat().st_mtime_ns:
                # With its time: make looks whether it is newer than what it was made of.
                shutil.copy2(path, tree / name)


def _made_of(vanilla: Path, edited: Set[str]) -> Iterator[Path]:
    # What kbuild has written down of each object is its command and all files that the compiler read.
    for path in vanilla.rglob(".*.o.cmd"):
        if not edited.isdisjoint(path.read_text().split()):
            yield path.relative_to(vanilla).with_name(path.name[1:].removesuffix(".cmd"))


def _linked(path: Path) -> bool:
    # What is linked of others, the module's own object before all, is each build's own.
    stem = path.name.removeprefix(".").removesuffix(".cmd").removesuffix(".o")
    return stem.endswith(".mod") or path.with_name(f"{stem}.mod").is_file()
