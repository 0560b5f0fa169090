# SPDX-License-Identifier: GPL-2.0-or-later
"""Plans of many drivers in processes of a pool: order, errors, and who waits for whom."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from omatic import many, pipeline
from omatic.catalog import Choice
from omatic.dirs import Cache
from omatic.errors import PlanRefused
from omatic.fetch import SourceTree
from omatic.model import KernelTarget, StockKernel, StockModule
from omatic.pipeline import Planned, Selection, Settings


@pytest.fixture
def chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Selection:
    """Four drivers; planning one leaves a file, takes as long as another needs to begin, and "bad" is refused."""

    @contextmanager
    def planned(choice: Choice, _chosen: Selection, _settings: Settings) -> Iterator[Planned]:
        (tmp_path / f"{choice.request}.begun").touch()
        if choice.request == "bad":
            raise PlanRefused("no reason", hint="none")
        until = time.monotonic() + 20
        while _settings.jobs == 1 and len(list(tmp_path.glob("*.begun"))) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        yield cast("Planned", SimpleNamespace(choice=choice))

    monkeypatch.setattr(pipeline, "planned", planned)
    names = ("a", "b", "bad", "c")
    choices = tuple(Choice(name, StockModule(name, Path(name), Path(f"drivers/net/{name}.ko"))) for name in names)
    target = KernelTarget("6.1", tmp_path, {}, tmp_path, "gcc", None)
    return Selection(target, StockKernel(tmp_path, None, "toy"), choices, SourceTree(tmp_path, "toys", True))


def told(ready: Planned, _chosen: Selection) -> tuple[str, int]:
    return ready.choice.request, os.getpid()


def test_two_at_a_time_and_in_order(chosen: Selection, tmp_path: Path) -> None:
    """Each in a process of its own, which none of them would leave before another has begun; errors in their turn."""
    running = many.plans(chosen, Settings(Cache(tmp_path), jobs=2), told)
    first, second = next(running), next(running)
    assert (first[0], second[0]) == ("a", "b")
    assert os.getpid() not in (first[1], second[1])
    with pytest.raises(PlanRefused):
        next(running)


def test_one_job_is_this_process(chosen: Selection, tmp_path: Path) -> None:
    (tmp_path / "x.begun").touch()
    assert next(many.plans(chosen, Settings(Cache(tmp_path), jobs=1), told)) == ("a", os.getpid())


def test_ahead_of_those_that_are_built(chosen: Selection, tmp_path: Path) -> None:
    """Who waits for a driver finds nobody working on it; what was refused is told by the one whose turn it is."""
    (tmp_path / "x.begun").touch()
    with many.ahead(chosen, Settings(Cache(tmp_path), jobs=2)) as wait:
        for name in ("a", "b", "bad", "c", "unknown"):
            wait(name)
