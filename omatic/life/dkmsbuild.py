# SPDX-License-Identifier: GPL-2.0-or-later
"""What dkms calls: prepare the sources before, build and prove, keep the stock module where it is, write the receipt.

`prepare` leaves a stamp in dkms's build folder, and `build` demands it, for dkms before 3.1.5 goes on when PRE_BUILD
has failed. `build`, which knows the proofs, drafts the receipt; `installed`, which knows the files, writes it.
"""

import json
import os
import shutil
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from omatic import core, kernel, pipeline
from omatic.dirs import Cache, sha256, write_atomically
from omatic.errors import DkmsFailed
from omatic.life import dkmsrecord, dkmstree, modprobe, receipt, signing
from omatic.life.dkmstree import CORE_PACKAGE, Package
from omatic.life.receipt import CORE, InstalledFile, Receipt
from omatic.life.system import System
from omatic.model import Edit, KernelTarget
from omatic.pipeline import Outcome, Settings
from omatic.state import digest

_STAMP = ".prepared"
_ARRIVAL = "module"
"""Where dkms.conf says that the built modules are."""


def prepare(system: System, driver: str, release: str, cache: Cache, work: Path) -> None:
    """Fetch and plan what is built for that very kernel, and leave the stamp in `work`."""
    with dkmsrecord.attempt(system, release, driver):
        settings = Settings(cache, release, jobs=_jobs())
        if driver == CORE:
            stamp = _core_digest(kernel.discover(release))
        else:
            chosen = pipeline.select([driver], settings)
            with pipeline.planned(chosen.choices[0], chosen, settings) as ready:
                stamp = _digest(chosen.target, chosen.sources.label, ready.plan.edits)
        kept = {"kernel": release, "driver": driver, "digest": stamp}
        write_atomically(work / _STAMP, json.dumps(kept).encode())


def build(system: System, driver: str, release: str, cache: Cache, work: Path) -> None:
    """Build and prove what was prepared, and put the modules where dkms looks for them."""
    with dkmsrecord.attempt(system, release, driver):
        expected = _stamp(work, driver, release)
        target = kernel.discover(release)
        if driver == CORE:
            built = core.build(target, cache, _jobs())
            found, files = _core_digest(target), [built.hook, built.core]
            draft = _receipt(driver, release)
        else:
            outcome = _prove(driver, release, cache)
            found = _digest(target, outcome.source, outcome.plan.edits)
            files = [outcome.module]
            draft = _driver_receipt(system, outcome)
        if found != expected:
            raise DkmsFailed(
                f"what would be built of {driver} for {release} is not what was prepared", hint="pfq-omatic dkms retry"
            )
        (work / _ARRIVAL).mkdir(exist_ok=True)
        for file in files:
            shutil.copyfile(file, work / _ARRIVAL / file.name)
        dkmsrecord.keep_built(system, draft)


def installing(system: System, driver: str, release: str) -> None:
    """Have dkms leave the stock module where the kernel's package put it.

    dkms 3.2 moves it into an archive of its own, unless a version of the package is active for this kernel already.
    Then there is nothing that it could fail to put back.
    """
    link = dkmstree.tree(system, _package(system, driver)) / f"kernel-{release}-{os.uname().machine}"
    if not link.is_symlink():
        link.symlink_to("none")


def installed(system: System, driver: str, release: str) -> None:
    """Write the receipt of the files that dkms has put in place, and record that the driver is ready."""
    with dkmsrecord.attempt(system, release, driver):
        package = _package(system, driver)
        draft = dkmsrecord.built(system, release, driver)
        found = modprobe.outside(system, release)
        paths = [path for module in package.modules for path in found.get(module.replace("-", "_"), ())]
        if draft is None or len(paths) != len(package.modules):
            raise DkmsFailed(
                f"dkms has installed {driver} for {release}, but not as it was built",
                hint="pfq-omatic dkms retry",
                details=paths,
            )
        files = tuple(InstalledFile(path, sha256(modprobe.real(system, path))) for path in paths)
        signer = signing.signer(modprobe.real(system, paths[0]))
        receipt.write(system, replace(draft, files=files, signer=signer, installed=_now()))
        owner = kernel.discover(release).package
        why = "built, proven and installed" if driver != CORE else "built and installed"
        version = owner.version if owner else ""
        dkmsrecord.write(system, release, driver, dkmsrecord.READY, why, package=version)


def removed(system: System) -> None:
    """Drop the receipts and records of what dkms has taken away, for any kernel: it does not always say for which."""
    for kept in list(receipt.every(system)):
        if kept.owner == "dkms" and not any(modprobe.real(system, file.path).exists() for file in kept.files):
            receipt.remove(system, kept.release, kept.driver)
            dkmsrecord.remove(system, kept.release, kept.driver)
    dkmsrecord.prune(system)


def _prove(driver: str, release: str, cache: Cache) -> Outcome:
    (outcome,) = pipeline.build([driver], Settings(cache, release, jobs=_jobs()))
    pipeline.refuse_unproven([outcome])
    return outcome


def _stamp(work: Path, driver: str, release: str) -> str:
    try:
        kept = json.loads((work / _STAMP).read_text())
        if (kept["driver"], kept["kernel"]) == (driver, release):
            return str(kept["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise DkmsFailed(f"{driver} was not prepared for {release}", hint=f"pfq-omatic dkms retry --kernel {release}")


def _digest(target: KernelTarget, source: str, edits: tuple[Edit, ...]) -> str:
    return digest(target.release, source, [asdict(edit) for edit in edits])


def _core_digest(target: KernelTarget) -> str:
    return digest(target.release, asdict(target.package) if target.package else None)


def _receipt(driver: str, release: str) -> Receipt:
    return Receipt(driver, release, "dkms", (), None, 0, "", "", _now())


def _driver_receipt(system: System, outcome: Outcome) -> Receipt:
    stock = outcome.choice.module.path
    checks = {check.name: check for check in outcome.report.checks}
    return replace(
        _receipt(outcome.choice.module.name, outcome.target.release),
        stock=InstalledFile(modprobe.absolute(system, stock), sha256(stock)),
        sites=len(outcome.plan.rewritten),
        provenance=str(checks["provenance"].evidence["proof"]),
    )


def _package(system: System, driver: str) -> Package:
    for package in (CORE_PACKAGE, *dkmstree.registered(system)):
        if package.driver == driver:
            return package
    raise DkmsFailed(f"{driver} is not registered", hint=f"pfq-omatic dkms add {driver}")


def _jobs() -> int:
    return os.cpu_count() or 1


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
