# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels that no distribution ships: without symbol CRCs, and with a sanitizer that leaves paths in the modules."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from omatic import elf, proc
from tests import ownkernel
from tests.build.conftest import Command
from tests.build.test_refusals import assert_refused
from tests.ownkernel import OwnKernel

pytestmark = pytest.mark.kbuild

DRIVER, FOLDER, OPTION = "vmxnet3", "drivers/net/vmxnet3", "CONFIG_VMXNET3=m"


@pytest.fixture
def tree(command: Command, tmp_path: Path) -> Path:
    """The pristine sources."""
    return ownkernel.pristine(command, DRIVER, tmp_path / "tree")


def verdicts(built: dict[str, Any]) -> dict[str, str]:
    """Return what each check says."""
    return {name: check["verdict"] for name, check in built["checks"].items()}


def build(own: OwnKernel, *options: str) -> proc.Completed:
    """Run a build."""
    return own.run("build", DRIVER, "--kernel", own.release, "--json", *options)


def test_without_modversions(command: Command, tree: Path, tmp_path: Path) -> None:
    """The stock sources are proven by equal sections and go; one other line is refused, unless it is forced, which is
    recorded in what is printed, in the receipt and in status."""
    own = ownkernel.make(command, tmp_path / "kernel", {"CONFIG_MODVERSIONS": None}, built_at=tree)
    stock = own.add_stock(tree, FOLDER, OPTION)
    assert "modversions" not in (elf.stated(stock, "vermagic") or "")
    done = build(own)
    assert done.returncode == 0, done.stderr
    (built,) = json.loads(done.stdout)
    assert verdicts(built) == {
        "provenance": "pass", "minimality": "pass", "twin": "pass", "completeness": "pass", "abi": "skip",
        "identity": "pass", "imports": "pass",
    }  # fmt: skip
    assert built["checks"]["provenance"]["evidence"]["proof"] == "equal sections"
    assert built["checks"]["imports"]["evidence"]["crc"] == "none"
    assert (built["refused"], built["forced"]) == (None, None)

    other, output = tmp_path / "other", tmp_path / "output"
    ignored = shutil.ignore_patterns("*.o", "*.ko", "*.cmd", "*.mod", "*.mod.c", ".git", "Module.symvers")
    shutil.copytree(tree, other, ignore=ignored)
    source = other / FOLDER / "vmxnet3_drv.c"
    assert "return 0;" in source.read_text()
    source.write_text(source.read_text().replace("return 0;", "return 1;", 1))
    given = ("--source", str(other), "--output", str(output))
    done = own.run("build", DRIVER, "--kernel", own.release, *given)
    assert done.returncode == 13 and done.stderr.count("pfq-omatic: error:") == 1
    assert "provenance: not proven: " in done.stderr and "the compilers agree, so the sources do not" in done.stderr
    assert not output.exists()

    done = build(own, *given, "--force")
    assert done.returncode == 0, done.stderr
    (forced,) = json.loads(done.stdout)
    assert forced["refused"] is None and forced["forced"].startswith("provenance: not proven")
    assert forced["checks"]["minimality"]["verdict"] == "pass"
    assert {path.name for path in output.iterdir()} == {"vmxnet3.ko", "pfq_hook.ko", "pfq.ko"}

    root = tmp_path / "root"
    shutil.copytree(own.modules / "kernel", root / "lib/modules" / own.release / "kernel")
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        (root / "lib/modules" / own.release / name).touch()
    place = ("--source", str(other), "--sysroot", str(root))
    assert_refused(own.run("install", DRIVER, *place), 13, "not proven")
    assert not (root / "lib/modules" / own.release / "updates").exists()
    done = own.run("install", DRIVER, *place, "--force")
    assert done.returncode == 0, done.stderr
    status = json.loads(own.run("status", "--sysroot", str(root), "--json").stdout)
    (listed,) = [one for one in status["drivers"] if one["name"] == DRIVER]
    assert (listed["provenance"], listed["forced"]) == ("not proven", True)


SANITIZER = dict.fromkeys(
    ("CONFIG_UBSAN", "CONFIG_UBSAN_BOUNDS", "CONFIG_UBSAN_SHIFT", "CONFIG_UBSAN_SANITIZE_ALL",
     "CONFIG_CC_HAS_UBSAN_BOUNDS_STRICT", "CONFIG_UBSAN_BOUNDS_STRICT"), "y",
)  # fmt: skip
HANDLERS = ("__ubsan_handle_out_of_bounds", "__ubsan_handle_shift_out_of_bounds")


def test_sanitizer_before_6_13(command: Command, tree: Path, tmp_path: Path) -> None:
    """It keeps the names of files as they were opened, which no option maps, and this kernel's build knows no MO=: the
    driver is proven all the same, for it is built at the path where the kernel was."""
    makefile = Path("/lib/modules", command.release, "source/Makefile")
    if "$(origin MO)" in makefile.read_text():
        pytest.skip("this kernel knows MO=")
    at = Path("/mnt/build/linux-6.1")
    own = ownkernel.make(command, tmp_path / "kernel", SANITIZER, exports=HANDLERS, built_at=at)
    stock = own.add_stock(tree, FOLDER, OPTION)
    assert f"{at}/{FOLDER}/vmxnet3_drv.c".encode() in stock.read_bytes()
    done = build(own)
    assert done.returncode == 0, done.stderr
    (built,) = json.loads(done.stdout)
    assert built["checks"]["provenance"]["evidence"]["proof"] == "equal sections", built["checks"]["provenance"]
    assert set(verdicts(built).values()) == {"pass", "skip"}
    done = build(own)
    assert json.loads(done.stdout)[0]["state"] == "unchanged", done.stderr
