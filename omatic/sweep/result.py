# SPDX-License-Identifier: GPL-2.0-or-later
"""What a sweep found out: one result for each driver, and the report that holds them, as values and as JSON."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any


class State(Enum):
    """How far a driver got: proven and delivered, built but not proven, refused by the plan, or failed earlier."""

    BUILT = "built"
    UNPROVEN = "not proven"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Something in which a second opinion differs from ours: who says what, and of which class that is.

    `explained` is false where no class fits: nobody knows why.
    """

    opinion: str
    kind: str
    place: str
    explained: bool


@dataclass(frozen=True, slots=True)
class Result:
    """One driver of a sweep.

    `checks` has the verdict of each proof, `proof` by what provenance was proven, `sites` the rewritten ones by kind,
    `fresh` tells whether it was built now or had not changed,
    `reason` and `details` why it was not built, `exit_code` what `build` would have ended with.
    """

    driver: str
    intree: str
    symbols: tuple[str, ...]
    state: State
    seconds: float
    fresh: bool = False
    aside: tuple[str, ...] = ()
    sites: Mapping[str, int] = field(default_factory=dict)
    relocations: int = 0
    twins: tuple[str, ...] = ()
    checks: Mapping[str, str] = field(default_factory=dict)
    proof: str = ""
    sha256: str = ""
    disagreements: tuple[Disagreement, ...] = ()
    opinions: tuple[str, ...] = ()
    exit_code: int = 0
    reason: str = ""
    details: tuple[str, ...] = ()

    @property
    def failed_checks(self) -> tuple[str, ...]:
        """The proofs that failed; a module with one may be delivered all the same (docs/proofs.md says when)."""
        return tuple(name for name, verdict in self.checks.items() if verdict == "fail")

    def to_json(self) -> dict[str, object]:
        """Return it as it stands in the report."""
        return {**asdict(self), "state": self.state.value}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Result":
        """Return what `to_json` gave."""
        listed = ("symbols", "aside", "twins", "opinions", "details")
        values: dict[str, Any] = {
            **kept,
            **{name: tuple(kept[name]) for name in listed},
            "state": State(kept["state"]),
            "disagreements": tuple(Disagreement(**each) for each in kept["disagreements"]),
        }
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Report:
    """A whole sweep: what it was made with, the results in the order in which they were made, and who delivers
    through whom. `complete` tells that no driver is missing."""

    kernel: str
    scope: str
    about: Mapping[str, str]
    drivers: int
    results: tuple[Result, ...]
    through: tuple[Mapping[str, object], ...]

    @property
    def complete(self) -> bool:
        """Whether every driver has its result."""
        return len(self.results) == self.drivers

    @property
    def counts(self) -> Mapping[str, int]:
        """How many drivers ended in each state."""
        found = Counter(result.state for result in self.results)
        return {state.value: found[state] for state in State}

    def to_json(self) -> dict[str, object]:
        """Return it as `build --all --json` prints it."""
        return {
            "kernel": self.kernel,
            "scope": self.scope,
            "about": dict(self.about),
            "drivers": self.drivers,
            "complete": self.complete,
            "counts": dict(self.counts),
            "results": [result.to_json() for result in self.results],
            "through": [dict(each) for each in self.through],
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Report":
        """Return what `to_json` gave; raise KeyError, TypeError or ValueError if it is something else."""
        return cls(
            kernel=str(kept["kernel"]),
            scope=str(kept["scope"]),
            about=dict(kept["about"]),
            drivers=int(kept["drivers"]),
            results=tuple(Result.from_json(each) for each in kept["results"]),
            through=tuple(kept["through"]),
        )
