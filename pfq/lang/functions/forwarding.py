# SPDX-License-Identifier: GPL-2.0-or-later
"""Forwarding: where a packet goes beside the readers."""

from pfq.lang.functions.entry import CLASS, Family, P, Q

_row = Family("forwarding").row

ROWS = (
    _row("drop", Q, "", "drops"),
    _row("broadcast", Q, "", "gives a copy to every reader of every class but the controlling one"),
    _row("classify", f"CInt -> {Q}", "number", "has the readers of a class eligible; 0 changes nothing", number=CLASS),
    _row("kernel", Q, "", "gives the packet to the network stack, too"),
    _row("detour", Q, "", "gives the packet to the network stack, and drops it"),
    _row(
        "kernel_if", f"({P}) -> {Q}", "predicate", "gives the packet to the network stack, too, if a predicate says so"
    ),
    _row(
        "detour_if",
        f"({P}) -> {Q}",
        "predicate",
        "gives the packet to the network stack and drops it, if a predicate says so",
    ),
    _row("forward", f"Device -> {Q}", "device", "sends a copy out of a device"),
    _row("forwardIO", f"Device -> {Q}", "device", "sends a copy out of a device at once"),
    _row("link", f"[Device] -> {Q}", "devices", "sends a copy out of each device but the one it came from"),
    _row("bridge", f"Device -> {Q}", "device", "sends out of a device, and drops"),
    _row(
        "tee",
        f"Device -> ({P}) -> {Q}",
        "device predicate",
        "sends a copy out of a device, and goes on only if a predicate says so",
    ),
    _row(
        "tap",
        f"Device -> ({P}) -> {Q}",
        "device predicate",
        "goes on if a predicate says so; else sends out of a device and drops",
    ),
)
