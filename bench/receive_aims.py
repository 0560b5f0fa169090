# SPDX-License-Identifier: GPL-2.0-or-later
"""What the figures of receiving should be, against each other."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Aim:
    """A quotient, or a difference in instructions, of the medians, and what it should be at most."""

    what: str
    value: float
    most: float

    @property
    def met(self) -> bool:
        """Whether it is so."""
        return self.value <= self.most


_COST = (
    ("rx.pfq.copy.1reader", "rx.tpacket3.1reader", {60: 0.60, 1500: 0.70}),
    ("rx.pfq.copy.1reader.timer", "rx.tpacket3.1reader.timer", {60: 0.60, 1500: 0.70}),
    ("rx.pfq.copy.1reader", "rx.afxdp_copy.1reader", {60: 0.85, 1500: 0.90}),
    ("rx.pfq.copy.1reader.timer", "rx.afxdp_copy.1reader.timer", {60: 0.85, 1500: 0.90}),
    ("rx.pfq.steer.4readers", "rx.pfq.copy.1reader", {60: 1.10}),
    ("rx.pfq.steer.4readers.lowat", "rx.pfq.copy.1reader", {60: 1.10}),
    ("rx.pfq.steer.4readers.timer", "rx.pfq.copy.1reader.timer", {60: 1.10}),
    ("rx.pfq.steer.4readers.lowat", "rx.pfq.steer.1reader", {60: 1.10}),
    ("rx.pfq.steer.4readers.timer", "rx.pfq.steer.1reader.timer", {60: 1.10}),
)
"""Of the cost above the bare sender."""

_WHOLE = (("rx.pfq_idle", "rx.stock", {60: 1.01}), ("rx.pfq_idle.gro", "rx.stock.gro", {60: 1.01}))
"""Of the whole count."""

_OWN = (("rx.pfq.copy.1reader.timer", "rx.floor.hook", {60: 220.0}),)
"""Instructions above the hook that frees at once."""


def aims(figures: Mapping[str, float]) -> list[Aim]:
    """Return the aims that there are figures for."""
    found = []
    for table, sender, quotient in ((_COST, "rx.sender", True), (_WHOLE, None, True), (_OWN, None, False)):
        for one, other, bounds in table:
            for size, most in bounds.items():
                names = [f"{name}.{size}" for name in (one, other, sender) if name]
                if not all(name in figures for name in names):
                    continue
                a, b, *base = (figures[name] for name in names)
                a, b = (a - base[0], b - base[0]) if base else (a, b)
                found.append(
                    Aim(f"{names[0]} {'of' if quotient else 'above'} {names[1]}", a / b if quotient else a - b, most)
                )
    return found
