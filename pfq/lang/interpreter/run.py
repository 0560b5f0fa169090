# SPDX-License-Identifier: GPL-2.0-or-later
"""Run a program on a packet."""

from pfq.lang.interpreter import bloom, control, filters, forwarding, misc, predicates, properties, rtp, steering
from pfq.lang.interpreter.evaluation import Built, Evaluation
from pfq.lang.interpreter.packet import Fanout, Outcome, Packet, Verdict
from pfq.lang.term import Function, Predicate, Property

_PREDICATES = predicates.PREDICATES | misc.PREDICATES | bloom.PREDICATES | rtp.PREDICATES

BUILT = Built(
    filters.functions(_PREDICATES)
    | control.FUNCTIONS
    | forwarding.FUNCTIONS
    | steering.FUNCTIONS
    | misc.FUNCTIONS
    | rtp.FUNCTIONS,
    _PREDICATES,
    properties.PROPERTIES,
)


def run(program: Function, packet: Packet) -> Outcome:
    """Return what a program does with a packet."""
    e = Evaluation(packet, BUILT)
    e.run(program.chain)
    counters = tuple(sorted(e.counters.items()))
    return Outcome(_verdict(e), e.to_kernel, e.mark, counters, tuple(e.forwards), tuple(e.log), tuple(e.met))


def _verdict(e: Evaluation) -> Verdict:
    kind, classes, first, second = e.fanout
    match kind:
        case Fanout.DROP:
            return Verdict(kind)
        case Fanout.COPY:
            return Verdict(kind, classes, state=e.state)
        case Fanout.STEER:
            return Verdict(kind, classes, first, state=e.state)
        case Fanout.DOUBLE:
            return Verdict(kind, classes, first, second, e.state)


def ask(predicate: Predicate, packet: Packet) -> bool:
    """Return what a predicate says of a packet."""
    return Evaluation(packet, BUILT).ask(predicate.chain)


def value(prop: Property, packet: Packet) -> int | None:
    """Return a property of a packet; None if it lacks it."""
    return Evaluation(packet, BUILT).value(prop.chain)
