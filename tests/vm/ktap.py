# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads what KUnit wrote into a kernel's log: the results of the cases, suite by suite (KTAP).

# Subtest: pfq_mask            a suite begins; before that its plan may stand
1..4                           it has so many cases
# mask_pop: EXPECTATION FAILED ...   said before the result
ok 4 - mask_pop                older kernels have the dash, newer ones have not
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_SUITE = re.compile(r"^\s+# Subtest: (\S+)$")
_PLAN = re.compile(r"^\s+1\.\.(\d+)$")
_CASE = re.compile(r"^\s+(not )?ok \d+ (?:- )?(\S+)(?: # (SKIP.*))?")


@dataclass(frozen=True, slots=True)
class Case:
    """A case that has ended; `said` are the lines of the log since the one before."""

    suite: str
    name: str
    passed: bool
    skipped: bool
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All cases that have ended, and how many there were to be."""

    planned: int
    cases: tuple[Case, ...]

    @property
    def failed(self) -> tuple[Case, ...]:
        """The cases that have not passed."""
        return tuple(case for case in self.cases if not case.passed)

    @property
    def suites(self) -> frozenset[str]:
        """The suites that have had a case."""
        return frozenset(case.suite for case in self.cases)


def parse(lines: Iterable[str]) -> Report:
    """Return what the lines of a log say."""
    suite, planned = "", 0
    cases: list[Case] = []
    said: list[str] = []
    for line in lines:
        if found := _SUITE.match(line):
            suite = found[1]
        elif found := _PLAN.match(line):
            planned += int(found[1])
        elif found := _CASE.match(line):
            cases.append(Case(suite, found[2], not found[1], bool(found[3]), tuple(said)))
            said = []
        else:
            said.append(line)
    return Report(planned, tuple(cases))
