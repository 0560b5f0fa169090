# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs of a group: which descriptors are right, as far as one function goes."""

import errno
from collections.abc import Sequence, Set

from tests.model.abi import COMPUTATION, FUNCTION, PROGRAM_HEAD
from tests.model.expected import Expected, fails, succeeds
from tests.model.features import Feature
from tests.model.memory import Blob, Patch, Pointer

STEERING = ("steer_flow", "steer_link", "steer_p2p", "steer_rrobin", "steer_rss")
"""What a core without the language takes already."""
PLAIN = ("unit", "ip", "udp", "tcp", "icmp", "flow", "vlan", "drop", "broadcast", "kernel", "no_frag", "steer_vlan")
"""Other functions that need no argument."""
_MAX_NODES = 1024


def load(member: bool, blobs: Sequence[Blob], patches: Sequence[Patch], missing: Set[Feature]) -> Expected:
    """Return what giving a group a program answers."""
    if not member:
        return fails(errno.EACCES)
    program = target(blobs, patches, 0, COMPUTATION.size - 8)
    expected = _check(program, blobs, patches)
    if expected is not None:
        return expected | errno.EOPNOTSUPP if missing & {Feature.FUNCTIONS, Feature.LANGUAGE} else expected
    assert isinstance(program, bytes)
    symbols = _symbols(program, blobs, patches)
    if len(symbols) == 1 and symbols[0] in STEERING:
        return succeeds() | errno.EOPNOTSUPP if Feature.FUNCTIONS in missing else succeeds()
    if Feature.LANGUAGE in missing:
        return fails(errno.EOPNOTSUPP, errno.EFAULT, errno.EPERM)
    return succeeds()


def _check(program: Blob, blobs: Sequence[Blob], patches: Sequence[Patch]) -> Expected | None:
    """Return how a program that is wrong is refused; None if it is right."""
    if isinstance(program, Pointer) or len(program) < PROGRAM_HEAD.size:
        return fails(errno.EFAULT)
    size, entry = PROGRAM_HEAD.unpack_from(program)
    if size > _MAX_NODES or PROGRAM_HEAD.size + size * FUNCTION.size > len(program):
        return fails(errno.EFAULT, errno.ENOMEM, errno.EINVAL, errno.E2BIG)
    if entry >= size:
        return fails(errno.EFAULT)
    for number in range(size):
        fields = FUNCTION.unpack_from(program, PROGRAM_HEAD.size + number * FUNCTION.size)
        *arguments, follower = fields[1:]
        # None of the functions known here has an argument, and none may lead back.
        if any(arguments) or 0 <= follower <= number:
            return fails(errno.EFAULT)
    if any(symbol not in STEERING + PLAIN for symbol in _symbols(program, blobs, patches)):
        return fails(errno.EFAULT)
    return None


def _symbols(program: bytes, blobs: Sequence[Blob], patches: Sequence[Patch]) -> list[str]:
    (size, _) = PROGRAM_HEAD.unpack_from(program)
    where = next(index for index, blob in enumerate(blobs) if blob is program)
    found = []
    for number in range(size):
        symbol = target(blobs, patches, where, PROGRAM_HEAD.size + number * FUNCTION.size)
        whole = isinstance(symbol, bytes) and b"\0" in symbol
        found.append(symbol.split(b"\0")[0].decode("latin1") if whole and isinstance(symbol, bytes) else "")
    return found


def target(blobs: Sequence[Blob], patches: Sequence[Patch], blob: int, offset: int) -> Blob:
    """Return what a pointer in a blob leads to; one that was not put there by a patch leads nowhere."""
    for patch in reversed(patches):
        if (patch.blob, patch.offset) == (blob, offset):
            return Pointer.BAD if patch.target is None else blobs[patch.target]
    return Pointer.NULL
