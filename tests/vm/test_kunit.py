# SPDX-License-Identifier: GPL-2.0-or-later
"""The unit tests of the core (kernel/test/) where the kernel has KUnit: the module is loaded, the log says the rest."""

import os
import shutil
from pathlib import Path

import pytest

from omatic import dirs, kernel, pipeline, proc
from omatic.dirs import Cache
from omatic.lab import initramfs, kmsg, machine, qemu, tools
from omatic.lab.machine import Setup
from omatic.lab.modules import ModuleTree
from omatic.pipeline import Settings
from tests.vm import arena, conftest, ktap
from tests.vm.arena import TOP

pytestmark = pytest.mark.vm

SUITES = {"pfq_mask", "pfq_ring", "pfq_copy", "pfq_group", "pfq_steer", "pfq_decide", "pfq_filter"}


def _require_kunit(build_dir: Path, release: str) -> None:
    config = (build_dir / ".config").read_text().splitlines()
    if not {"CONFIG_KUNIT=y", "CONFIG_KUNIT=m"} & set(config):
        pytest.skip(f"{release} has no KUnit: make test-debug FLAVOUR=plain TESTS=tests/vm/test_kunit.py")


def _built(build_dir: Path, folder: Path) -> dict[str, Path]:
    """Build the core with its tests, as `make -C kernel KUNIT=1` does, in a copy of its folder."""
    products = shutil.ignore_patterns("*.o", "*.ko", "*.mod", "*.mod.c", ".*.cmd", "modules.order", "Module.symvers")
    shutil.copytree(TOP / "kernel", folder, ignore=products)
    proc.run(["make", "-C", folder, f"-j{os.cpu_count() or 1}", f"KDIR={build_dir}", "KUNIT=1", "modules"])
    return {"pfq_hook": folder / "hook/pfq_hook.ko", "pfq_test": folder / "pfq_test.ko"}


def test_parts_of_the_core(tmp_path: Path) -> None:
    """Every case of every suite passes, none is missing, and the kernel has nothing else to say."""
    release = conftest.release()
    target = kernel.discover(release)
    _require_kunit(target.build_dir, release)
    cache = Cache(dirs.default_cache())
    stock = pipeline.stock_kernel(target, Settings(cache, kernel=release, source=arena.sources(release, cache)))
    assert stock.image is not None
    tree = ModuleTree(stock.modules, _built(target.build_dir, tmp_path / "kernel"))
    modules = tree.order(["pfq_hook", "pfq_test"])
    archive = initramfs.build(tree, modules=modules, programs={"labtool": tools.labtool(tmp_path)})
    memory = 3072 if "-pfq-" in release else 1024
    # A kernel that has KUnit need not run it, unless told so.
    setup = Setup(qemu.find(), stock.image, archive, tmp_path, arguments=("kunit.enable=1",), memory=memory)
    with machine.boot(setup) as booted:
        booted.guest.must("mark kunit")
        booted.guest.must("load " + " ".join(module.name for module in modules), patience=3600.0)
        booted.guest.must("unload pfq_test pfq_hook")
        booted.guest.must("mark end")
        booted.kmsg.wait_for(b"phase: end", 60.0)
    lines = kmsg.parse(booted.kmsg.text())
    report = ktap.parse(line.text for line in lines)
    assert not report.failed, "\n".join(line for case in report.failed for line in (case.name, *case.said))
    assert report.suites == SUITES and len(report.cases) == report.planned, report
    assert not any(case.skipped for case in report.cases), report
    assert kmsg.complaints(lines) == ()
