# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares the answers to a sequence with what the model admits.

Where the interface leaves something open, or threads may come in any order, there are several worlds; those that an
answer contradicts are dropped, and when none is left, the answer was wrong.
"""

import copy
from collections.abc import Iterable, Sequence, Set
from itertools import permutations

from tests.model.abi import SetOption
from tests.model.expected import Answer
from tests.model.features import Feature
from tests.model.operations import Operation, Together
from tests.model.operations import Set as SetOperation
from tests.model.world import World

_MOST_WORLDS = 24


def disagreement(
    operations: Sequence[Operation], answers: Iterable[Sequence[Answer]], devices: Set[int], missing: Set[Feature]
) -> str | None:
    """Return the first answer that is wrong, in words; None if all are right."""
    worlds = [World(devices, missing)]
    given = list(answers)
    for number, (operation, each) in enumerate(zip(operations, given, strict=False)):
        complaints: list[str] = []
        worlds = [after for world in worlds for after in _after(world, operation, each, complaints)][:_MOST_WORLDS]
        if not worlds:
            said = ", ".join(map(str, each))
            return f"operation {number}: {operation.text()}\n  answered {said}, not {' / '.join(complaints[:3])}"
    return None if len(given) == len(operations) else f"{len(given)} answers to {len(operations)} operations"


def _after(world: World, operation: Operation, answers: Sequence[Answer], complaints: list[str]) -> list[World]:
    if isinstance(operation, Together):
        if answers[0].absent:
            return [world] if operation.actor not in world.actors else []
        return _orders(world, operation, answers, complaints)
    if (complaint := world.step(operation, answers[0])) is not None:
        complaints.append(complaint)
        return []
    worlds = [world]
    # Whether disabling frees groups that have no member, as closing does, is not said.
    if isinstance(operation, SetOperation) and operation.option == SetOption.DISABLE and world.empty_groups():
        other = copy.deepcopy(world)
        other.free_empty_groups()
        worlds.append(other)
    return worlds


def _orders(world: World, operation: Together, answers: Sequence[Answer], complaints: list[str]) -> list[World]:
    found = []
    for order in permutations(range(len(operation.parts))):
        other = copy.deepcopy(world)
        wrong = next(
            (
                f"{operation.parts[at].text()}: {complaint}"
                for at in order
                if (complaint := other.step(operation.parts[at], answers[at])) is not None
            ),
            None,
        )
        if wrong is None:
            found.append(other)
        else:
            complaints.append(wrong)
    return found
