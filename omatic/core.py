# SPDX-License-Identifier: GPL-2.0-or-later
"""Build the PFQ core (pfq_hook.ko and pfq.ko) for a kernel; the drivers link against its symbol versions."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import filelock

from omatic import dirs, kbuild, log
from omatic.dirs import Cache, staging
from omatic.model import KernelTarget


@dataclass(frozen=True, slots=True)
class Core:
    """The two modules and the Module.symvers that lists what they export."""

    hook: Path
    core: Path
    symvers: Path


def build(target: KernelTarget, cache: Cache, jobs: int) -> Core:
    """Return the core for a kernel, built unless the same sources were built for it before."""
    folder = cache.core(target.place)
    built = Core(folder / "pfq_hook.ko", folder / "pfq.ko", folder / "Module.symvers")
    digest = _digest(target)
    folder.parent.mkdir(parents=True, exist_ok=True)
    build_log = folder.parent / f"{target.place}.log"
    with filelock.FileLock(folder.parent / f".{target.place}.lock"):
        if _recorded(folder) == digest and all(path.is_file() for path in (built.hook, built.core, built.symvers)):
            return built
        with log.step(f"Building pfq_hook and pfq for {target.release}"), staging(folder) as into:
            work = into / "build"
            shutil.copytree(dirs.resource("kernel"), work, ignore=_products)
            # Not in the staging folder: it vanishes when the build fails, which is when the log is wanted.
            kbuild.build(target, work, log_to=build_log, jobs=jobs)
            for source in (work / "hook/pfq_hook.ko", work / "pfq.ko", work / "Module.symvers"):
                shutil.copyfile(source, into / source.name)
            shutil.rmtree(work)
            (into / "core.json").write_text(json.dumps({"digest": digest, "release": target.release}))
    return built


_PRODUCTS = shutil.ignore_patterns(
    "*.o", "*.ko", "*.mod", "*.mod.c", ".*.cmd", ".*.d", "modules.order", "Module.symvers"
)


def _products(folder: str, names: list[str]) -> set[str]:
    return set(_PRODUCTS(folder, names))


def _digest(target: KernelTarget) -> str:
    digest = hashlib.sha256(f"{target.release} {target.package}".encode())
    digest.update((target.build_dir / ".config").read_bytes())
    top = dirs.resource("kernel")
    for path in sorted(top.rglob("*")):
        if path.suffix in (".c", ".h") and not path.name.endswith(".mod.c") or path.name in ("Kbuild", "Makefile"):
            digest.update(f"{path.relative_to(top)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _recorded(folder: Path) -> str | None:
    try:
        return str(json.loads((folder / "core.json").read_text())["digest"])
    except (OSError, ValueError, KeyError):
        return None
