# SPDX-License-Identifier: GPL-2.0-or-later
"""Installing real modules, into a copy of a kernel's folder."""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from omatic import elf, proc
from omatic.dirs import sha256
from omatic.rules import TWINS
from tests.build.conftest import Command

pytestmark = pytest.mark.kbuild

FOLDERS = ("net/ethernet/intel/e1000e", "net/ethernet/intel/igb", "net/vmxnet3", "ptp", "pps", "i2c", "dca")


@pytest.fixture
def root(command: Command, tmp_path: Path) -> Path:
    """A root with the kernel's own e1000e, igb and vmxnet3, and what they depend on."""
    _copy(command, tmp_path / "root", FOLDERS)
    return tmp_path / "root"


def _copy(command: Command, root: Path, names: Iterable[str]) -> Path:
    """Copy these files and folders of the kernel's own modules into a root; return the kernel's folder there."""
    (built,) = command.json("build", ["vmxnet3"])
    stock = Path(built["stock"])
    original = next(folder for folder in stock.parents if folder.name == command.release)
    top = root / "lib/modules" / command.release
    for name in names:
        source, target = original / "kernel/drivers" / name, top / "kernel/drivers" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif found := next(iter(source.parent.glob(f"{source.name}*")), None):
            shutil.copyfile(found, target.with_name(found.name))
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copyfile(original / name, top / name)
    proc.run(["depmod", "-b", root, command.release])
    return top


def content(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): sha256(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def test_install_and_uninstall(command: Command, root: Path) -> None:
    """What modprobe would load is ours, with the hook before it; afterwards every file is as it was."""
    place = ("--kernel", command.release, "--sysroot", str(root))
    folder = root / "lib/modules" / command.release
    before = content(folder)
    dry = command.run("install", "e1000e", "vmxnet3", *place, "--dry-run", "--json")
    assert dry.returncode == 0, dry.stderr
    assert content(folder) == before
    done = command.run("install", "e1000e", "vmxnet3", *place, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == json.loads(dry.stdout)["steps"]
    after = content(folder)
    for path in (path for path in before if path.startswith("kernel/")):
        assert after[path] == before[path]
    dependencies = (folder / "modules.dep").read_text().splitlines()
    for name, intree in (("e1000e", "net/ethernet/intel/e1000e"), ("vmxnet3", "net/vmxnet3")):
        ours = folder / "updates/drivers" / intree / f"{name}.ko"
        said = proc.run(["modinfo", "-b", root, "-k", command.release, "-n", name]).stdout.strip()
        assert Path(said) == ours
        assert "pfq" in elf.modinfo(ours) and elf.imports(ours) & set(TWINS.values())
        (line,) = [line for line in dependencies if line.startswith(f"updates/drivers/{intree}/{name}.ko:")]
        assert "updates/pfq/pfq_hook.ko" in line
    status = command.run("status", *place, "--json")
    assert status.returncode == 0, status.stdout
    drivers = {one["name"]: one for one in json.loads(status.stdout)["drivers"]}
    for name in ("e1000e", "vmxnet3"):
        assert (drivers[name]["modprobe"], drivers[name]["installed"]) == ("ours", "yes")
        assert drivers[name]["provenance"] == "equal sections"
    removed = command.run("uninstall", "e1000e", "vmxnet3", *place)
    assert removed.returncode == 0, removed.stderr
    assert content(folder) == before


@pytest.mark.skipif("PFQ_TEST_OLDER_KERNEL" not in os.environ, reason="make test-build names a 6.12 kernel")
def test_every_kernel_at_once(command: Command, root: Path) -> None:
    """Two kernels in one go, each with the drivers that it has: fealnx went between them."""
    other = Command(os.environ["PFQ_TEST_OLDER_KERNEL"], command.cache)
    tops = [_copy(one, root, ("net/ethernet/fealnx.ko", "net/vmxnet3")) for one in (command, other)]
    before = [content(top) for top in tops]
    done = command.run("install", "vmxnet3", "fealnx", "--all-kernels", "--sysroot", str(root))
    assert done.returncode == 0, done.stderr
    assert f"{other.release} is left out for fealnx" in done.stderr
    ours = [sorted(path.name for path in (top / "updates").rglob("*.ko")) for top in tops]
    assert ours == [["fealnx.ko", "pfq.ko", "pfq_hook.ko", "vmxnet3.ko"], ["pfq.ko", "pfq_hook.ko", "vmxnet3.ko"]]
    unknown = command.run("install", "fealnx", "tulipp", "--all-kernels", "--sysroot", str(root))
    assert unknown.returncode == 5 and "did you mean tulip" in unknown.stderr
    removed = command.run("uninstall", "vmxnet3", "fealnx", "--all-kernels", "--sysroot", str(root))
    assert removed.returncode == 0, removed.stderr
    assert [content(top) for top in tops] == before


def test_outranked(command: Command, root: Path) -> None:
    """A depmod configuration that prefers the stock module: refused with its line, and nothing is left."""
    folder = root / "lib/modules" / command.release
    before = content(folder)
    config = root / "etc/depmod.d/dist.conf"
    config.parent.mkdir(parents=True)
    config.write_text("search built-in updates\n")
    done = command.run("install", "vmxnet3", "--kernel", command.release, "--sysroot", str(root))
    assert done.returncode == 19, done.stderr
    assert "/etc/depmod.d/dist.conf:1: search built-in updates" in done.stderr
    assert content(folder) == before
