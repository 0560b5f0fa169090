# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a vendor's build is entered and with which goal, told by real Makefiles and the real make."""

import shutil
from pathlib import Path

import pytest

from omatic import proc
from omatic.errors import BuildFailed, PlanRefused, UnknownDriver
from omatic.vendor import makefiles

VENDORS = Path(__file__).parents[1] / "vendors"


def goal(text: str, folder: Path) -> str:
    """Return the goal for a Makefile."""
    (folder / "Makefile").write_text(text)
    probe = ["make", "-pq", "--eval=.pfq-omatic-probe:;", ".pfq-omatic-probe"]
    return makefiles.goal(proc.run(probe, cwd=folder, check=False).stdout)


@pytest.mark.parametrize(
    ("driver", "folder"),
    [
        ("swift", "swift/src"),
        ("elm", "elm/kernel/linux/elm"),
        ("elf", "elm/kernel/linux/elf"),
        ("pine", "pine"),
        ("larch", "larch"),
        ("yew", "yew"),
    ],
)
def test_entry(driver: str, folder: str) -> None:
    """Each driver's own folder, among those of other drivers and other systems."""
    root = VENDORS / folder.split("/")[0]
    assert makefiles.entry(root, driver) == makefiles.Entry(VENDORS / folder, direct=False)


def test_entry_above_the_module(tmp_path: Path) -> None:
    """The Makefile that calls kbuild may lie above the one that names the module; M= may come from a variable."""
    (tmp_path / "drivers/net/x").mkdir(parents=True)
    (tmp_path / "drivers/net/x/Makefile").write_text("obj-$(CONFIG_X) += \\\n\tx-v2.o\n")
    (tmp_path / "Makefile").write_text("FLAGS := \\\n M=$(PWD) CONFIG_X=m\nall:\n\t$(MAKE) -C $(KDIR) $(FLAGS)\n")
    assert makefiles.entry(tmp_path, "x_v2") == makefiles.Entry(tmp_path, direct=False)


def test_entry_without_a_makefile_of_its_own(tmp_path: Path) -> None:
    """A folder that only kbuild can read; -C into a subfolder calls no kbuild."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/Kbuild").write_text("obj-m := x.o\n")
    (tmp_path / "Makefile").write_text("all:\n\t$(MAKE) -C src\n")
    assert makefiles.entry(tmp_path, "x") == makefiles.Entry(tmp_path / "src", direct=True)


def test_entry_of_a_kbuild_file_that_tests_features(tmp_path: Path) -> None:
    """It calls kbuild from within kbuild: that is no entry. What the modules depend on is switched on."""
    (tmp_path / "Makefile").write_text(
        "obj-$(CONFIG_X) += x.o\n$(obj)/x.o: $(obj)/test.h\n"
        '$(obj)/test.h:\n\tenv - PATH=$$PATH $(MAKE) -C "$(objtree)" M="$(M)" test.o; touch $@\n'
    )
    assert makefiles.entry(tmp_path, "x") == makefiles.Entry(tmp_path, direct=True, switches=("CONFIG_X",))


def test_entry_where_a_function_names_the_switch(tmp_path: Path) -> None:
    """obj-$(if ...): a module out of the tree, and what the configuration says in it."""
    (tmp_path / "Kbuild").write_text("obj-$(if $(KBUILD_EXTMOD),m,$(CONFIG_X)) := x.o\n")
    (tmp_path / "Makefile").write_text("module:\n\t@$(MAKE) -C $(KERNELDIR) M=$(PWD) modules\n")
    assert makefiles.entry(tmp_path, "x") == makefiles.Entry(tmp_path, direct=False)


def test_no_such_driver() -> None:
    """The modules that there are get named."""
    with pytest.raises(UnknownDriver) as refused:
        makefiles.entry(VENDORS / "pine", "oak")
    assert "pine" in refused.value.hint


def test_two_folders(tmp_path: Path) -> None:
    """Nothing says which one is meant."""
    for name in ("old", "new"):
        shutil.copytree(VENDORS / "pine", tmp_path / name)
    with pytest.raises(PlanRefused) as refused:
        makefiles.entry(tmp_path, "pine")
    assert refused.value.details == (str(tmp_path / "new"), str(tmp_path / "old"))


def test_configure(tmp_path: Path) -> None:
    """A source with a configure script of its own is refused with its place."""
    shutil.copytree(VENDORS / "pine", tmp_path / "x")
    (tmp_path / "x/configure").write_text("#!/bin/sh\n")
    with pytest.raises(PlanRefused) as refused:
        makefiles.entry(tmp_path / "x", "pine")
    assert refused.value.details == ("configure:1",)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("all", "all: config\n\t$(MAKE) -C k M=$(CURDIR) modules\nconfig:\n\ninstall: all\n\tdepmod\n"),
        ("modules", "all: clean modules install\nmodules:\n\t$(MAKE) -C k modules\nclean:\ninstall:\n\tcp x y\n"),
        ("modules", "all:\n\t$(MAKE) modules\n\t$(MAKE) modules_install\nmodules:\n\ttrue\n"),
        ("build", "world: build\n\t/sbin/depmod -a\nbuild:\n\ttrue\n"),
        ("first", "first:\n\ttrue\nmodules:\n\ttrue\n"),
    ],
)
def test_goal(tmp_path: Path, expected: str, text: str) -> None:
    """The default goal, unless it installs."""
    assert goal(text, tmp_path) == expected


def test_goals_that_all_install(tmp_path: Path) -> None:
    """Refused, with the lines that install."""
    with pytest.raises(BuildFailed) as refused:
        goal("all: do\ndo: x.ko\n\tinsmod x.ko\nx.ko:\n\ttrue\n", tmp_path)
    assert refused.value.details == ("Makefile:3: do: insmod x.ko",)
