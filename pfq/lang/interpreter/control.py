# SPDX-License-Identifier: GPL-2.0-or-later
"""Functions made of functions."""

from pfq.lang.interpreter.evaluation import Act, Ends, Evaluation
from pfq.lang.node import Chain


def _conditional(e: Evaluation, predicate: Chain, yes: Chain, no: Chain) -> None:
    e.run(yes if e.ask(predicate) else no)


def _when(e: Evaluation, predicate: Chain, function: Chain) -> None:
    if e.ask(predicate):
        e.run(function)


def _unless(e: Evaluation, predicate: Chain, function: Chain) -> None:
    if not e.ask(predicate):
        e.run(function)


def _shift(e: Evaluation, function: Chain) -> None:
    e.shift += 1
    e.run(function)
    e.shift -= 1


def _only(ends: Ends) -> Act:
    def only(e: Evaluation, function: Chain) -> None:
        before, e.ends = e.ends, ends
        e.run(function)
        e.ends = before

    return only


def _inv(e: Evaluation, function: Chain) -> None:
    e.run(function)
    if e.dropped:
        e.copy()
    else:
        e.drop()


def _par(e: Evaluation, *functions: Chain) -> None:
    before = e.fanout
    for function in functions:
        e.fanout = before
        e.run(function)
        if not e.dropped:
            break


FUNCTIONS: dict[str, Act] = {
    "conditional": _conditional,
    "when": _when,
    "unless": _unless,
    "shift": _shift,
    "src": _only(Ends.SOURCE),
    "dst": _only(Ends.DESTINATION),
    "inv": _inv,
    "par": _par,
    **{f"par{count}": _par for count in range(3, 9)},
}
