# SPDX-License-Identifier: GPL-2.0-or-later
"""From the names of drivers to proven modules that can be installed: the pipeline, once for each kernel."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from omatic import core, kernel, log, pipeline
from omatic.errors import KernelMissing, UnknownDriver
from omatic.life.install import Delivery, Ready
from omatic.life.system import System
from omatic.pipeline import Outcome, Settings


def build(drivers: Sequence[str], settings: Settings, releases: Sequence[str]) -> tuple[Delivery, ...]:
    """Build drivers for kernels where that was not done yet; raise VerifyFailed if one may not be delivered.

    Of several kernels, each gets the drivers that it has; UnknownDriver if none of them has one.
    """
    if len(releases) == 1:
        return (_build(drivers, replace(settings, kernel=releases[0])),)
    having = {release: _known(drivers, replace(settings, kernel=release)) for release in releases}
    for driver in drivers:
        if not any(driver in known for known in having.values()):
            # Have it told as for one kernel.
            pipeline.resolve([driver], replace(settings, kernel=releases[-1]))
    return tuple(_build(known, replace(settings, kernel=release)) for release, known in having.items() if known)


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
    ready = tuple(release for release in kernel.releases() if release in there)
    for release in there:
        if release not in ready:
            log.warn(f"{release} is left out: it has no headers (apt-get install linux-headers-{release})")
    if not ready:
        raise KernelMissing(
            f"no kernel below {system.root} has headers on this machine",
            hint="apt-get install linux-headers-amd64, or name a kernel with --kernel",
        )
    return ready


def _installed(system: System) -> Iterator[str]:
    for folder in sorted((system.root / "lib/modules").glob("*/kernel")):
        yield folder.parent.name
