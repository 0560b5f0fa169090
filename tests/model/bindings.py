# SPDX-License-Identifier: GPL-2.0-or-later
"""Binding groups to devices and queues, sockets to devices for egress and for transmission."""

import errno
from collections.abc import Set

from tests.model.abi import ANY, MAX_ASYNC_QUEUES
from tests.model.expected import Expected, fails, succeeds
from tests.model.features import Feature

MAX_QUEUES = 256
THREADS = 0
"""Tx threads: module parameter tx_cpu, none by default."""


def _or_missing(expected: Expected, feature: Feature, missing: Set[Feature]) -> Expected:
    return expected | errno.EOPNOTSUPP if feature in missing and expected.results else expected


def bind(member: bool, ifindex: int, queue: int, devices: Set[int], missing: Set[Feature]) -> Expected:
    """Return what binding a group answers: a device, or all of them; a queue, or all of them."""
    if not member:
        return fails(errno.EACCES)
    if ifindex == ANY:
        # Not there: said in the words of PFQ 6.2, which never had it.
        return succeeds() | errno.EACCES if Feature.ANY_DEVICE in missing or queue < ANY else succeeds()
    if ifindex not in devices:
        return fails(errno.EACCES)
    if not ANY <= queue < MAX_QUEUES:
        return succeeds() | errno.EACCES  # PFQ 6.2 takes the lowest eight bits
    return succeeds()


def unbind(member: bool) -> Expected:
    """Return what unbinding a group answers: nothing has to be bound."""
    return succeeds() if member else fails(errno.EACCES)


def egress(ifindex: int, queue: int, devices: Set[int], missing: Set[Feature]) -> Expected:
    """Return what making a socket an endpoint of a device answers."""
    if ifindex not in devices or queue < ANY:
        return fails(errno.EPERM)
    return _or_missing(succeeds(), Feature.EGRESS, missing)


def transmit(
    thread: int, ifindex: int, queue: int, asynchronous: int, devices: Set[int], missing: Set[Feature]
) -> Expected:
    """Return what binding for transmission answers, to a socket that has so many asynchronous queues already."""
    if thread < ANY or queue < ANY or (ifindex != ANY and ifindex not in devices):
        return fails(errno.EPERM)
    if thread != ANY and asynchronous >= MAX_ASYNC_QUEUES:
        return fails(errno.EPERM)
    if thread >= THREADS and thread != ANY:
        return fails(errno.ESRCH)
    return _or_missing(succeeds(), Feature.TRANSMIT, missing)
