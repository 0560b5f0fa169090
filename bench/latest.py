# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures by name in results/latest.json: each replaces the one of its name, the others stay."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from measure import RESULTS

LATEST = RESULTS / "latest.json"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, the median of its runs."""

    name: str
    unit: str
    value: float
    runs: Sequence[float]


def load() -> dict[str, Figure]:
    """Return what is there, by name."""
    if not LATEST.is_file():
        return {}
    return {one["name"]: Figure(**one) for one in json.loads(LATEST.read_text())}


def keep(figures: Sequence[Figure]) -> None:
    """Put figures beside those that are there."""
    known = load() | {one.name: one for one in figures}
    RESULTS.mkdir(exist_ok=True)
    lines = (f" {json.dumps(asdict(known[name]))}" for name in sorted(known))
    LATEST.write_text("[\n" + ",\n".join(lines) + "\n]\n")
