# SPDX-License-Identifier: GPL-2.0-or-later
"""Plan many drivers at a time, each in a process of a shared pool.

Most drivers have one or two files to parse, so threads within a driver leave cores idle; and libclang's answers are
handled in Python, which one process does on one core. Workers are forked: they start with everything loaded.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TypeVar

from omatic import pipeline
from omatic.catalog import Choice
from omatic.pipeline import Planned, Selection, Settings
from omatic.vendor.source import VendorSource

T = TypeVar("T")

Render = Callable[[Planned, Selection], T]
"""What is made of a plan inside of the worker: a plan itself is bound to its work tree and its lock."""


def plans(chosen: Selection, settings: Settings, render: Render[T]) -> Iterator[T]:
    """Plan the chosen modules and yield what `render` makes of each, in order; an error is raised in its turn."""
    if settings.jobs == 1 or len(chosen.choices) == 1 or isinstance(chosen.sources, VendorSource):
        # A vendor's build, which comes before its plan, uses all cores itself.
        for choice in chosen.choices:
            yield _one(choice, chosen, settings, render)
        return
    with _pool(len(chosen.choices), settings) as pool:
        alone = replace(settings, jobs=1)
        futures = [pool.submit(_one, choice, chosen, alone, render) for choice in chosen.choices]
        for future in futures:
            yield future.result()


@contextmanager
def ahead(chosen: Selection, settings: Settings) -> Iterator[Callable[[str], None]]:
    """Plan the chosen modules in the background while others are built, so that their scans are in the cache.

    Yields what has to be called with a module's name before that module is worked on: it waits until nobody else does.
    What goes wrong here is not told: it goes wrong again in its turn.
    """
    if settings.jobs == 1 or isinstance(chosen.sources, VendorSource):
        yield lambda _name: None
        return
    with _pool(1, settings) as pool:
        alone = replace(settings, jobs=1)
        planned = {choice.module.name: pool.submit(_one, choice, chosen, alone, _nothing) for choice in chosen.choices}
        yield lambda name: _wait(planned, name)


def _wait(planned: Mapping[str, "Future[None]"], name: str) -> None:
    if name in planned and not planned[name].cancel():
        with suppress(Exception):
            planned[name].result()


def _nothing(_ready: Planned, _chosen: Selection) -> None:
    # The scan is kept; that is all that was wanted.
    return


def _one(choice: Choice, chosen: Selection, settings: Settings, render: Render[T]) -> T:
    with pipeline.planned(choice, chosen, settings) as ready:
        return render(ready, chosen)


@contextmanager
def _pool(tasks: int, settings: Settings) -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(min(tasks, settings.jobs), multiprocessing.get_context("fork"))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
