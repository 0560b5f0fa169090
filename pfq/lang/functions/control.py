# SPDX-License-Identifier: GPL-2.0-or-later
"""Control: functions made of functions."""

from pfq.lang.functions.entry import Family, P, Q

_row = Family("control").row

ROWS = (
    _row(
        "conditional",
        f"({P}) -> ({Q}) -> ({Q}) -> {Q}",
        "predicate yes no",
        "does one thing or the other, as a predicate says",
    ),
    _row("when", f"({P}) -> ({Q}) -> {Q}", "predicate function", "does something if a predicate says so"),
    _row("unless", f"({P}) -> ({Q}) -> {Q}", "predicate function", "does something unless a predicate says so"),
    _row(
        "shift",
        f"({Q}) -> {Q}",
        "function",
        "looks at the next inner IP header: through IPIP, 6in4, GRE, GTP-U and VXLAN",
    ),
    _row("src", f"({Q}) -> {Q}", "function", "has functions that look at both ends look at the source only"),
    _row("dst", f"({Q}) -> {Q}", "function", "has functions that look at both ends look at the destination only"),
    _row("inv", f"({Q}) -> {Q}", "function", "copies what a function drops, and drops the rest"),
    _row("par", f"({Q}) -> ({Q}) -> {Q}", "first second", "the first of two functions that does not drop"),
    _row(
        "par3",
        f"({Q}) -> ({Q}) -> ({Q}) -> {Q}",
        "first second third",
        "the first of three functions that does not drop",
    ),
    _row(
        "par4",
        f"({Q}) -> ({Q}) -> ({Q}) -> ({Q}) -> {Q}",
        "first second third fourth",
        "the first of four functions that does not drop",
    ),
    _row(
        "par5",
        f"({Q}) -> ({Q}) -> ({Q}) -> ({Q}) -> ({Q}) -> {Q}",
        "first second third fourth fifth",
        "the first of five functions that does not drop",
    ),
    _row(
        "par6",
        f"({Q}) -> ({Q}) -> ({Q}) -> ({Q}) -> ({Q}) -> ({Q}) -> {Q}",
        "first second third fourth fifth sixth",
        "the first of six functions that does not drop",
    ),
    _row(
        "par7",
        f"({Q}) -> ({Q}) -> ({Q}) -> ({Q}) -> ({Q}) -> ({Q}) -> ({Q}) -> {Q}",
        "first second third fourth fifth sixth seventh",
        "the first of seven functions that does not drop",
    ),
    _row(
        "par8",
        f"({Q}) -> ({Q}) -> ({Q}) -> ({Q}) -> ({Q}) -> ({Q}) -> ({Q}) -> ({Q}) -> {Q}",
        "first second third fourth fifth sixth seventh eighth",
        "the first of eight functions that does not drop",
    ),
)
