# SPDX-License-Identifier: GPL-2.0-or-later
"""Group policies: who may join, and who may read the counters."""

from tests.model.abi import Policy


def may_join(policy: Policy, asked: Policy, *, owner: bool, same_process: bool) -> bool:
    """Tell whether a socket may join a group of some policy. `owner`: it is the one that fixed the policy;
    `same_process`: the caller is the process that did."""
    match policy:
        case Policy.UNDEFINED:
            return True
        case Policy.PRIVATE:
            return owner
        case Policy.RESTRICTED:
            return asked is Policy.RESTRICTED and same_process
        case Policy.SHARED:
            return asked is Policy.SHARED


def may_read(policy: Policy, *, owner: bool, same_process: bool) -> bool:
    """Tell whether a socket may read the counters of a group of some policy."""
    match policy:
        case Policy.PRIVATE:
            return owner
        case Policy.RESTRICTED:
            return same_process
        case _:
            return True
