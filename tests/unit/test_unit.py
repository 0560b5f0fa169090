# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver's work folder: it holds what the compiler will look for, and its Kbuild looks for it there."""

from pathlib import Path

import pytest

from omatic import makefile, proc, unit
from omatic.dirs import Cache
from omatic.fetch import SourceTree
from omatic.model import KernelTarget, StockModule

TOYS = Path("drivers/net/ethernet/toys")


@pytest.fixture
def target(tmp_path: Path) -> KernelTarget:
    """A kernel's headers: no drivers in them."""
    build = tmp_path / "headers"
    build.mkdir()
    (build / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 1\n")
    return KernelTarget("6.1.0-1-toy", build, {}, build / "Module.symvers", "gcc", None)


def sources(root: Path, files: dict[str, str]) -> SourceTree:
    """Write a source tree."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return SourceTree(root, "toy sources", True)


def prepare(target: KernelTarget, tmp_path: Path, intree: Path, files: dict[str, str]) -> unit.DriverUnit:
    """Prepare the unit of a module."""
    module = StockModule(intree.stem, tmp_path / intree.name, intree)
    made, _ = unit.prepare(target, module, sources(tmp_path / "src/tree", files), Cache(tmp_path / "cache"))
    return made


def flags(target: KernelTarget, tree: Path, folder: Path, variable: str = "ccflags-y") -> list[str]:
    """Return what kbuild would get from the generated Kbuild of a folder, as paths below the tree."""
    text = f"srctree := {target.build_dir}\nKBUILD_EXTMOD := {tree}\nsrc := {tree / folder}\nobj := $(src)\n"
    text += f"include $(src)/Kbuild\n$(info {variable}=$({variable}))\nall: ; @:\n"
    said = proc.run(["make", "-rR", "--no-print-directory", "-f", "-", "all"], stdin=text).stdout
    return said.strip().removeprefix(f"{variable}=").replace(f"{tree}/", "").split()


def test_folders_that_the_makefile_names_from_the_trees_top(target: KernelTarget, tmp_path: Path) -> None:
    """$(srctree)/$(src) and $(srctree)/drivers/... (brcmfmac, atlantic, hns3): found, copied, and looked into."""
    top = TOYS / "nic"
    made = prepare(
        target,
        tmp_path,
        top / "nic.ko",
        {
            f"{top}/Makefile": "obj-m += nic.o\nnic-y := a.o sub/b.o\n"
            "ccflags-y += -I $(srctree)/$(src) -I $(srctree)/$(src)/../include -Os\n"
            f"ccflags-y += -I$(srctree)/{TOYS}/lib -I$(srctree)/include/uapi\n"
            "CFLAGS_a.o = -I$(srctree)/$(src)/sub\n",
            f"{top}/a.c": '#include <near.h>\n#include <linux/skbuff.h>\n#include "b.h"\n',
            f"{top}/sub/b.c": '#include "a.h"\n',
            f"{top}/sub/b.h": "",
            f"{top}/a.h": '#include "lib.h"\n',
            f"{TOYS}/include/near.h": '#include "farther.h"\n',
            f"{TOYS}/include/farther.h": "",
            f"{TOYS}/include/unused.h": "",
            f"{TOYS}/lib/lib.h": "",
        },
    )
    assert made.recipe.srctree
    copied = {str(path.relative_to(made.tree / TOYS)) for path in made.tree.rglob("*.h")}
    assert copied == {"nic/a.h", "nic/sub/b.h", "include/near.h", "include/farther.h", "lib/lib.h"}
    kernel = f"-I{target.build_dir}/include/uapi"
    expected = ["-I", str(top), "-I", f"{top}/../include", "-Os", f"-I{TOYS}/lib", kernel]
    assert flags(target, made.tree, top) == expected
    assert flags(target, made.tree, top, "CFLAGS_a.o") == [f"-I{top}/sub"]


def test_a_makefile_without_such_folders_is_left_alone(target: KernelTarget, tmp_path: Path) -> None:
    """-I$(src) works as it is; the generated Kbuild has nothing that is not needed."""
    files = {f"{TOYS}/nic/Makefile": "obj-m += nic.o\nnic-y := a.o\nccflags-y += -I$(src)\n", f"{TOYS}/nic/a.c": ""}
    made = prepare(target, tmp_path, TOYS / "nic/nic.ko", files)
    assert "srctree" not in (made.tree / TOYS / "nic/Kbuild").read_text()
    assert flags(target, made.tree, TOYS / "nic") == [f"-I{TOYS}/nic"]


@pytest.mark.parametrize(
    ("define", "expected"),
    [
        ("TRACE_INCLUDE_PATH ../../drivers/net/ethernet/toys/nic", "-Idrivers/net"),
        ("TRACE_INCLUDE_FILE ../../drivers/net/ethernet/toys/nic/trace", "-Idrivers/net"),
        ("TRACE_INCLUDE_PATH ../../../drivers/net/ethernet/toys/nic", "-Idrivers/net/ethernet"),
        ("TRACE_INCLUDE_PATH .", ""),
    ],
)
def test_trace_headers_that_count_from_the_kernels_tree(
    target: KernelTarget, tmp_path: Path, define: str, expected: str
) -> None:
    """ice, hyperv and fjes: a folder of as many levels lets the compiler arrive at the driver's own header."""
    folder = TOYS / "nic"
    files = {
        f"{folder}/Makefile": "obj-m += nic.o\nnic-y := a.o\n",
        f"{folder}/a.c": "",
        f"{folder}/trace.h": f"#undef TRACE_INCLUDE_PATH\n#define {define}\n",
    }
    made = prepare(target, tmp_path, folder / "nic.ko", files)
    assert flags(target, made.tree, folder) == ([expected] if expected else [])
    if expected:
        named = define.split()[1].removesuffix("/trace") + "/trace.h"
        assert (made.tree / expected.removeprefix("-I") / named).is_file()


def test_a_file_that_exists_only_as_shipped(target: KernelTarget, tmp_path: Path) -> None:
    """wanxl: kbuild copies firmware.inc_shipped to firmware.inc; we do, so that the file can be parsed before."""
    files = {
        "drivers/net/wan/Makefile": "obj-m += one.o two.o\n",
        "drivers/net/wan/one.c": '#include "one.inc"\n',
        "drivers/net/wan/one.inc_shipped": "int firmware;\n",
        "drivers/net/wan/two.c": "",
    }
    made = prepare(target, tmp_path, Path("drivers/net/wan/one.ko"), files)
    assert (made.tree / "drivers/net/wan/one.inc").read_text() == "int firmware;\n"
    assert not (made.tree / "drivers/net/wan/two.c").exists()


def test_flags_of_a_single_file(target: KernelTarget, tmp_path: Path) -> None:
    """What a shared Makefile says for one file, its folders being ours."""
    folder = tmp_path / "wan"
    folder.mkdir()
    (folder / "Makefile").write_text("CFLAGS_one.o := -I$(srctree)/$(src)/x -I$(srctree)/drivers/net/y -DA -I$(src)\n")
    found = makefile.recipe(target, Path("$$(src)/drivers/net/wan"), folder / "Makefile", "one")
    assert found.flags == ("-I$(src)/drivers/net/wan/x", "-I$(src)/drivers/net/y", "-DA", "-I$(src)/drivers/net/wan")
    assert found.includes == tuple(map(Path, ("drivers/net/wan/x", "drivers/net/y", "drivers/net/wan")))


def test_a_module_that_is_no_driver(target: KernelTarget, tmp_path: Path) -> None:
    """mac80211 is below net/: what delivers for many drivers is accelerated like one."""
    files = {
        "net/lib/Makefile": "obj-m += lib.o\nlib-y := rx.o\n",
        "net/lib/rx.c": '#include "rx.h"\n',
        "net/lib/rx.h": "",
    }
    made = prepare(target, tmp_path, Path("net/lib/lib.ko"), files)
    assert made.files == ("net/lib/rx.c", "net/lib/rx.h")


def test_one_of_several_modules_in_a_folder(target: KernelTarget, tmp_path: Path) -> None:
    """mlx4_core and mlx4_en, realtek, 3com: the Makefile names them all, and one is built; the files are all there."""
    folder = TOYS / "pair"
    files = {
        f"{folder}/Makefile": "obj-m += core.o\nobj-m += en.o third.o\nobj-y += sub/\nlib-y += x.o\n"
        "core-y := main.o\nen-y := rx.o tx.o\nen-$(CONFIG_NEVER) += dcb.o\n",
        **{f"{folder}/{name}.c": "" for name in ("main", "rx", "tx", "dcb", "third")},
    }
    made = prepare(target, tmp_path, folder / "en.ko", files)
    assert made.sources == (f"{folder}/rx.c", f"{folder}/tx.c")
    assert len(made.files) == 5
    for variable, expected in (("obj-m", ["en.o"]), ("obj-y", []), ("lib-y", []), ("en-y", ["rx.o", "tx.o"])):
        assert flags(target, made.tree, folder, variable) == expected
    alone = prepare(target, tmp_path, folder / "third.ko", files)
    assert alone.recipe.objects == () and alone.built == alone.tree / "third.ko"


def test_a_composite_in_a_folder_that_hundreds_share(target: KernelTarget, tmp_path: Path) -> None:
    """thunderbolt_net is made of drivers/net/thunderbolt.c: what was fetched for others is not its own."""
    files = {
        "drivers/net/Makefile": "nic-objs := one.o two.o\nobj-m += nic.o other.o\nobj-m += sub/\n",
        "drivers/net/one.c": '#include "one.h"\n',
        "drivers/net/one.h": "",
        "drivers/net/two.c": "",
        "drivers/net/other.c": "",
        "drivers/net/sub/deep.c": "",
    }
    made = prepare(target, tmp_path, Path("drivers/net/nic.ko"), files)
    assert made.files == ("drivers/net/one.c", "drivers/net/one.h", "drivers/net/two.c")
