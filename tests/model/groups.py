# SPDX-License-Identifier: GPL-2.0-or-later
"""Groups of a network namespace: how they come to life, who is in them, when they are gone."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.model import policies
from tests.model.abi import MAX_GROUPS, Policy


@dataclass(slots=True)
class Group:
    """A group that is enabled. Members are sockets by serial number; `owner` fixed the policy, in `process`."""

    policy: Policy = Policy.UNDEFINED
    owner: int = -1
    process: int = -1
    members: dict[int, int] = field(default_factory=dict)
    vlan_filters: bool = False


@dataclass(slots=True)
class Groups:
    """The groups of a namespace by number."""

    enabled: dict[int, Group] = field(default_factory=dict)

    def lowest_free(self) -> int | None:
        """Return the number that a program gets which does not care."""
        return next((gid for gid in range(MAX_GROUPS) if gid not in self.enabled), None)

    def admits(self, gid: int, socket: int, process: int, asked: Policy) -> bool:
        """Tell whether a socket may join."""
        group = self.enabled.get(gid)
        if group is None:
            return True
        same = group.process == process
        return policies.may_join(group.policy, asked, owner=group.owner == socket, same_process=same)

    def readable(self, gid: int, socket: int, process: int) -> bool:
        """Tell whether a socket may read the counters; of a group that is not enabled anybody may."""
        group = self.enabled.get(gid)
        if group is None:
            return True
        return policies.may_read(group.policy, owner=group.owner == socket, same_process=group.process == process)

    def join(self, gid: int, socket: int, process: int, asked: Policy, classes: int) -> None:
        """Let a socket in. Whoever asks for no policy enables the group, and is no member."""
        group = self.enabled.setdefault(gid, Group())
        if asked is Policy.UNDEFINED:
            return
        if group.policy is Policy.UNDEFINED:
            group.policy, group.owner, group.process = asked, socket, process
        group.members[socket] = group.members.get(socket, 0) | classes

    def joined(self, gid: int, socket: int) -> Group | None:
        """Return the group if the socket is a member of it."""
        group = self.enabled.get(gid)
        return group if group is not None and socket in group.members else None

    def leave(self, gid: int, socket: int) -> None:
        """Take a socket out; the last one takes the group with it."""
        if (group := self.joined(gid, socket)) is not None:
            del group.members[socket]
            if not group.members:
                del self.enabled[gid]

    def leave_all(self, socket: int) -> None:
        """Take a socket out of all groups."""
        for gid in list(self.enabled):
            self.leave(gid, socket)

    def empty(self) -> Iterator[int]:
        """Yield the groups that nobody is a member of."""
        yield from (gid for gid, group in self.enabled.items() if not group.members)

    def free_empty(self) -> None:
        """Free the groups without a member, as every close does."""
        for gid in list(self.empty()):
            del self.enabled[gid]

    def mask(self, socket: int) -> int:
        """Return the groups of a socket, one bit each."""
        return sum(1 << gid for gid, group in self.enabled.items() if socket in group.members)
