# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests in virtual machines share: the kernel to test, everything built once, rehearsals made once.

PFQ_TEST_KERNEL names the kernel (default: the one that tools/default-kernel.sh names); PFQ_OMATIC_QEMU another QEMU.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from omatic import clients, dirs, pipeline, proc, sysroot
from omatic.dirs import Cache
from omatic.lab.rehearse import Rehearsal, Verdict, rehearse
from omatic.model import StockKernel
from omatic.pipeline import Settings
from tests.vm import arena
from tests.vm.arena import Kit

DRIVERS = ("e1000e", "igb", "vmxnet3", "virtio_net", "veth")
_TOP = Path(__file__).resolve().parents[2]


def release() -> str:
    """Return the kernel under test."""
    return os.environ.get("PFQ_TEST_KERNEL") or proc.run([_TOP / "tools/default-kernel.sh"]).stdout.strip()


@dataclass(frozen=True, slots=True)
class Built:
    """The kernel under test, below which root it is, and all that was built for it."""

    release: str
    root: Path
    stock: StockKernel
    modules: dict[str, Path]
    hook: Path
    core: Path
    capture: Path
    conformance: Path

    @property
    def image(self) -> Path:
        """The boot image."""
        assert self.stock.image is not None
        return self.stock.image


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    """Build what a guest of the hostile tests has in it."""
    return arena.kit(release(), tmp_path_factory.mktemp("kit"))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build what the tests need for this machine's kernel."""
    return build(release(), DRIVERS, tmp_path_factory)


def build(
    release: str, drivers: Sequence[str], tmp_path_factory: pytest.TempPathFactory, root: Path = sysroot.HERE
) -> Built:
    """Build and prove the drivers, and build the core and the clients, as a user does; skip without a boot image."""
    cache = Cache(dirs.default_cache())
    source = arena.sources(release, cache)
    output = tmp_path_factory.mktemp("modules")
    command: list[str | Path] = [sys.executable, "-m", "omatic", "build", *drivers, "--kernel", release]
    command += ["--sysroot", root, "--source", source, "--output", output, "--json"]
    reports = json.loads(proc.run(command, cwd=_TOP).stdout)
    stock = pipeline.select(drivers[:1], Settings(cache, kernel=release, source=source, sysroot=root)).stock
    if stock.image is None:
        pytest.skip(f"the boot image of {release} is not on this machine")
    conformance = tmp_path_factory.mktemp("conformance")
    proc.run(["make", "-C", _TOP / "tests/vm", f"BUILD={conformance}"])
    return Built(
        release,
        root,
        stock,
        {report["driver"]: Path(report["module"]) for report in reports},
        output / "pfq_hook.ko",
        output / "pfq.ko",
        clients.capture(cache),
        conformance / "conformance",
    )


@pytest.fixture(scope="session")
def rehearsed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Verdict]:
    """Return a function that rehearses a driver, thoroughly for e1000e; each driver once per session."""
    verdicts: dict[str, Verdict] = {}

    def _rehearsed(driver: str) -> Verdict:
        if driver not in verdicts:
            verdicts[driver] = rehearse(
                Rehearsal(
                    driver=driver,
                    kernel=built.image,
                    modules=built.stock.modules,
                    work=tmp_path_factory.mktemp(driver),
                    replacements={driver: built.modules[driver]},
                    hook=built.hook,
                    core=built.core,
                    capture=built.capture,
                    thorough=driver == "e1000e",
                )
            )
        return verdicts[driver]

    return _rehearsed
