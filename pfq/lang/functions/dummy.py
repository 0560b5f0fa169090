# SPDX-License-Identifier: GPL-2.0-or-later
"""For tests: they take arguments of each kind and pass every packet."""

from pfq.lang.functions.entry import Family, Q

_row = Family("dummy").row

ROWS = (
    _row("dummy_int", f"CInt -> {Q}", "value", "logs a number"),
    _row("dummy_ints", f"[CInt] -> {Q}", "values", "logs numbers"),
    _row("dummy_ip", f"IPv4 -> {Q}", "address", "logs an address"),
    _row("dummy_ips", f"[IPv4] -> {Q}", "addresses", "logs addresses"),
    _row("dummy_cidr", f"CIDR -> {Q}", "prefix", "logs a prefix"),
    _row("dummy_cidrs", f"[CIDR] -> {Q}", "prefixes", "logs prefixes"),
    _row("dummy_string", f"String -> {Q}", "text", "logs a string"),
    _row("dummy_strings", f"[String] -> {Q}", "texts", "logs strings"),
)
