# SPDX-License-Identifier: GPL-2.0-or-later
"""The module answers random sequences of calls as the model of the interface (tests/model) says.

Many sequences go to one guest; between two of them all processes are ended, and with them all sockets. A sequence that
is answered wrongly is made small by hypothesis and printed as the executor reads it: `executor <FILE` in a guest
repeats it. PFQ_TEST_SEQUENCES is how many there are; PFQ_TEST_SEED makes a run repeatable.
"""

import os
import random
from collections.abc import Iterator, Sequence

import hypothesis
import pytest

from omatic.lab.guest import quote
from tests.model import abi, filters, judge, operations, sequences, sizes
from tests.model.abi import GetOption, SetOption
from tests.model.expected import Answer
from tests.model.features import MISSING, Feature
from tests.model.memory import Patch
from tests.model.operations import Get, Operation, Set, Simple
from tests.vm import arena
from tests.vm.arena import Arena, Kit

pytestmark = pytest.mark.vm
SEQUENCES = int(os.environ.get("PFQ_TEST_SEQUENCES", "60"))


@pytest.fixture(scope="module")
def guest(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """One guest for all sequences."""
    with arena.arena(kit, tmp_path_factory.mktemp("model")) as running:
        yield running


def _ask(guest: Arena, sequence: Sequence[Operation]) -> list[tuple[Answer, ...]]:
    said = guest.machine.guest.run(f"echo {quote(operations.script(sequence))} | executor", patience=900.0)
    return list(operations.answers(said.output))


def _wrong(guest: Arena, sequence: Sequence[Operation], devices: frozenset[int]) -> str | None:
    complaint = judge.disagreement(sequence, _ask(guest, sequence), devices, MISSING)
    return complaint and f"{complaint}\nexecutor <<'END'\n" + operations.script(sequence).replace(";", "\n") + "\nEND"


def test_random_sequences(guest: Arena) -> None:
    """Sequences on several sockets of several processes, with good and bad arguments, and threads at the same time."""
    devices = frozenset(guest.devices().values())

    seed = int(os.environ.get("PFQ_TEST_SEED") or random.randrange(1 << 32))
    print(f"PFQ_TEST_SEED={seed}")

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=SEQUENCES,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        report_multiple_bugs=False,
    )
    @hypothesis.given(sequences.sequences(sorted(devices)))
    def _check(sequence: list[Operation]) -> None:
        complaint = _wrong(guest, sequence, devices)
        assert complaint is None, complaint

    _check()


def _open(slot: int = 0, actor: int = 0) -> Simple:
    return Simple(actor, "open", (slot, abi.RAW, abi.ALL_PROTOCOLS))


def _join(slot: int, gid: int, policy: int = 3, classes: int = 1, actor: int = 0) -> Get:
    return Get(actor, slot, GetOption.JOIN, abi.JOIN.size, abi.JOIN.pack(gid, policy, classes))


def _steering(gid: int) -> Set:
    program = abi.PROGRAM_HEAD.pack(1, 0) + abi.FUNCTION.pack(0, *[0] * 24, 1)
    blobs = (abi.COMPUTATION.pack(gid, 0), program, b"steer_flow\0")
    return Set(0, 0, SetOption.FUNCTION, abi.COMPUTATION.size, blobs, (Patch(0, 8, 1), Patch(1, 16, 2)))


def _presence(devices: dict[str, int]) -> dict[Feature, Operation]:
    """Return for each feature an operation that succeeds where it is there, on a socket that is in group 0."""
    device = devices[arena.DEVICE]

    def option(which: SetOption, argument: bytes, *more: bytes, patches: tuple[Patch, ...] = ()) -> Set:
        return Set(0, 0, which, len(argument), (argument, *more), patches)

    code = filters.VALID[1]
    return {
        Feature.FILTERS: option(
            SetOption.FPROG, abi.FPROG.pack(0, len(code) // 8, 0), code, patches=(Patch(0, 16, 1),)
        ),
        Feature.VLAN: option(SetOption.VLAN_TOGGLE, abi.VLAN.pack(0, 0, 1)),
        Feature.FUNCTIONS: _steering(0),
        Feature.EGRESS: option(SetOption.EGRESS_BIND, abi.BINDING.pack(0, device, -1)),
        Feature.TRANSMIT: option(SetOption.TX_BIND, abi.BINDING.pack(-1, device, -1)),
        Feature.ANY_DEVICE: option(SetOption.BIND, abi.BINDING.pack(0, -1, -1)),
    }


def test_what_is_missing_is_known(guest: Arena) -> None:
    """The list of what is not there yet is true: a feature that has come must not be on it any more."""
    for feature, operation in _presence(guest.devices()).items():
        answers = _ask(guest, [_open(), _join(0, 0), operation])
        assert bool(answers[-1][0].errno) == (feature in MISSING), f"{feature}: {answers[-1][0]}"


def test_all_sockets_and_groups(guest: Arena) -> None:
    """Ids and groups are the lowest free ones, up to the last, and again after some were given back."""
    sequence: list[Operation] = [_open(slot) for slot in range(65)]
    sequence += [_join(slot % 64, -1) for slot in range(65)]
    sequence += [Simple(0, "close", (slot,)) for slot in (17, 3)] + [_open(70), _open(71), _open(72)]
    sequence += [Get(0, slot, GetOption.ID, 4, abi.INT.pack(abi.VERSION)) for slot in (0, 70, 71)]
    sequence += [_join(70, -1), _join(71, -1), _join(0, -1), Get(0, 70, GetOption.GROUPS, 8)]
    assert _wrong(guest, sequence, frozenset(guest.devices().values())) is None


def test_largest_queues(guest: Arena) -> None:
    """The limit of slots is one that may be reached, and what is shared then has its first commit words."""
    small = abi.SIZE.pack(0)
    sequence: list[Operation] = [
        _open(),
        Set(0, 0, SetOption.RX_SLOTS, 8, (abi.SIZE.pack(abi.MAX_SLOTS + 1),)),
        Set(0, 0, SetOption.RX_SLOTS, 8, (abi.SIZE.pack(abi.MAX_SLOTS),)),
        Set(0, 0, SetOption.RX_LEN, 8, (small,)),
        Get(0, 0, GetOption.SHMEM_SIZE, 8),
        Set(0, 0, SetOption.ENABLE, 24, (bytes(24),)),
        Simple(0, "mmap", (0, 0, 18 << 20, 0, 3, 1)),
        Simple(0, "peek", (0, 0, 1024)),
        Simple(0, "peek", (0, sizes.CONTROL_BLOCK, 256)),
        Simple(0, "peek", (0, sizes.CONTROL_BLOCK + abi.MAX_SLOTS * 32 - 64, 128)),
    ]
    assert _wrong(guest, sequence, frozenset(guest.devices().values())) is None
