# SPDX-License-Identifier: GPL-2.0-or-later
"""The model of the PFQ interface: it knows what the description says, and tells right answers from wrong ones."""

import errno
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings

from tests.model import abi, judge, operations, policies, sequences, sizes
from tests.model.abi import GetOption, Policy, SetOption
from tests.model.expected import Answer
from tests.model.features import Feature
from tests.model.memory import Pointer
from tests.model.operations import Get, Operation, Set, Simple, Together

DEVICES = frozenset({1, 2})
OK, DENIED = Answer(), Answer(-1, errno.EACCES)
OPEN, OTHER = (Simple(0, "open", (slot, abi.RAW, abi.ALL_PROTOCOLS)) for slot in (0, 1))


def _judged(given_answers: Sequence[tuple[Operation, Answer]]) -> str | None:
    return judge.disagreement(
        [operation for operation, _ in given_answers], [(answer,) for _, answer in given_answers], DEVICES, frozenset()
    )


def _join(slot: int, gid: int, policy: Policy) -> Get:
    return Get(0, slot, GetOption.JOIN, 16, abi.JOIN.pack(gid, policy, 1))


def _joined(gid: int, policy: Policy) -> Answer:
    return Answer(0, 0, abi.JOIN.pack(gid, policy, 1), 16)


@pytest.mark.parametrize(("length", "slot"), [(64, 96), (1514, 1568), (1520, 1568), (2016, 2048), (0, 32)])
def test_slot_size(length: int, slot: int) -> None:
    """The examples that the description gives."""
    assert sizes.slot(length) == slot


def test_shared_size() -> None:
    """An exact multiple of the unit grows by one all the same."""
    assert sizes.shared(0, 0, 0, 0) == 2 << 20
    exact = (2 << 20) - sizes.CONTROL_BLOCK
    assert sizes.shared(exact // 64, 0, 0, 0) == 4 << 20


def test_policies() -> None:
    """Nobody but its owner joins a private group; the others ask for what the group is."""
    assert not policies.may_join(Policy.PRIVATE, Policy.SHARED, owner=False, same_process=True)
    assert not policies.may_join(Policy.RESTRICTED, Policy.RESTRICTED, owner=True, same_process=False)
    assert policies.may_join(Policy.SHARED, Policy.SHARED, owner=False, same_process=False)
    assert not policies.may_join(Policy.SHARED, Policy.UNDEFINED, owner=True, same_process=True)


def test_right_and_wrong_answers() -> None:
    """A private group refuses the second socket; its number is the lowest free one."""
    begun: list[tuple[Operation, Answer]] = [
        (OPEN, OK),
        (OTHER, OK),
        (_join(0, -1, Policy.PRIVATE), _joined(0, Policy.PRIVATE)),
    ]
    refused: tuple[Operation, Answer] = (_join(1, 0, Policy.SHARED), Answer(-1, errno.EACCES, length=16))
    assert _judged([*begun, refused]) is None
    assert _judged([*begun, (refused[0], _joined(0, Policy.SHARED))]) is not None
    assert _judged([*begun, (_join(1, -1, Policy.SHARED), _joined(2, Policy.SHARED))]) is not None
    closed: list[tuple[Operation, Answer]] = [(Simple(0, "close", (0,)), OK)]
    assert _judged([*begun, *closed, (_join(1, -1, Policy.SHARED), _joined(0, Policy.SHARED))]) is None


def test_a_length_that_was_written() -> None:
    """The length of an answer is never changed."""
    asked = Get(0, 0, GetOption.STATUS, 4)
    assert _judged([(OPEN, OK), (asked, Answer(0, 0, bytes(4), 4))]) is None
    assert _judged([(OPEN, OK), (asked, Answer(0, 0, bytes(4), 0))]) is not None


def test_what_is_missing_may_say_so() -> None:
    """EOPNOTSUPP is right for a feature that is not there, and for no other."""
    bind = Set(0, 0, SetOption.EGRESS_BIND, 12, (abi.BINDING.pack(0, 2, -1),))
    answers = [(OK,), (Answer(-1, errno.EOPNOTSUPP),)]
    assert judge.disagreement([OPEN, bind], answers, DEVICES, frozenset({Feature.EGRESS})) is None
    assert judge.disagreement([OPEN, bind], answers, DEVICES, frozenset({Feature.FILTERS})) is not None


def test_threads_may_come_in_any_order() -> None:
    """Two sockets that join a private group at the same time: one of them is refused, whichever it is."""
    parts = (_join(0, 0, Policy.PRIVATE), _join(1, 0, Policy.PRIVATE))
    won, lost = _joined(0, Policy.PRIVATE), Answer(-1, errno.EACCES, length=16)
    begun = [(OK,), (OK,)]
    for answers, right in (((won, lost), True), ((lost, won), True), ((won, won), False), ((lost, lost), False)):
        complaint = judge.disagreement([OPEN, OTHER, Together(0, parts)], [*begun, answers], DEVICES, frozenset())
        assert (complaint is None) == right


def test_text_for_the_executor() -> None:
    """Operations are written as the executor reads them."""
    given_operations: list[Operation] = [OPEN, Set(0, 0, 1, 24, (Pointer.BAD,)), Get(0, 0, 21, None, b"\1\2")]
    assert operations.script(given_operations) == "seq;0 open 0 3 768;0 set 0 27 1 24 !;0 get 0 27 21 ! 0102"
    said = '{"seq":true}\n{"r":0,"e":0}\n{"r":-1,"e":14,"l":4}\n{"par":[{"r":0,"e":0,"d":"ff"},{"r":-1,"e":1}]}'
    assert [len(each) for each in operations.answers(said)] == [1, 1, 2]


@settings(max_examples=25, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(sequences.sequences([1, 2]))
def test_every_sequence_can_be_written_and_judged(sequence: list[Operation]) -> None:
    """No sequence is too long for one message, and the model judges each (here: none is answered well)."""
    assert max(len(operation.text()) for operation in sequence) < 60_000
    answers = [(Answer(-1, errno.EIO),) * (len(getattr(operation, "parts", ())) or 1) for operation in sequence]
    assert judge.disagreement(sequence, answers, DEVICES, frozenset(Feature)) is not None
