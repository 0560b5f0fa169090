# SPDX-License-Identifier: GPL-2.0-or-later
"""Objects that the vanilla build gives to the accelerated one."""

import os
import sys
from pathlib import Path

import pytest

from omatic import proc, shared, sysroot
from omatic.errors import CommandError
from omatic.kbuild import Pool

TOUCHED = Path("drivers/net/x/rx.o")


def _file(path: Path, text: str, age: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, ns=(10**18 - age, 10**18 - age))
    return path


def test_the_other_files_objects_are_handed_over(tmp_path: Path) -> None:
    """With their commands and times; not the touched file's, and nothing that is linked."""
    vanilla, tree = tmp_path / "vanilla", tmp_path / "tree"
    for name in ("rx", "main", "x", "x.mod"):
        _file(vanilla / f"drivers/net/x/{name}.o", name)
        _file(vanilla / f"drivers/net/x/.{name}.o.cmd", f"cmd {name}")
    _file(vanilla / "drivers/net/x/x.mod", "rx.o main.o")
    (tree / "drivers/net/x").mkdir(parents=True)
    shared.hand_over(vanilla, tree, [TOUCHED], edited=set())
    assert {path.name for path in tree.rglob("*.o*")} == {"main.o", ".main.o.cmd"}
    assert (tree / "drivers/net/x/main.o").stat().st_mtime_ns == 10**18


def test_what_is_made_of_an_edited_file_is_not_handed_over(tmp_path: Path) -> None:
    """The version tag is in a file that has no site, or in a header that others include."""
    vanilla, tree = tmp_path / "vanilla", tmp_path / "tree"
    for name, read in (("main", "main.c"), ("other", "other.c version.h"), ("rest", "rest.c")):
        _file(vanilla / f"{name}.o", name)
        _file(vanilla / f".{name}.o.cmd", "deps := \\\n" + "".join(f"  {tree}/{one} \\\n" for one in read.split()))
    tree.mkdir()
    shared.hand_over(vanilla, tree, [TOUCHED], edited={"main.c", "version.h"})
    assert {path.name for path in tree.iterdir()} == {"rest.o", ".rest.o.cmd"}


def test_newer_objects_of_the_tree_stay(tmp_path: Path) -> None:
    vanilla, tree = tmp_path / "vanilla", tmp_path / "tree"
    for name, age in (("older", 5), ("newer", -5)):
        _file(vanilla / f"{name}.o", "given")
        _file(tree / f"{name}.o", "own", age)
    shared.hand_over(vanilla, tree, [TOUCHED], edited=set())
    assert ((tree / "older.o").read_text(), (tree / "newer.o").read_text()) == ("given", "own")


def test_two_makes_share_one_pool(tmp_path: Path) -> None:
    """Two makes with a pool of three jobs never run more than three at a time, and both run all of theirs."""
    log = tmp_path / "log"
    mark = "f.write('+'); time.sleep(.2); f.write('-')"
    work = f"{sys.executable} -c \"import time; f = open('{log}', 'a', buffering=1); {mark}\""
    rule = f"all: {' '.join(f't{n}' for n in range(4))}\nt%:\n\t@{work}\n"
    for name in ("one", "two"):
        (tmp_path / name).write_text(rule)
    with shared._pool(3) as pool:
        argv: list[str | Path] = ["make", "-f", tmp_path / "one"]
        with proc.background(argv, env=pool.environment(), pass_fds=pool.descriptors) as child:
            proc.run(["make", "-f", tmp_path / "two"], env=pool.environment(), pass_fds=pool.descriptors)
            child.wait()
    running = peak = 0
    for sign in log.read_text():
        running += 1 if sign == "+" else -1
        peak = max(peak, running)
    assert (log.read_text().count("+"), running) == (8, 0)
    assert peak <= 3


def test_a_folder_is_shown_at_a_place_that_exists(tmp_path: Path) -> None:
    """Without putting the whole root together anew, and for the command alone."""
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    _file(theirs / "file", "theirs")
    _file(ours / "file", "ours")
    try:
        said = proc.run(sysroot.command(Path("/"), ["cat", ours / "file"], mapped={theirs: ours})).stdout
    except CommandError as error:
        pytest.skip(f"no namespaces here: {error.output}")
    assert said == "theirs"
    assert (ours / "file").read_text() == "ours"


def test_the_pool_is_told_as_make_tells_it() -> None:
    assert Pool(7, 8, 4).environment() == {"MAKEFLAGS": " -j4 --jobserver-auth=7,8"}
