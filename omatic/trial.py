# SPDX-License-Identifier: GPL-2.0-or-later
"""From built modules to a rehearsal: what the virtual machine gets."""

from collections.abc import Sequence
from dataclasses import replace

from omatic import clients, core, pipeline
from omatic.errors import RehearsalFailed, VerifyFailed
from omatic.lab.rehearse import Rehearsal, Verdict, rehearse
from omatic.pipeline import Outcome, Settings
from omatic.stock import module_name


def run(driver: str, settings: Settings, *, frames: int, thorough: bool) -> tuple[Sequence[Outcome], Sequence[Verdict]]:
    """Build and prove a driver, then rehearse each of its modules that delivers packets."""
    outcomes = list(pipeline.build([driver], replace(settings, output=None)))
    refused = [outcome for outcome in outcomes if outcome.refusal]
    if refused:
        raise VerifyFailed(
            f"{refused[0].choice.module.name} is not rehearsed: it is not proven",
            hint=f"see: pfq-omatic verify {driver}",
            details=[outcome.refusal or "" for outcome in refused],
        )
    chosen = pipeline.select([driver], settings)
    if chosen.stock.image is None:
        raise RehearsalFailed(
            f"the boot image of kernel {chosen.target.release} is not on this machine",
            hint=f"apt-get install linux-image-{chosen.target.release}",
        )
    hook = core.build(chosen.target, settings.cache, settings.jobs)
    replacements = {outcome.choice.module.name: outcome.module for outcome in outcomes}
    verdicts = [
        rehearse(
            Rehearsal(
                driver=name,
                kernel=chosen.stock.image,
                modules=chosen.stock.modules,
                work=settings.cache.work(chosen.target.place, name) / "rehearsal",
                replacements=replacements,
                hook=hook.hook,
                core=hook.core,
                capture=clients.capture(settings.cache),
                frames=frames,
                thorough=thorough,
            )
        )
        for name in _subjects(driver, outcomes)
    ]
    return outcomes, verdicts


def _subjects(driver: str, outcomes: Sequence[Outcome]) -> list[str]:
    # ne2k-pci is what has the device, though 8390 is what delivers; a family's name is no module.
    asked = module_name(driver)
    if any(outcome.choice.module.name == asked for outcome in outcomes):
        return [asked]
    return [outcome.choice.module.name for outcome in outcomes if outcome.plan.rewritten]
