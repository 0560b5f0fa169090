# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds what the receive benchmark needs: the bench NIC as pfq-omatic builds any vendor's driver, PFQ, the core that
does nothing, and the program that measures.
"""

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from omatic import core, dirs, kernel, pipeline, proc
from omatic.dirs import Cache
from omatic.model import StockKernel
from omatic.pipeline import Settings

HERE = Path(__file__).resolve().parent
NIC, FLOOR, HOOK, PFQ = "pfq_bench_nic", "pfq_bench_floor", "pfq_hook", "pfq"


@dataclass(frozen=True, slots=True)
class Built:
    """Everything that goes into a guest: `stock` is the NIC's driver as its own build makes it."""

    kernel: StockKernel
    stock: Path
    accelerated: Path
    hook: Path
    pfq: Path
    floor: Path
    program: Path


def build(release: str, cache: Cache, work: Path, jobs: int) -> Built:
    """Build everything for a kernel; what need not be kept goes to `work`."""
    command: list[str | Path] = [sys.executable, "-m", "omatic", "--cache-dir", cache.root, "build", NIC]
    command += ["--source", HERE / "nic", "--kernel", release, "--json", f"--jobs={jobs}"]
    (outcome,) = json.loads(proc.run(command, cwd=HERE.parent).stdout)
    assert outcome["refused"] is None, outcome["refused"]
    target = kernel.discover(release)
    made = core.build(target, cache, jobs)
    return Built(
        pipeline.stock_kernel(target, Settings(cache, release)),
        Path(outcome["stock"]),
        Path(outcome["module"]),
        made.hook,
        made.core,
        _floor(target.build_dir, made.symvers, work / "floor"),
        _program(work / "peers"),
    )


def _floor(build_dir: Path, symvers: Path, work: Path) -> Path:
    shutil.copytree(HERE / "floor", work)
    arguments = (f"M={work}", f"KERNEL_DIR={dirs.resource('kernel')}", f"KBUILD_EXTRA_SYMBOLS={symvers}")
    proc.run(["make", "-C", build_dir, *arguments, "modules"])
    return work / f"{FLOOR}.ko"


def _program(work: Path) -> Path:
    proc.run(["make", "-C", HERE / "peers", f"BUILD={work}"])
    return work / "bench-receive"


def plugin(name: str, work: Path) -> Path:
    """Return a plugin of the emulator, from `profiler`, compiled."""
    made = work / f"{name}.so"
    proc.run(["gcc", "-std=gnu11", "-O2", "-Wall", "-shared", "-fPIC", "-o", made, HERE / f"profiler/{name}.c"])
    return made
