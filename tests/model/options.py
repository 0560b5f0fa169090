# SPDX-License-Identifier: GPL-2.0-or-later
"""Setting options: lengths, pointers, values, and what they change."""

import errno
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

from tests.model import abi, bindings, filters, programs, sizes
from tests.model.abi import SetOption
from tests.model.expected import ANYTHING, Expected, fails, succeeds
from tests.model.features import Feature
from tests.model.memory import Blob, Patch
from tests.model.sockets import Socket

SURE_TO_FIT = 64 << 20
"""A guest always has memory of this size for a socket."""


@dataclass(frozen=True, slots=True)
class Call:
    """One setsockopt: the socket, the process that calls, and the argument."""

    socket: Socket
    argument: bytes
    blobs: Sequence[Blob]
    patches: Sequence[Patch]
    missing: Set[Feature]

    def member(self, gid: int) -> bool:
        """Tell whether the socket is in a group."""
        return self.socket.space.groups.joined(gid, self.socket.serial) is not None


def setsockopt(
    socket: Socket, option: int, length: int, blobs: Sequence[Blob], patches: Sequence[Patch], missing: Set[Feature]
) -> Expected:
    """Return what a setsockopt must answer."""
    if length < 0:
        return fails(errno.EINVAL)
    if option not in SetOption.__members__.values():
        return ANYTHING  # the socket layer's own options
    known = SetOption(option)
    if known is SetOption.TX_XMIT and socket.memory is None:
        return fails(errno.EPERM)
    argument = b""
    if known in abi.SET_SIZES:
        if length != abi.SET_SIZES[known]:
            return fails(errno.EINVAL)
        if not isinstance(blobs[0], bytes) or len(blobs[0]) < length:
            return fails(errno.EFAULT)
        argument = blobs[0][:length]
    return _HANDLERS[known](Call(socket, argument, blobs, patches, missing))


def _disable(call: Call) -> Expected:
    return succeeds(call.socket.disable)


def _enable(call: Call) -> Expected:
    socket = call.socket
    if socket.memory is not None:
        return succeeds()
    _, _, huge = abi.ENABLE.unpack(call.argument)
    if huge:
        # The addresses that sequences give lead nowhere.
        known = fails(errno.EFAULT, errno.ENOMEM, errno.EINVAL)
        return known | errno.EOPNOTSUPP if Feature.HUGE_PAGES in call.missing else known
    expected = succeeds(socket.enable)
    return expected if socket.shared_size() <= SURE_TO_FIT else expected | errno.ENOMEM


def _tstamp(call: Call) -> Expected:
    (value,) = abi.INT.unpack(call.argument)
    return succeeds(lambda: setattr(call.socket, "tstamp", int(value != 0)))


def _length(name: str) -> Callable[[Call], Expected]:
    def _set(call: Call) -> Expected:
        (value,) = abi.SIZE.unpack(call.argument)
        if sizes.slot(value) > sizes.MAX_SLOT or call.socket.memory is not None:
            return fails(errno.EPERM)
        return succeeds(lambda: setattr(call.socket, name, value))

    return _set


def _slots(name: str) -> Callable[[Call], Expected]:
    def _set(call: Call) -> Expected:
        (value,) = abi.SIZE.unpack(call.argument)
        if value > abi.MAX_SLOTS or call.socket.memory is not None:
            return fails(errno.EPERM)
        return succeeds(lambda: setattr(call.socket, name, value))

    return _set


def _weight(call: Call) -> Expected:
    (value,) = abi.INT.unpack(call.argument)
    if not 1 <= value <= abi.MAX_WEIGHT:
        return fails(errno.EPERM)
    return succeeds(lambda: setattr(call.socket, "weight", value))


def _bind(call: Call) -> Expected:
    gid, ifindex, queue = abi.BINDING.unpack(call.argument)
    return bindings.bind(call.member(gid), ifindex, queue, call.socket.space.devices, call.missing)


def _unbind(call: Call) -> Expected:
    gid, _, _ = abi.BINDING.unpack(call.argument)
    return bindings.unbind(call.member(gid))


def _leave(call: Call) -> Expected:
    (gid,) = abi.INT.unpack(call.argument)
    if not 0 <= gid < abi.MAX_GROUPS:
        return fails(errno.EFAULT)
    return succeeds(lambda: call.socket.space.groups.leave(gid, call.socket.serial))


def _fprog(call: Call) -> Expected:
    gid, length, pointer = abi.FPROG.unpack(call.argument)
    code = programs.target(call.blobs, call.patches, 0, abi.FPROG.size - 8)
    del pointer
    return filters.attach(call.member(gid), length, code, call.missing)


def _vlan_toggle(call: Call) -> Expected:
    gid, _, on = abi.VLAN.unpack(call.argument)
    expected = filters.vlan_toggle(call.member(gid), on, call.missing)

    def _switch() -> None:
        if (group := call.socket.space.groups.joined(gid, call.socket.serial)) is not None:
            group.vlan_filters = bool(on)

    return Expected(expected.errnos, expected.results, apply=_switch)


def _vlan_filter(call: Call) -> Expected:
    gid, vid, _ = abi.VLAN.unpack(call.argument)
    group = call.socket.space.groups.joined(gid, call.socket.serial)
    return filters.vlan_set(group is not None, group is not None and group.vlan_filters, vid)


def _function(call: Call) -> Expected:
    gid, _ = abi.COMPUTATION.unpack(call.argument)
    return programs.load(call.member(gid), call.blobs, call.patches, call.missing)


def _egress(call: Call) -> Expected:
    _, ifindex, queue = abi.BINDING.unpack(call.argument)
    return bindings.egress(ifindex, queue, call.socket.space.devices, call.missing)


def _egress_unbind(call: Call) -> Expected:
    del call
    return succeeds()


def _tx_bind(call: Call) -> Expected:
    thread, ifindex, queue = abi.BINDING.unpack(call.argument)
    socket = call.socket
    return bindings.transmit(thread, ifindex, queue, socket.asynchronous, socket.space.devices, call.missing)


def _tx_unbind(call: Call) -> Expected:
    return succeeds(lambda: setattr(call.socket, "asynchronous", 0))


def _tx_xmit(call: Call) -> Expected:
    (queue,) = abi.INT.unpack(call.argument)
    return fails(errno.EPERM) if queue else succeeds()


_HANDLERS: dict[SetOption, Callable[[Call], Expected]] = {
    SetOption.DISABLE: _disable,
    SetOption.ENABLE: _enable,
    SetOption.RX_TSTAMP: _tstamp,
    SetOption.RX_LEN: _length("rx_len"),
    SetOption.RX_SLOTS: _slots("rx_slots"),
    SetOption.TX_LEN: _length("tx_len"),
    SetOption.TX_SLOTS: _slots("tx_slots"),
    SetOption.WEIGHT: _weight,
    SetOption.BIND: _bind,
    SetOption.UNBIND: _unbind,
    SetOption.LEAVE: _leave,
    SetOption.FPROG: _fprog,
    SetOption.VLAN_TOGGLE: _vlan_toggle,
    SetOption.VLAN_FILTER: _vlan_filter,
    SetOption.FUNCTION: _function,
    SetOption.EGRESS_BIND: _egress,
    SetOption.EGRESS_UNBIND: _egress_unbind,
    SetOption.TX_BIND: _tx_bind,
    SetOption.TX_UNBIND: _tx_unbind,
    SetOption.TX_XMIT: _tx_xmit,
}
