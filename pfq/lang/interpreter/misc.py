# SPDX-License-Identifier: GPL-2.0-or-later
"""Counters, marks, state, the log; VLAN ids; and the functions for tests. What log lines say is not specified."""

from typing import Any

from pfq.lang.interpreter.evaluation import Act, Evaluation, Say


def _mark(e: Evaluation, mark: int) -> None:
    e.mark = mark


def _put_state(e: Evaluation, state: int) -> None:
    e.state = state


def _logged(symbol: str) -> Act:
    def log(e: Evaluation, *args: Any) -> None:
        said = [", ".join(map(str, arg)) if isinstance(arg, tuple) else str(arg) for arg in args]
        e.log.append(" ".join((f"{symbol}:", *said) if said else (symbol, f"{len(e.packet.data)} bytes")))

    return log


def _vlan_id(e: Evaluation, vids: tuple[int, ...]) -> bool:
    return e.vid in vids or (-1 in vids and e.vid != 0)


_LOGGING = ("log_msg", "log_buff", "log_packet", "trace") + tuple(
    f"dummy_{kind}" for kind in ("int", "ints", "ip", "ips", "cidr", "cidrs", "string", "strings")
)

FUNCTIONS: dict[str, Act] = {
    "inc": lambda e, counter: e.count(counter, 1),
    "dec": lambda e, counter: e.count(counter, -1),
    "mark": _mark,
    "put_state": _put_state,
} | {symbol: _logged(symbol) for symbol in _LOGGING}

PREDICATES: dict[str, Say] = {"vlan_id": _vlan_id}
