# SPDX-License-Identifier: GPL-2.0-or-later
"""Random sequences of operations, as hypothesis strategies: few processes, sockets and groups, so that they meet."""

from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from tests.model import abi, filters, programs
from tests.model.abi import GetOption, SetOption
from tests.model.memory import Blob, Patch, Pointer
from tests.model.operations import Get, Operation, Set, Simple, Single, Together
from tests.model.world import REFUSED

ACTORS, SOCKETS, MAPS = 3, 4, 2
_actors = st.sampled_from([0, 0, 0, 0, 1, 1, 2])
_sockets = st.integers(0, SOCKETS - 1)
_maps = st.integers(0, MAPS - 1)
_gids = st.sampled_from([0, 0, 0, 1, 1, 2, 63, -1, 64, -2, 2**31 - 1])
_queues = st.sampled_from([-1, -1, 0, 1, 255, 256, -2, 2**31 - 1])
_policies = st.sampled_from([1, 2, 3, 3, 3, 0, 4, -1])
_classes = st.sampled_from([1, 1, 2, 3, 1 << 63, 2**64 - 1, 0])
_lengths = st.sampled_from([0, 64, 1514, 2016, 2017, 2048, 2**32, 2**64 - 1, 2**64 - 32])
_slots = st.sampled_from([0, 1, 2, 64, 300, 1024, abi.MAX_SLOTS + 1, 2**32 + 1, 2**64 - 1])
_integers = st.sampled_from([0, 1, 2, 8, 9, -1, 2**31 - 1, -(2**31)])
_bytes = st.binary(max_size=32)
_vids = st.sampled_from([-1, 0, 1, 4094, 4095, -2])
_versions = st.sampled_from([abi.VERSION, abi.VERSION, 0x060200, 0])
_group_words = st.sampled_from([0, 1, 63, 64, 2**64 - 1])
_symbols = st.sampled_from([*programs.STEERING, *programs.STEERING, *programs.PLAIN, "nonsense", "", "x" * 300])


def _odd(draw: st.DrawFn, size: int, blobs: tuple[Blob, ...]) -> tuple[int, tuple[Blob, ...]]:
    """Return a length and an argument, mostly as they are, now and then spoilt."""
    match draw(st.sampled_from(["good"] * 12 + ["length", "null", "bad", "short"])):
        case "length":
            return draw(st.sampled_from([0, 1, size - 1, size + 1, -1, 4096, 2**31 - 1])), blobs
        case "null":
            return size, (Pointer.NULL, *blobs[1:])
        case "bad":
            return size, (Pointer.BAD, *blobs[1:])
        case "short" if isinstance(blobs[0], bytes) and blobs[0]:
            return size, (blobs[0][:-1], *blobs[1:])
    return size, blobs


@st.composite
def _set(
    draw: st.DrawFn,
    actors: st.SearchStrategy[int],
    option: SetOption,
    argument: st.SearchStrategy[bytes],
    more: st.SearchStrategy[tuple[tuple[Blob, ...], tuple[Patch, ...]]] | None = None,
) -> Set:
    others, patches = draw(more) if more is not None else ((), ())
    blob = draw(argument)
    length, blobs = _odd(draw, len(blob), (blob, *others))
    level = draw(st.sampled_from([27, 27, 27, 0, 255]))
    return Set(draw(actors), draw(_sockets), option, length, blobs, patches, level)


@st.composite
def _get(
    draw: st.DrawFn,
    actors: st.SearchStrategy[int],
    options: st.SearchStrategy[int],
    argument: st.SearchStrategy[bytes],
) -> Get:
    option, blob = draw(options), draw(argument)
    size = abi.GET_SIZES[GetOption(option)] if option in GetOption.__members__.values() else 4
    length, blobs = _odd(draw, size, (blob,))
    none = length == 4096 and draw(st.booleans())
    # A buffer is as long as it has to be: only pointers may be bad, for what lies beyond is the program's own.
    whole = blobs[0] if isinstance(blobs[0], Pointer) else blob
    return Get(draw(actors), draw(_sockets), option, None if none else length, whole)


def _packed(layout: Callable[..., bytes], *parts: st.SearchStrategy[int]) -> st.SearchStrategy[bytes]:
    return st.tuples(*parts).map(lambda values: layout(*values))


@st.composite
def _filter(draw: st.DrawFn, actors: st.SearchStrategy[int]) -> Set:
    code = draw(st.sampled_from([*filters.VALID, *filters.INVALID, b""]))
    length = draw(st.sampled_from([len(code) // 8] * 4 + [0, len(code) // 8 + 1, 4097]))
    target = draw(st.sampled_from([1, 1, 1, 1, 1, None]))
    blob = abi.FPROG.pack(draw(_gids), length, 0)
    size, blobs = _odd(draw, len(blob), (blob, code))
    return Set(draw(actors), draw(_sockets), SetOption.FPROG, size, blobs, (Patch(0, abi.FPROG.size - 8, target),))


@st.composite
def _program(draw: st.DrawFn, actors: st.SearchStrategy[int]) -> Set:
    count = draw(st.sampled_from([1, 1, 1, 1, 2, 3, 0]))
    body, symbols, patches = b"", [], [Patch(0, abi.COMPUTATION.size - 8, 1)]
    for number in range(count):
        follower = draw(st.sampled_from([-1, number + 1, number + 1, count, number, 2**40]))
        arguments = [0] * 24
        if draw(st.integers(0, 7)) == 0:
            arguments[draw(st.integers(0, 23))] = draw(st.sampled_from([1, 4, -1 & 7]))
        body += abi.FUNCTION.pack(0, *arguments, follower)
        name = draw(
            st.sampled_from([*programs.STEERING, *programs.STEERING, *programs.PLAIN, "nonsense", "", "x" * 300])
        )
        symbols.append(name.encode() + b"\0")
        target = draw(st.sampled_from([2 + number] * 9 + [None]))
        patches.append(Patch(1, abi.PROGRAM_HEAD.size + number * abi.FUNCTION.size, target))
    size = draw(st.sampled_from([count] * 8 + [count + 1, 2**60, 2**64 - 1]))
    program = abi.PROGRAM_HEAD.pack(size, draw(st.sampled_from([0] * 9 + [count, 2**63]))) + body
    blob = abi.COMPUTATION.pack(draw(_gids), 0)
    length, blobs = _odd(draw, len(blob), (blob, program, *symbols))
    return Set(draw(actors), draw(_sockets), SetOption.FUNCTION, length, blobs, tuple(patches))


def singles(devices: Sequence[int], actors: st.SearchStrategy[int] = _actors) -> st.SearchStrategy[Single]:
    """Return a strategy for one operation on its own."""
    ifindexes = st.sampled_from([*devices, *devices, -1, 0, 9999, -2])
    binding = _packed(abi.BINDING.pack, _gids, ifindexes, _queues)

    def simple(name: str, *numbers: st.SearchStrategy[int]) -> st.SearchStrategy[Single]:
        return st.builds(lambda actor, values: Simple(actor, name, tuple(values)), actors, st.tuples(*numbers))

    def option(which: SetOption, argument: st.SearchStrategy[bytes]) -> st.SearchStrategy[Single]:
        return _set(actors, which, argument)

    integer = _packed(abi.INT.pack, _integers)
    join = _get(actors, st.just(GetOption.JOIN), _packed(abi.JOIN.pack, _gids, _policies, _classes))
    enable = option(SetOption.ENABLE, _packed(abi.ENABLE.pack, *([st.sampled_from([0] * 9 + [4096, 2 << 20])] * 3)))
    kinds: list[st.SearchStrategy[Single]] = [
        simple("open", _sockets, st.sampled_from([3] * 9 + [1, 2, 5]), st.sampled_from([768] * 9 + [0, 3, 8])),
        simple("close", _sockets),
        join, join, join,
        enable, enable,
        option(SetOption.BIND, binding),
        option(SetOption.UNBIND, binding),
        option(SetOption.LEAVE, _packed(abi.INT.pack, _gids)),
        option(SetOption.RX_LEN, _packed(abi.SIZE.pack, _lengths)),
        option(SetOption.RX_SLOTS, _packed(abi.SIZE.pack, _slots)),
        option(SetOption.TX_LEN, _packed(abi.SIZE.pack, _lengths)),
        option(SetOption.TX_SLOTS, _packed(abi.SIZE.pack, _slots)),
        option(SetOption.WEIGHT, integer),
        option(SetOption.RX_TSTAMP, integer),
        option(SetOption.DISABLE, _bytes),
        _filter(actors), _program(actors), _program(actors),
        option(SetOption.VLAN_TOGGLE, _packed(abi.VLAN.pack, _gids, _integers, st.sampled_from([0, 1, 1, -1]))),
        option(SetOption.VLAN_FILTER, _packed(abi.VLAN.pack, _gids, _vids, _integers)),
        option(SetOption.EGRESS_BIND, binding),
        option(SetOption.EGRESS_UNBIND, _bytes),
        option(SetOption.TX_BIND, _packed(abi.BINDING.pack, st.sampled_from([-1, -1, 0, -2]), ifindexes, _queues)),
        option(SetOption.TX_UNBIND, _bytes),
        option(SetOption.TX_XMIT, integer),
        _get(actors, st.sampled_from([*GetOption]), st.just(b"")),
        _get(actors, st.sampled_from([GetOption.GROUPS, GetOption.SHMEM_SIZE, GetOption.STATUS]), st.just(b"")),
        _get(actors, st.sampled_from([5, 9, 27, 34, 64, 255, -1, 2**31 - 1]), st.just(b"")),
        _get(actors, st.just(GetOption.ID), _versions.map(abi.INT.pack)),
        _get(actors, st.just(GetOption.GROUP_STATS), _packed(abi.SIZE.pack, _group_words)),
        _get(actors, st.just(GetOption.GROUP_COUNTERS), _packed(abi.SIZE.pack, st.sampled_from([0, 1, 2, 64]))),
        simple("poll", _sockets),
        simple("ioctl", _sockets, st.sampled_from([abi.QIOCTX, abi.QIOCTX, 0x5199]), st.sampled_from([0, 0, 1])),
    ]  # fmt: skip
    return st.one_of(kinds)


def _others(devices: Sequence[int]) -> st.SearchStrategy[Operation]:
    """Return a strategy for what only one thread may do: descriptors that move, memory, processes."""
    whole = st.sampled_from([2 << 20, 2 << 20, 4 << 20, 4096, 8 << 20, 0, 1 << 30])
    offsets = st.sampled_from([0, 0, 0, 4096, 1 << 30, 1])

    def simple(
        name: str, *numbers: st.SearchStrategy[int], words: Sequence[str] = ("",)
    ) -> st.SearchStrategy[Operation]:
        return st.builds(
            lambda actor, values, word: Simple(actor, name, tuple(values), word),
            _actors,
            st.tuples(*numbers),
            st.sampled_from(words),
        )

    at = st.sampled_from([0, 0, 0, 4, 8, 128, 256, 512, 2048, 2076, 4096, 2 << 20])
    memory = simple("mmap", _sockets, _maps, whole, offsets, st.just(3), st.just(1))
    together = st.integers(0, ACTORS - 1).flatmap(
        lambda actor: st.builds(
            Together, st.just(actor), st.lists(singles(devices, st.just(actor)), min_size=2, max_size=3).map(tuple)
        )
    )
    return st.one_of(
        memory, memory, memory,
        simple("munmap", _maps),
        simple("peek", _maps, at, st.sampled_from([4, 64, 256])),
        simple("poke", _maps, at, words=("00", "01000000", "ffffffffffffffff", "0000000000000000")),
        simple("dup", _sockets, _sockets),
        simple("take", _sockets, st.integers(0, ACTORS - 1), _sockets),
        simple("call", _sockets, words=REFUSED),
        simple("fork", st.integers(0, ACTORS - 1)),
        simple("fork", st.integers(0, ACTORS - 1)),
        simple("kill"),
        simple("nocap"),
        simple("netns"),
        together, together,
    )  # fmt: skip


def sequences(devices: Sequence[int], longest: int = 12) -> st.SearchStrategy[list[Operation]]:
    """Return a strategy for sequences. They begin with sockets and a second process, so that little of them is idle.

    They are made of pieces, as many as `longest`: a plain list of operations would be short nearly always.
    """
    single = singles(devices)
    piece = st.lists(st.one_of(single, single, single, single, _others(devices)), max_size=8)
    begun = [
        Simple(0, "open", (0, abi.RAW, abi.ALL_PROTOCOLS)),
        Simple(0, "open", (1, abi.RAW, abi.ALL_PROTOCOLS)),
        Simple(0, "fork", (1,)),
    ]
    return st.lists(piece, max_size=longest).map(lambda pieces: [*begun, *(each for part in pieces for each in part)])
