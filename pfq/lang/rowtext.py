# SPDX-License-Identifier: GPL-2.0-or-later
"""A program's descriptor for the eye: a line for each function, as Haskell shows a record."""

from pfq.lang import values
from pfq.lang.rows import Ref, flatten
from pfq.lang.term import Function


def text(program: Function) -> str:
    """Return a program's rows, one a line."""
    lines = []
    for index, row in enumerate(flatten(program)):
        args = ", ".join(f"Fun {arg.index}" if isinstance(arg, Ref) else values.show(arg) for arg in row.args)
        symbol = values.quote(row.entry.symbol)
        lines.append(f"Function {{ index = {index}, symbol = {symbol}, arguments = [{args}], link = {row.next} }}")
    return "\n".join(lines) + "\n"
