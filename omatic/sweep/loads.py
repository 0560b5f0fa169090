# SPDX-License-Identifier: GPL-2.0-or-later
"""What loading every driver found out: one result for each, and the report that holds them, as values and as JSON."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any


class Loads(Enum):
    """Whether an accelerated driver loads as its stock twin does; a driver that was never built cannot be tried."""

    ALIKE = "as stock"
    DIFFERS = "differs"
    MISSING = "not built"


@dataclass(frozen=True, slots=True)
class Loaded:
    """One driver.

    `key` names all that the result follows from: while it stays the same, what passed need not be tried again.
    `modules` went in together, in this order; `dependents` are those of them that need the driver. `answers` are the
    answers other than 0 of the stock module's round, `said` the warnings in it: ours has these as well. `lines` are
    harmless ones that ours has alone, `differences` what is wrong. `alone` tells that each round was played again in a
    guest of its own, because there was a difference in one that others had been in. `traffic` has the verdicts of
    rehearsals with an emulated NIC.
    """

    driver: str
    intree: str
    state: Loads
    key: str = ""
    sha256: str = ""
    seconds: float = 0
    modules: tuple[str, ...] = ()
    dependents: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    alone: bool = False
    log: str = ""
    traffic: tuple[Mapping[str, Any], ...] = field(default_factory=tuple)

    @property
    def good(self) -> bool:
        """Whether it loads as the stock module does and no rehearsal failed."""
        return self.state is Loads.ALIKE and all(verdict["passed"] for verdict in self.traffic)

    def to_json(self) -> dict[str, object]:
        """Return it as it stands in the report."""
        return {**asdict(self), "state": self.state.value}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Loaded":
        """Return what `to_json` gave."""
        listed = ("modules", "dependents", "answers", "said", "lines", "differences", "traffic")
        values = {**kept, **{name: tuple(kept[name]) for name in listed}, "state": Loads(kept["state"])}
        return cls(**values)


@dataclass(frozen=True, slots=True)
class LoadReport:
    """All drivers of a scope, or those that were named; `about` says what this was made with."""

    kernel: str
    scope: str
    about: Mapping[str, str]
    drivers: int
    results: tuple[Loaded, ...]

    @property
    def complete(self) -> bool:
        """Whether every driver has its result."""
        return len(self.results) == self.drivers

    @property
    def counts(self) -> Mapping[str, int]:
        """How many drivers ended in each state."""
        found = Counter(result.state for result in self.results)
        return {state.value: found[state] for state in Loads}

    def to_json(self) -> dict[str, object]:
        """Return it as `rehearse --all --json` prints it."""
        return {
            "kernel": self.kernel,
            "scope": self.scope,
            "about": dict(self.about),
            "drivers": self.drivers,
            "complete": self.complete,
            "counts": dict(self.counts),
            "results": [result.to_json() for result in self.results],
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "LoadReport":
        """Return what `to_json` gave; raise KeyError, TypeError or ValueError if it is something else."""
        return cls(
            kernel=str(kept["kernel"]),
            scope=str(kept["scope"]),
            about=dict(kept["about"]),
            drivers=int(kept["drivers"]),
            results=tuple(Loaded.from_json(each) for each in kept["results"]),
        )


def by_driver(results: Iterable[Loaded]) -> dict[str, Loaded]:
    """Return results by the name of their driver."""
    return {result.driver: result for result in results}
