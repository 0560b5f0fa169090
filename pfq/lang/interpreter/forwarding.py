# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a packet goes beside the readers."""

from pfq.lang.interpreter.evaluation import Act, Evaluation
from pfq.lang.node import Chain


def _classify(e: Evaluation, number: int) -> None:
    if number == 0:
        e.log.append("classify: 0 is no class to choose")
    else:
        e.classify(number)


def _kernel(e: Evaluation) -> None:
    e.to_kernel = True


def _detour(e: Evaluation) -> None:
    e.to_kernel = True
    e.drop()


def _kernel_if(e: Evaluation, predicate: Chain) -> None:
    if e.ask(predicate):
        _kernel(e)


def _detour_if(e: Evaluation, predicate: Chain) -> None:
    if e.ask(predicate):
        _detour(e)


def _link(e: Evaluation, devices: tuple[str, ...]) -> None:
    for device in devices:
        if device != e.packet.device:
            e.forward(device)


def _bridge(e: Evaluation, device: str) -> None:
    e.forward(device)
    e.drop()


def _tee(e: Evaluation, device: str, predicate: Chain) -> None:
    e.forward(device)
    if not e.ask(predicate):
        e.drop()


def _tap(e: Evaluation, device: str, predicate: Chain) -> None:
    if not e.ask(predicate):
        _bridge(e, device)


FUNCTIONS: dict[str, Act] = {
    "drop": Evaluation.drop,
    "broadcast": Evaluation.broadcast,
    "classify": _classify,
    "kernel": _kernel,
    "detour": _detour,
    "kernel_if": _kernel_if,
    "detour_if": _detour_if,
    "forward": Evaluation.forward,
    "forwardIO": Evaluation.forward,
    "link": _link,
    "bridge": _bridge,
    "tee": _tee,
    "tap": _tap,
}
