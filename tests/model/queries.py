# SPDX-License-Identifier: GPL-2.0-or-later
"""Getting options, and what is in disguise among them: joining a group."""

import errno
from collections.abc import Callable

from tests.model import abi, sizes
from tests.model.abi import GetOption, Policy
from tests.model.expected import Expected, fails, succeeds
from tests.model.memory import Blob
from tests.model.sockets import Socket


def getsockopt(socket: Socket, process: int, option: int, length: int | None, blob: Blob) -> Expected:
    """Return what a getsockopt must answer; a length of None is a bad pointer to the length."""
    if length is None:
        return fails(errno.EFAULT)
    known = GetOption(option) if option in GetOption.__members__.values() else None
    if length < 0:
        return fails(errno.EINVAL) if known is not None else fails(errno.EINVAL, errno.EFAULT)
    if known is None:
        return fails(errno.EFAULT)
    if length != abi.GET_SIZES[known]:
        return fails(errno.EINVAL)
    if known in _PLAIN:
        data = _PLAIN[known](socket)
        return fails(errno.EFAULT) if not isinstance(blob, bytes) else succeeds(data=data)
    if not isinstance(blob, bytes):
        return fails(errno.EFAULT)
    return _ARGUED[known](socket, process, blob.ljust(length, b"\0")[:length])


def _integer(name: str) -> Callable[[Socket], bytes]:
    return lambda socket: abi.INT.pack(getattr(socket, name))


def _size(value: Callable[[Socket], int]) -> Callable[[Socket], bytes]:
    return lambda socket: abi.SIZE.pack(value(socket))


_PLAIN: dict[GetOption, Callable[[Socket], bytes]] = {
    GetOption.STATUS: lambda socket: abi.INT.pack(socket.memory is not None),
    GetOption.STATS: lambda _: bytes(abi.STATS.size),
    GetOption.SHMEM_SIZE: _size(Socket.shared_size),
    GetOption.RX_TSTAMP: _integer("tstamp"),
    GetOption.RX_SLOT_SIZE: _size(lambda socket: sizes.slot(socket.rx_len)),
    GetOption.RX_SLOTS: _size(lambda socket: socket.rx_slots),
    GetOption.TX_SLOT_SIZE: _size(lambda socket: sizes.slot(socket.tx_len)),
    GetOption.TX_SLOTS: _size(lambda socket: socket.tx_slots),
    GetOption.GROUPS: _size(lambda socket: socket.space.groups.mask(socket.serial)),
    GetOption.WEIGHT: _integer("weight"),
}


def _join(socket: Socket, process: int, argument: bytes) -> Expected:
    gid, policy, classes = abi.JOIN.unpack(argument)
    groups = socket.space.groups
    if not classes:
        return fails(errno.EINVAL)
    if policy not in Policy.__members__.values():
        # Nothing is said of policies that do not exist; to take them would be strange.
        return fails(errno.EINVAL, errno.EFAULT, errno.EACCES)
    number = groups.lowest_free() if gid == abi.ANY else gid
    if number is None or not 0 <= number < abi.MAX_GROUPS:
        return fails(errno.EFAULT)
    asked = Policy(policy)
    if not groups.admits(number, socket.serial, process, asked):
        return fails(errno.EACCES)
    taken = number
    return succeeds(
        lambda: groups.join(taken, socket.serial, process, asked, classes),
        data=abi.JOIN.pack(taken, policy, classes),
    )


def _id(socket: Socket, process: int, argument: bytes) -> Expected:
    del process
    (version,) = abi.INT.unpack(argument)
    return succeeds(data=abi.INT.pack(socket.number)) if version == abi.VERSION else fails(errno.EPERM)


def _group_stats(socket: Socket, process: int, argument: bytes) -> Expected:
    gid = abi.STATS.unpack(argument)[0]
    groups = socket.space.groups
    if gid >= abi.MAX_GROUPS:
        return fails(errno.EFAULT)
    if gid not in groups.enabled or not groups.readable(gid, socket.serial, process):
        return fails(errno.EACCES)
    return succeeds(data=bytes(abi.STATS.size))


def _group_counters(socket: Socket, process: int, argument: bytes) -> Expected:
    gid = abi.COUNTERS.unpack(argument)[0]
    if gid >= abi.MAX_GROUPS:
        return fails(errno.EFAULT)
    if not socket.space.groups.readable(gid, socket.serial, process):
        return fails(errno.EACCES)
    return succeeds(data=bytes(abi.COUNTERS.size))


_ARGUED: dict[GetOption, Callable[[Socket, int, bytes], Expected]] = {
    GetOption.JOIN: _join,
    GetOption.ID: _id,
    GetOption.GROUP_STATS: _group_stats,
    GetOption.GROUP_COUNTERS: _group_counters,
}
