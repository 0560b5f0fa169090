# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables and coloured lines as text, for whoever shows results to people."""

import io
import shutil
import sys

from rich import box
from rich.console import Console
from rich.table import Table


def text(*parts: object) -> str:
    """Return rich renderables as text, in colour only on a terminal, as wide as it."""
    width = shutil.get_terminal_size((120, 40)).columns
    console = Console(file=io.StringIO(), force_terminal=sys.stdout.isatty(), width=width, highlight=False)
    for part in parts:
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().rstrip("\n")


def new(*columns: str) -> Table:
    """Return an empty table with these columns."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made
