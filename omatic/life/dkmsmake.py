# SPDX-License-Identifier: GPL-2.0-or-later
"""Make one DKMS package for one kernel, tell whether it is in place, and have the initramfs hold what is."""

import os
from collections.abc import Sequence

from omatic import kernel, log, stock
from omatic.dirs import sha256
from omatic.errors import DkmsFailed, InstallFailed, OmaticError
from omatic.life import dkmsrecord, dkmstree, initramfs, modprobe, receipt, steps, uninstall
from omatic.life.dkmsrecord import READY
from omatic.life.dkmstree import CORE_PACKAGE, Package
from omatic.life.install import OWNER
from omatic.life.receipt import CORE
from omatic.life.system import System


def complete(system: System, package: Package, release: str) -> None:
    """Have dkms build and install a package for a kernel, unless it is in place; see that modprobe would load it."""
    if current(system, package, release):
        return
    with dkmsrecord.attempt(system, release, package.driver):
        kernel.discover(release)
        if package.driver != CORE:
            _demand_core(system, release)
        dkmstree.unbuild(system, package, release)
        dkmstree.call("build", package, "-k", release)
        _take_over(system, package, release)
        dkmstree.call("install", package, "-k", release)
        # dkms does not see to it that the disk has what it wrote.
        os.sync()
        for module in package.modules:
            _expect_ours(system, release, stock.module_name(module))


def _take_over(system: System, package: Package, release: str) -> None:
    """Take away what `install` has put there: a driver of a kernel has one owner."""
    kept = receipt.read(system, release, package.driver)
    if kept is not None and kept.owner == OWNER:
        with log.step(f"taking {package.driver} for {release} over from install"):
            for step in uninstall.removal(system, [kept]):
                step.do(system)


def current(system: System, package: Package, release: str) -> bool:
    """Tell whether a package is in place for a kernel: made by this version, for this kernel's package, untouched."""
    record = dkmsrecord.read(system, release, package.driver)
    kept = receipt.read(system, release, package.driver)
    if record is None or record.result != READY or kept is None or kept.owner != "dkms" or not kept.files:
        return False
    owner = kernel.discover(release).package
    files = [(modprobe.real(system, file.path), file.sha256) for file in kept.files]
    return (
        dkmstree.active(system, package, release)
        and record.package == (owner.version if owner else "")
        and all(path.is_file() and sha256(path) == known for path, known in files)
    )


def refresh_initramfs(system: System, release: str, names: Sequence[str]) -> None:
    """Make a kernel's initramfs again where it holds other modules than those that modprobe would load."""
    try:
        image = initramfs.examine(system, release)
        if image is None or not any(_stale(system, release, image, name) for name in names):
            return
        initramfs.make(system, release)
        initramfs.forget(system, release)
    except OmaticError as error:
        initramfs.restore(system, release)
        log.warn(f"the initramfs of {release} was not made again: {error.message}; next: {error.hint}")


def _stale(system: System, release: str, image: initramfs.Image, name: str) -> bool:
    path = modprobe.loads(system, release, name)
    if name not in image.modules or path is None or path.startswith("("):
        return False
    newer = modprobe.real(system, path).stat().st_mtime > image.path.stat().st_mtime
    return newer or not image.holds(name, steps.below(path, release))


def _demand_core(system: System, release: str) -> None:
    if not current(system, CORE_PACKAGE, release):
        record = dkmsrecord.read(system, release, CORE)
        raise DkmsFailed(
            f"the core could not be made for {release}: {record.why if record else 'nothing was tried'}",
            hint=record.hint if record else "pfq-omatic dkms retry",
        )


def _expect_ours(system: System, release: str, name: str) -> None:
    found = modprobe.loads(system, release, name)
    ours = modprobe.outside(system, release).get(name, ())
    if found is None or not any(modprobe.same(system, found, path) for path in ours):
        raise InstallFailed(
            f"modprobe would load {found or 'nothing'} for {name} on {release}, not what dkms has installed",
            hint=f"see: modinfo -k {release} -n {name}",
            details=modprobe.outranking(system, name),
        )
