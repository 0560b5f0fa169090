# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of the command line that shows plans: `plan`."""

import json
import sys
from collections.abc import Sequence

from omatic import many, patch, pipeline, show
from omatic.pipeline import Planned, Selection, Settings


def plan(drivers: Sequence[str], given: Settings, *, diff: bool, as_json: bool) -> None:
    """Plan drivers and print what would change, as a patch, as JSON or for people."""
    chosen = pipeline.select(drivers, given)
    if diff:
        for text in many.plans(chosen, given, _patch):
            sys.stdout.buffer.write(text)
    elif as_json:
        print(json.dumps(list(many.plans(chosen, given, Planned.to_json)), indent=2))
    else:
        for shown in many.plans(chosen, given, _text):
            print(shown, flush=True)


def _patch(ready: Planned, chosen: Selection) -> bytes:
    return patch.of(ready, chosen.target)


def _text(ready: Planned, _chosen: Selection) -> str:
    return show.plan(ready)
