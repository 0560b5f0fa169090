# SPDX-License-Identifier: GPL-2.0-or-later
"""Real drivers, real kernels: fetched, rewritten, built and proven by the command that users run."""

import json
import os
from pathlib import Path

import pytest

from omatic import elf, proc
from omatic.model import CHECKS
from omatic.rules import TWINS
from tests.build.conftest import Command

pytestmark = pytest.mark.kbuild

DRIVERS = ("e1000e", "igb", "ixgbe", "i40e", "mlx4", "mlx5", "vmxnet3", "veth", "virtio_net", "ne2k-pci")
MODULES = ("e1000e", "igb", "ixgbe", "i40e", "mlx4_core", "mlx4_en", "mlx5_core", "vmxnet3", "veth", "virtio_net")
OLDER = ("e1000e", "vmxnet3", "veth", "virtio_net")


def assert_proven(built: dict[str, object]) -> None:
    """Every check passes with evidence, or is skipped because the module exports nothing."""
    checks = built["checks"]
    assert isinstance(checks, dict)
    assert tuple(checks) == CHECKS
    for name, check in checks.items():
        assert check["evidence"]["summary"], name
        if check["verdict"] == "skip":
            assert name == "abi" and "exports nothing" in check["evidence"]["summary"]
        else:
            assert check["verdict"] == "pass", f"{built['driver']}: {name}: {check['evidence']['summary']}"
    assert checks["provenance"]["evidence"]["proof"] == "equal sections"
    assert checks["minimality"]["evidence"]["count"] == built["relocations_changed"]


def assert_accelerated(built: dict[str, object]) -> None:
    """The module itself: twins in place of delivery functions, one version tag that differs from stock's."""
    stock, ours = Path(str(built["stock"])), Path(str(built["module"]))
    wanted = {TWINS.get(name, name) for name in elf.imports(stock)}
    assert elf.imports(ours) == wanted
    info = elf.modinfo(ours)
    (version,) = info["version"]
    assert version.endswith("+pfq1")
    assert version.removesuffix("+pfq1") == elf.modinfo(stock).get("version", (version.removesuffix("+pfq1"),))[0]
    assert len(info["pfq"]) == 1


def test_build_proves_every_driver(command: Command) -> None:
    """The list of the README's promise, for the distribution's default kernel."""
    built = command.json("build", DRIVERS)
    assert [one["driver"] for one in built] == [*MODULES, "ne2k_pci", "8390"]
    assert {one["request"] for one in built} == set(DRIVERS)
    for one in built:
        assert_proven(one)
        assert_accelerated(one)
        delivers = elf.imports(Path(one["stock"])) & TWINS.keys()
        assert (one["sites"] > 0) == bool(delivers)
        assert one["relocations_changed"] >= one["sites"]


def test_second_build_does_no_work(command: Command) -> None:
    """With nothing changed nothing is compiled, written or fetched."""
    first = command.json("build", ["vmxnet3", "veth"])
    trees = [Path(one["module"]).parents[1] for one in first]
    before = {path: path.stat().st_mtime_ns for tree in trees for path in tree.rglob("*.o")}
    done = command.run("build", "vmxnet3", "veth", "--kernel", command.release, "--offline", "--json")
    second = json.loads(done.stdout)
    assert [one["state"] for one in second] == ["unchanged", "unchanged"]
    assert "building" not in done.stderr
    assert before == {path: path.stat().st_mtime_ns for tree in trees for path in tree.rglob("*.o")}
    assert [one["sha256"] for one in first] == [one["sha256"] for one in second]


def test_only_what_was_touched_is_recompiled(private: Command) -> None:
    """The accelerated build compiles the file with the site and the generated object, and nothing else."""
    private.json("build", ["e1000e"])
    work = private.cache / "work" / private.release / "e1000e"
    times = {}
    for name in ("vanilla", "tree"):
        found = (work / name / "drivers/net/ethernet/intel/e1000e").glob("*.o")
        times[name] = {path.name: path.stat().st_mtime_ns for path in found}
    given = {name for name, time in times["tree"].items() if times["vanilla"].get(name) == time}
    assert times["tree"].keys() - given == {"netdev.o", "e1000e.o", "e1000e.mod.o", "e1000e-pfq.o"}
    assert len(given) > 8
    last = (work / "out/build.log").read_text().rpartition("\n$ ")[2]
    assert [line.split("/")[-1] for line in last.splitlines() if "CC [M]" in line] == ["e1000e.mod.o"]


def test_the_tree_shows_what_was_changed(command: Command) -> None:
    """git diff vanilla accelerated is the site, its Kbuild, and generated files; no line of the driver moves."""
    (built,) = command.json("build", ["e1000e"])
    tree = Path(built["module"]).parents[1] / "tree"
    stat = proc.run(["git", "-C", tree, "diff", "--numstat", "vanilla", "accelerated"]).stdout
    changed = {line.split("\t")[2].rsplit("/", 1)[-1]: line.split("\t")[:2] for line in stat.splitlines()}
    assert changed.keys() == {"netdev.c", "Kbuild", "e1000e-pfq.c", "hook.h"}
    assert changed["netdev.c"] == ["1", "1"]


def test_output_folder(command: Command, tmp_path: Path) -> None:
    """--output gets what has to be loaded, and the JSON names it there."""
    (built,) = command.json("build", ["vmxnet3"], "--output", str(tmp_path / "out"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["pfq.ko", "pfq_hook.ko", "vmxnet3.ko"]
    assert built["module"] == str(tmp_path / "out/vmxnet3.ko")


def test_verify_and_list(command: Command) -> None:
    """verify makes the proofs again; list-supported knows what was built."""
    command.json("build", ["vmxnet3"])
    (checked,) = command.json("verify", ["vmxnet3"])
    assert_proven(checked)
    listed = {row["module"]: row for row in command.json("list-supported", [])}
    assert listed["vmxnet3"]["state"] == "built"
    assert listed["vmxnet3"]["symbols"] == ["napi_gro_receive", "netif_receive_skb"]
    assert len(listed) > 100
    assert listed["vmxnet3"]["sources"] is True
    assert listed["ixgbe"].keys() == {"module", "symbols", "stock", "devices", "sources", "state", "refused"}


@pytest.mark.skipif("PFQ_TEST_OLDER_KERNEL" not in os.environ, reason="make test-build names a 6.12 kernel")
def test_exact_sources_of_a_kernel_that_is_not_the_newest(command: Command) -> None:
    """6.12 with headers of one version and newer sources in the archive: the headers' version is taken."""
    older = Command(os.environ["PFQ_TEST_OLDER_KERNEL"], command.cache)
    drivers = os.environ.get("PFQ_TEST_OLDER_DRIVERS", " ".join(OLDER)).split()
    for one in older.json("build", drivers):
        assert_proven(one)
        assert_accelerated(one)
        assert older.release.split("+")[0] in str(one["source"])
