# SPDX-License-Identifier: GPL-2.0-or-later
"""A program on the frames of a capture: what becomes of each, as text or as what JSON is made of."""

from collections.abc import Iterable, Iterator
from typing import Any

from pfq.lang.interpreter.packet import Fanout, Outcome, Packet
from pfq.lang.interpreter.readers import Reader, chosen
from pfq.lang.interpreter.run import run
from pfq.lang.term import Function
from pfq.pcap import Frame


def outcomes(program: Function, frames: Iterable[Frame], *, device: str) -> Iterator[tuple[Frame, Outcome]]:
    """Yield each frame with what a program does with it, as if it had come from a device."""
    for number, frame in enumerate(frames):
        yield frame, run(program, Packet(frame.data, device=device, number=number))


def line(number: int, frame: Frame, outcome: Outcome, readers: int = 0) -> str:
    """Return what became of a frame on one line, and who of so many readers of class 0 gets it."""
    got = ",".join(map(str, _readers(outcome, readers)))
    said = verdict(outcome) + (f" -> {got or 'nobody'}" if readers else "")
    return f"{number:6} {len(frame.data):5} bytes  {said:28} {' > '.join(outcome.met)}{_beside(outcome)}"


def _readers(outcome: Outcome, count: int) -> list[int]:
    return sorted(chosen(outcome.verdict, [Reader(number) for number in range(count)]))


def verdict(outcome: Outcome) -> str:
    """Return a verdict in words."""
    found = outcome.verdict
    said = found.type.name.lower()
    if found.type in (Fanout.STEER, Fanout.DOUBLE):
        said += f" {found.hash:08x}"
    if found.type is Fanout.DOUBLE:
        said += f" {found.hash2:08x}"
    if found.class_mask > 1:
        said += f" class {found.class_mask.bit_length() - 1}" if found.class_mask.bit_count() == 1 else " all classes"
    return said + (f" state {found.state}" if found.state else "")


def _beside(outcome: Outcome) -> str:
    said = [f"to {device}" for device, _ in outcome.forwards]
    said += ["to the stack"] * outcome.to_kernel
    said += [f"mark {outcome.mark}"] * bool(outcome.mark)
    said += [f"counter {counter} {step:+}" for counter, step in outcome.counters]
    said += [f"log: {text}" for text in outcome.log]
    return "".join(f" | {each}" for each in said)


def to_json(number: int, frame: Frame, outcome: Outcome, readers: int = 0) -> dict[str, Any]:
    """Return what became of a frame as what JSON is made of."""
    found = outcome.verdict
    return {
        "frame": number,
        "bytes": len(frame.data),
        "verdict": found.type.name.lower(),
        "class_mask": found.class_mask,
        "hash": found.hash,
        "hash2": found.hash2,
        "state": found.state,
        "readers": _readers(outcome, readers),
        "to_kernel": outcome.to_kernel,
        "mark": outcome.mark,
        "counters": dict(outcome.counters),
        "forwards": [device for device, _ in outcome.forwards],
        "log": list(outcome.log),
        "met": list(outcome.met),
    }
