# SPDX-License-Identifier: GPL-2.0-or-later
"""All processes, their descriptors and mappings, and the sockets behind them: what an operation must answer."""

import errno
from collections.abc import Callable, Set
from dataclasses import dataclass, field

from tests.model import abi, options, queries, sizes
from tests.model.expected import Answer, Expected, fails, succeeds
from tests.model.features import Feature
from tests.model.memory import Shared
from tests.model.operations import Get, Simple, Single
from tests.model.operations import Set as SetOperation
from tests.model.sockets import Namespace, Socket

REFUSED = ("bind", "connect", "listen", "accept", "shutdown", "getsockname", "send", "recv")
_SOCKET_TYPES = range(1, 11)


@dataclass(slots=True)
class Mapping:
    """A mapping of a process: it holds the socket, and the memory which that had then."""

    socket: Socket
    memory: Shared
    length: int


@dataclass(slots=True)
class Actor:
    """A process."""

    process: int
    space: Namespace
    capable: bool = True
    sockets: dict[int, Socket] = field(default_factory=dict)
    maps: dict[int, Mapping] = field(default_factory=dict)


class World:
    """Everything, at one moment."""

    def __init__(self, devices: Set[int], missing: Set[Feature]) -> None:
        self._missing = missing
        self._serial = 0
        self._processes = 1
        self.actors = {0: Actor(0, Namespace(frozenset(devices)))}

    def step(self, operation: Single, answer: Answer) -> str | None:
        """Do an operation that was answered so; return what the answer should have been if it is wrong."""
        actor = self.actors.get(operation.actor)
        if actor is None:
            return None if answer.absent else "absent"
        if answer.absent:
            return "an actor that is there"
        expected = self._expected(actor, operation)
        if not expected.admits(answer):
            return str(expected)
        if not answer.errno:
            expected.apply()
        if isinstance(operation, Get) and operation.length is not None and answer.length != operation.length:
            return f"a length that stays {operation.length}, and not {answer.length}"
        return None

    def empty_groups(self) -> bool:
        """Tell whether there is a group without a member."""
        return any(list(actor.space.groups.empty()) for actor in self.actors.values())

    def free_empty_groups(self) -> None:
        """Do what a close does with groups that have no member."""
        for actor in self.actors.values():
            for socket in actor.sockets.values():
                socket.space.groups.free_empty()
            actor.space.groups.free_empty()

    def _expected(self, actor: Actor, operation: Single) -> Expected:
        if isinstance(operation, Simple):
            return _SIMPLE[operation.name](self, actor, operation)
        socket = actor.sockets.get(operation.socket)
        if isinstance(operation, SetOperation):
            if socket is None:
                return fails(errno.EBADF) if operation.length >= 0 else fails(errno.EBADF, errno.EINVAL)
            return options.setsockopt(
                socket, operation.option, operation.length, operation.blobs, operation.patches, self._missing
            )
        if socket is None:
            return fails(errno.EBADF)
        return queries.getsockopt(socket, actor.process, operation.option, operation.length, operation.blob)

    # --- processes

    def _fork(self, actor: Actor, operation: Simple) -> Expected:
        (child,) = operation.numbers
        if child in self.actors:
            return fails(errno.EEXIST)

        def _apply() -> None:
            self.actors[child] = Actor(
                self._processes, actor.space, actor.capable, dict(actor.sockets), dict(actor.maps)
            )
            self._processes += 1
            for socket in actor.sockets.values():
                socket.holders += 1
            for mapping in actor.maps.values():
                mapping.socket.holders += 1

        return succeeds(_apply)

    def _kill(self, actor: Actor, operation: Simple) -> Expected:
        def _apply() -> None:
            del self.actors[operation.actor]
            for mapping in actor.maps.values():
                self._release(mapping.socket)
            for socket in actor.sockets.values():
                self._release(socket)

        return succeeds(_apply)

    def _nocap(self, actor: Actor, operation: Simple) -> Expected:
        del operation
        return succeeds(lambda: setattr(actor, "capable", False))

    def _netns(self, actor: Actor, operation: Simple) -> Expected:
        del operation
        return succeeds(lambda: setattr(actor, "space", Namespace(frozenset({1}))))

    # --- descriptors

    def _open(self, actor: Actor, operation: Simple) -> Expected:
        slot, kind, protocol = operation.numbers
        if not actor.capable:
            return fails(errno.EPERM)
        if kind != abi.RAW:
            return fails(errno.ESOCKTNOSUPPORT) if kind in _SOCKET_TYPES else fails(errno.EINVAL)
        if protocol != abi.ALL_PROTOCOLS:
            return fails(errno.EPROTONOSUPPORT)
        number = actor.space.lowest_free()
        if number is None:
            return fails(errno.EBUSY)
        free = number

        def _apply() -> None:
            self._serial += 1
            socket = Socket(self._serial, actor.space, free)
            actor.space.sockets[free] = socket
            self._keep(actor, slot, socket)

        return succeeds(_apply)

    def _close(self, actor: Actor, operation: Simple) -> Expected:
        (slot,) = operation.numbers
        if slot not in actor.sockets:
            return fails(errno.EBADF)
        return succeeds(lambda: self._release(actor.sockets.pop(slot)))

    def _dup(self, actor: Actor, operation: Simple) -> Expected:
        slot, other = operation.numbers
        return self._copy(actor, actor.sockets.get(slot), other)

    def _take(self, actor: Actor, operation: Simple) -> Expected:
        slot, whose, other = operation.numbers
        owner = self.actors.get(whose)
        if owner is None or slot not in owner.sockets:
            return fails(errno.EBADF, errno.EINVAL, errno.ESRCH, errno.EPERM)
        # An actor without the capability may not look into one that has it, unless it is root in all other ways.
        return self._copy(actor, owner.sockets[slot], other)

    def _copy(self, actor: Actor, socket: Socket | None, other: int) -> Expected:
        if socket is None:
            return fails(errno.EBADF)
        return succeeds(lambda: self._keep(actor, other, socket))

    def _keep(self, actor: Actor, slot: int, socket: Socket) -> None:
        # The new descriptor exists before the one in its place is closed.
        socket.holders += 1
        former = actor.sockets.get(slot)
        actor.sockets[slot] = socket
        if former is not None:
            self._release(former)

    def _release(self, socket: Socket) -> None:
        socket.holders -= 1
        if not socket.holders:
            socket.space.close(socket)

    # --- memory

    def _mmap(self, actor: Actor, operation: Simple) -> Expected:
        slot, place, length, offset, _, _ = operation.numbers
        socket = actor.sockets.get(slot)
        if length == 0 or offset % sizes.PAGE:
            return fails(errno.EINVAL) if socket else fails(errno.EINVAL, errno.EBADF)
        if socket is None:
            return fails(errno.EBADF)
        shared = socket.memory
        if shared is None or length > shared.size:
            return fails(errno.EINVAL)

        def _apply() -> None:
            socket.holders += 1
            former = actor.maps.get(place)
            actor.maps[place] = Mapping(socket, shared, length)
            if former is not None:
                self._release(former.socket)

        return succeeds(_apply)

    def _munmap(self, actor: Actor, operation: Simple) -> Expected:
        (place,) = operation.numbers
        if place not in actor.maps:
            return fails(errno.EINVAL)
        return succeeds(lambda: self._release(actor.maps.pop(place).socket))

    def _peek(self, actor: Actor, operation: Simple) -> Expected:
        place, offset, count = operation.numbers
        mapping = actor.maps.get(place)
        if mapping is None or offset + count > mapping.length:
            return fails(errno.EFAULT)
        return succeeds(data=mapping.memory.read(offset, count))

    def _poke(self, actor: Actor, operation: Simple) -> Expected:
        place, offset = operation.numbers
        data = bytes.fromhex(operation.word)
        mapping = actor.maps.get(place)
        if mapping is None or offset + len(data) > mapping.length:
            return fails(errno.EFAULT)
        shared = mapping.memory
        return succeeds(lambda: shared.write(offset, data))

    # --- calls

    def _poll(self, actor: Actor, operation: Simple) -> Expected:
        socket = actor.sockets.get(operation.numbers[0])
        if socket is None:
            return succeeds()  # poll skips a descriptor of -1
        return succeeds(result=abi.READABLE if socket.memory and socket.memory.readable() else 0)

    def _ioctl(self, actor: Actor, operation: Simple) -> Expected:
        slot, request, argument = operation.numbers
        socket = actor.sockets.get(slot)
        if socket is None:
            return fails(errno.EBADF)
        if request != abi.QIOCTX:
            return fails(errno.ENOTTY)
        if argument:
            return fails(errno.EINVAL) if socket.memory else fails(errno.EINVAL, errno.EPERM)
        return succeeds() if socket.memory else fails(errno.EPERM)

    def _call(self, actor: Actor, operation: Simple) -> Expected:
        return fails(errno.EOPNOTSUPP) if operation.numbers[0] in actor.sockets else fails(errno.EBADF)


_SIMPLE: dict[str, Callable[[World, Actor, Simple], Expected]] = {
    "fork": World._fork,
    "kill": World._kill,
    "nocap": World._nocap,
    "netns": World._netns,
    "open": World._open,
    "close": World._close,
    "dup": World._dup,
    "take": World._take,
    "mmap": World._mmap,
    "munmap": World._munmap,
    "peek": World._peek,
    "poke": World._poke,
    "poll": World._poll,
    "ioctl": World._ioctl,
    "call": World._call,
}
