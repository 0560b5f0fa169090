# SPDX-License-Identifier: GPL-2.0-or-later
"""The list of drivers that can be accelerated, as text for people; not in `show`, which loads all of the pipeline."""

from collections.abc import Sequence

from rich.text import Text

from omatic import tables
from omatic.supported import Supported


def table(rows: Sequence[Supported], release: str) -> str:
    """Return the list of drivers that can be accelerated."""
    shown = tables.new("", "driver", "delivers through", "devices here", "sources", "state")
    for row in rows:
        star = Text("*", style="bold green") if row.devices else ""
        state = row.state.value + (" (a build is not proven)" if row.refused else "")
        at_hand = "at hand" if row.sources else "to fetch"
        shown.add_row(star, row.module.name, ", ".join(row.symbols), ", ".join(row.devices), at_hand, state)
    return tables.text(
        shown, Text(f"{len(rows)} drivers of {release} can be accelerated; * marks NICs in this machine")
    )
