# SPDX-License-Identifier: GPL-2.0-or-later
"""Carry out a sweep: one driver after the other, whatever becomes of each, with the report kept after each of them."""

import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace

from omatic import core, kernel, log, many, pipeline
from omatic.core import Core
from omatic.dirs import sha256
from omatic.errors import HOPELESS, OmaticError, PlanRefused, SourceNotFound, VerifyFailed
from omatic.model import REWRITTEN
from omatic.modinfo import Symvers
from omatic.pipeline import Outcome, Selection, Settings
from omatic.sweep import opinions, record, tasks
from omatic.sweep.result import Report, Result, State
from omatic.sweep.tasks import Scope, Task


def run(scope: Scope, settings: Settings) -> Report:
    """Build every driver of a scope and return the report; what was cut short before is gone on with."""
    target = kernel.discover(settings.kernel, root=settings.sysroot)
    stock = pipeline.stock_kernel(target, settings)
    todo = tasks.tasks(stock, scope)
    passers = tasks.through(stock, scope, Symvers.load([target.symvers]))
    empty = Report(
        kernel=target.release,
        scope=scope.value,
        about=record.about(target, settings.source),
        drivers=len(todo),
        results=(),
        through=tuple({"driver": t.module.name, "through": list(t.deliverers), "calls": {**t.calls}} for t in passers),
    )
    path = record.place(settings.cache, target, scope)
    report = record.unfinished(path, empty)
    done = {result.driver for result in report.results}
    rest = [task for task in todo if task.module.name not in done]
    if done:
        log.info(f"going on with a sweep that was cut short: {len(done)} of {len(todo)} drivers are done")
    if not rest:
        return report
    hook = core.build(target, settings.cache, settings.jobs)
    choose, chosen = _chooser(rest, settings)
    scanning = many.ahead(chosen, settings) if chosen else nullcontext(lambda _name: None)
    with scanning as wait, log.counting(f"{len(todo)} drivers of {target.release}", len(todo), len(done)) as show:
        for task in rest:
            show.begin(task.module.name)
            wait(task.module.name)
            result = attempt(task, choose, hook, settings)
            report = replace(report, results=(*report.results, result))
            record.write(path, report)
            show.end(_line(result))
    return report


def _chooser(rest: Sequence[Task], settings: Settings) -> tuple[Callable[[Task], Selection], Selection | None]:
    """Return what gives each task its selection: out of one pass over the source archive for all of them, which is
    returned, too, or, where the sources lack some of them, by asking for each alone."""
    try:
        chosen = pipeline.select([task.module.name for task in rest], settings)
    except SourceNotFound as error:
        log.warn(error.message)
        return lambda task: pipeline.select([task.module.name], settings), None
    choices = {choice.module.name: choice for choice in chosen.choices}
    return lambda task: replace(chosen, choices=(choices[task.module.name],)), chosen


def attempt(task: Task, choose: Callable[[Task], Selection], hook: Core, settings: Settings) -> Result:
    """Build one driver and return what became of it; only what would stop all others is raised."""
    start = time.monotonic()
    blank = Result(
        driver=task.module.name,
        intree=str(task.module.intree),
        symbols=task.symbols,
        aside=task.aside,
        state=State.FAILED,
        seconds=0,
    )
    try:
        chosen = choose(task)
        outcome = pipeline.build_one(chosen.choices[0], chosen, hook, settings)
        found = _built(blank, outcome, opinions.ask(outcome, chosen, settings))
    except HOPELESS:
        raise
    except PlanRefused as error:
        found = replace(
            blank, state=State.REFUSED, exit_code=error.exit_code, reason=error.message, details=error.details
        )
    except OmaticError as error:
        found = replace(blank, exit_code=error.exit_code, reason=error.message, details=error.details)
    except Exception as error:  # noqa: BLE001 - one driver's surprise must not cost the night's work
        details = tuple(traceback.format_exc().splitlines()[-6:])
        found = replace(blank, exit_code=1, reason=f"internal error: {type(error).__name__}: {error}", details=details)
    return replace(found, seconds=round(time.monotonic() - start, 1))


def _built(blank: Result, outcome: Outcome, asked: opinions.Asked) -> Result:
    checks = {check.name: check for check in outcome.report.checks}
    return replace(
        blank,
        state=State.UNPROVEN if outcome.refusal else State.BUILT,
        fresh=outcome.fresh,
        sites=dict(Counter(site.kind.value for site in outcome.plan.sites if site.kind in REWRITTEN)),
        relocations=outcome.report.relocations_changed,
        twins=outcome.plan.twins,
        checks={name: check.verdict.value for name, check in checks.items()},
        proof=str(checks["provenance"].evidence.get("proof", "")),
        sha256=sha256(outcome.module),
        disagreements=asked.disagreements,
        opinions=asked.opinions,
        exit_code=VerifyFailed.exit_code if outcome.refusal else 0,
        reason=outcome.refusal or "",
    )


def _line(result: Result) -> str:
    sites = sum(result.sites.values())
    said = (
        f"{sites} site{'s' * (sites != 1)}, {result.relocations} call target{'s' * (result.relocations != 1)}"
        f"{''.join(f', {name} FAILS' for name in result.failed_checks)}"
        if result.state is State.BUILT
        else result.reason
    )
    took = f"{result.seconds:.0f} s" if result.fresh or result.state is not State.BUILT else "unchanged"
    return f"{result.driver}: {result.state.value}: {said} ({took})"
