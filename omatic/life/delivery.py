# SPDX-License-Identifier: GPL-2.0-or-later
"""From the names of drivers to proven modules that can be installed: the pipeline, once for each kernel."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from omatic import core, kernel, log, pipeline, sysroot
from omatic.errors import KernelMissing, ToolMissing, UnknownDriver
from omatic.life.install import Delivery, Ready
from omatic.life.system import System
from omatic.pipeline import Outcome, Settings
from omatic.sysroot import HERE


def build(drivers: Sequence[str], settings: Settings, releases: Sequence[str], system: System) -> tuple[Delivery, ...]:
    """Build drivers for a system's kernels where that was not done yet; raise VerifyFailed if one may not be delivered.

    Of several kernels, each gets the drivers that it has; UnknownDriver if none of them has one.
    """
    chosen = {one: replace(settings, kernel=one, sysroot=builder(system, one)) for one in releases}
    if len(releases) == 1:
        return (_build(drivers, chosen[releases[0]]),)
    having = {release: _known(drivers, chosen[release]) for release in releases}
    for driver in drivers:
        if not any(driver in known for known in having.values()):
            # Have it told as for one kernel.
            pipeline.resolve([driver], chosen[releases[-1]])
    return tuple(_build(known, chosen[release]) for release, known in having.items() if known)


def builder(system: System, release: str) -> Path:
    """Return the root whose headers and programs build for a kernel of a system: its own if it has them all, or this
    machine's; raise KernelMissing or ToolMissing if neither has."""
    if system.root == HERE:
        return HERE
    root, here = system.root.resolve(), release in kernel.releases()
    if release in kernel.releases(root=root):
        try:
            for program in (kernel.discover(release, root=root).compiler, "ld", "make"):
                sysroot.find(root, program)
        except ToolMissing:
            if not here:
                raise
        else:
            return root
    if not here:
        raise KernelMissing(
            f"there are no headers of kernel {release}, neither below {root} nor on this machine",
            hint=f"chroot {root} apt-get install linux-headers-{release} make binutils",
        )
    return HERE


def _known(drivers: Sequence[str], settings: Settings) -> tuple[str, ...]:
    known = []
    for driver in drivers:
        try:
            pipeline.resolve([driver], settings)
        except UnknownDriver as error:
            log.warn(f"{settings.kernel} is left out for {driver}: {error.message}")
        else:
            known.append(driver)
    return tuple(known)


def _build(drivers: Sequence[str], settings: Settings) -> Delivery:
    outcomes = tuple(pipeline.build(drivers, settings))
    pipeline.refuse_unproven(outcomes)
    return of(outcomes, settings)


def of(outcomes: Sequence[Outcome], settings: Settings) -> Delivery:
    """Return proven modules of one kernel, with the core that they need, ready to be installed."""
    target = outcomes[0].target
    made = core.build(target, settings.cache, settings.jobs)
    return Delivery(target, (made.hook, made.core), tuple(_ready(outcome) for outcome in outcomes))


def _ready(outcome: Outcome) -> Ready:
    module = outcome.choice.module
    evidence = next(check.evidence for check in outcome.report.checks if check.name == "provenance")
    proof, forced = str(evidence["proof"]), outcome.forced is not None
    return Ready(module.name, outcome.module, module.intree, len(outcome.plan.rewritten), proof, forced)


def releases(system: System) -> tuple[str, ...]:
    """Return the installed kernels that modules can be built for; warn about those without headers."""
    there = tuple(_installed(system))
    having = {*kernel.releases(), *(kernel.releases(root=system.root.resolve()) if system.root != HERE else ())}
    ready = tuple(sorted(having.intersection(there), key=kernel.release_key))
    for release in there:
        if release not in ready:
            log.warn(f"{release} is left out: it has no headers (apt-get install linux-headers-{release})")
    if not ready:
        raise KernelMissing(
            f"no kernel below {system.root} has headers",
            hint="apt-get install linux-headers-amd64, or name a kernel with --kernel",
        )
    return ready


def _installed(system: System) -> Iterator[str]:
    for folder in sorted((system.root / "lib/modules").glob("*/kernel")):
        yield folder.parent.name
