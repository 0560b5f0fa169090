# SPDX-License-Identifier: GPL-2.0-or-later
"""Filters of a group: classic BPF and VLAN tags."""

import errno
import struct
from collections.abc import Set

from tests.model.expected import Expected, fails, succeeds
from tests.model.features import Feature
from tests.model.memory import Blob, Pointer

_MAX_INSTRUCTIONS = 4096


def _program(*instructions: tuple[int, int, int, int]) -> bytes:
    return b"".join(struct.pack("<HBBI", *each) for each in instructions)


VALID = (
    _program((0x06, 0, 0, 0)),  # ret #0
    _program((0x06, 0, 0, 0xFFFF)),  # ret #65535
    _program((0x28, 0, 0, 12), (0x15, 0, 1, 0x0800), (0x06, 0, 0, 0xFFFF), (0x06, 0, 0, 0)),
    _program((0x80, 0, 0, 0), (0x16, 0, 0, 0)),  # ld len; ret a
)
INVALID = (
    _program((0x28, 0, 0, 12)),  # does not end in ret
    _program((0x15, 5, 0, 0), (0x06, 0, 0, 0)),  # jumps out
    _program((0x34, 0, 0, 0), (0x06, 0, 0, 0)),  # divides by 0
    _program((0x60, 0, 0, 99), (0x06, 0, 0, 0)),  # no such scratch word
    _program((0xFFFF, 0, 0, 0), (0x06, 0, 0, 0)),  # no such instruction
)


def attach(member: bool, length: int, code: Blob, missing: Set[Feature]) -> Expected:
    """Return what setting a group's filter answers; `code` is what its pointer leads to."""
    if not member or length == 0:
        return succeeds()
    size = 8 * length
    if code is Pointer.NULL or code is Pointer.BAD or len(code) < size:
        expected = fails(errno.EINVAL, errno.EFAULT)
    elif length > _MAX_INSTRUCTIONS or code[:size] in INVALID:
        expected = fails(errno.EINVAL)
    elif code[:size] in VALID:
        expected = succeeds()
    else:
        expected = succeeds() | errno.EINVAL
    return expected | errno.EOPNOTSUPP if Feature.FILTERS in missing else expected


def vlan_toggle(member: bool, on: int, missing: Set[Feature]) -> Expected:
    """Return what switching a group's VLAN filters answers."""
    if not member:
        return fails(errno.EACCES)
    return succeeds() | errno.EOPNOTSUPP if on and Feature.VLAN in missing else succeeds()


def vlan_set(member: bool, enabled: bool, vid: int) -> Expected:
    """Return what letting a tag through, or not, answers."""
    if not member:
        return fails(errno.EACCES)
    if not -1 <= vid <= 4094:
        return fails(errno.EINVAL)
    return succeeds() if enabled else fails(errno.EPERM)
