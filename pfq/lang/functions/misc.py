# SPDX-License-Identifier: GPL-2.0-or-later
"""Counters, marks, state and the log."""

from pfq.lang.functions.entry import COUNTER, Family, Q

_row = Family("misc").row

ROWS = (
    _row("inc", f"CInt -> {Q}", "counter", "counts up one of the group's counters", counter=COUNTER),
    _row("dec", f"CInt -> {Q}", "counter", "counts down one of the group's counters", counter=COUNTER),
    _row("mark", f"Word32 -> {Q}", "mark", "sets the packet's mark"),
    _row("put_state", f"Word32 -> {Q}", "state", "sets the program's state, which readers find in the header"),
    _row("log_msg", f"String -> {Q}", "message", "writes a message to the kernel's log"),
    _row("log_buff", Q, "", "writes what is known of the packet to the kernel's log"),
    _row("log_packet", Q, "", "writes a line on the packet to the kernel's log"),
    _row("trace", Q, "", "writes the state of the evaluation to the kernel's log"),
)
