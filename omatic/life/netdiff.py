# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares two pictures of the network and says what must be done to make the first one true again.

Pure. Devices that have to be renamed, made or enslaved come first and alone: what follows needs their numbers, so
whoever executes a plan takes a new picture and asks again until there is nothing left to do.
"""

import ipaddress
import struct
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from omatic.life import ethtool, netlink, netstate
from omatic.life.netlink import ADDRESS, APPEND, CREATE, EXCLUSIVE, LINK, NEIGHBOUR, QDISC, REPLACE, ROUTE, RULE, SET
from omatic.life.netstate import Link, Snapshot

_FLAGS = {netstate.UP: "up", netstate.PROMISCUOUS: "promisc", netstate.ALL_MULTICAST: "allmulti",
          netstate.MULTICAST: "multicast", 0x80: "noarp"}  # fmt: skip
_NO_KEYS = ("macsec",)
"""Kinds whose settings (keys) the kernel does not tell."""

_DATA = {"macvlan": (1, 2, 7, 9), "macvtap": (1, 2, 7, 9), "ipvlan": (1, 2), "ipvtap": (1, 2)}
"""Of these kinds the kernel tells more than it takes: the attributes that can be given."""

_KERNELS_OWN = 2
"""RTPROT_KERNEL: routes that come and go with addresses."""


class Kind(Enum):
    """What an action is: a message to the kernel, an ethtool setting, or the content of a file."""

    MESSAGE = "message"
    ETHTOOL = "ethtool"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do: in words, for which device, and what exactly.

    `target` is the kind of message, the name of the ethtool setting or the path of the file; `value` the message's
    body or the setting in hexadecimal, or the file's new content.
    """

    kind: Kind
    text: str
    device: str
    target: str
    value: str
    flags: int = 0


def plan(before: Snapshot, now: Snapshot, refused: Container[str] = ()) -> tuple[Action, ...]:
    """Return what to do next so that everything in `before` is there again; empty when it is.

    Actions whose words are in `refused` have failed before; they are left out and keep nothing else from being done.
    """
    for stage in (_renames, _creations, _memberships, _settings_and_messages):
        if found := tuple(action for action in stage(before, now) if action.text not in refused):
            return found
    return ()


def lost(before: Snapshot, now: Snapshot) -> tuple[str, ...]:
    """Return, in words, what cannot be restored at all: ports that did not come back, devices we cannot make."""
    present = {link.identity for link in now.links}
    return tuple(
        f"{link.name}: the port at {link.bus} did not come back"
        if link.bus
        else f"{link.name} ({link.kind}): the kernel does not tell its keys, so it must be set up again"
        for link in before.links
        if link.identity not in present and (link.bus or link.kind in _NO_KEYS)
    )


# --- devices

_NAME, _MASTER, _LOWER, _MTU, _MAC, _QUEUE_LENGTH, _INFO, _ALIAS, _GROUP = 3, 10, 5, 4, 1, 13, 18, 20, 27
_INFO_KIND, _INFO_DATA, _SLAVE_KIND, _SLAVE_DATA = 1, 2, 4, 5


def _link_message(index: int, attributes: netlink.Attributes, *, flags: int = 0, change: int = 0) -> str:
    return (struct.pack("=BxHiII", 0, 0, index, flags, change) + netlink.pack(attributes)).hex()


def _set(link: Link, text: str, attributes: netlink.Attributes) -> Action:
    return Action(Kind.MESSAGE, f"{link.name}: {text}", link.name, str(SET), _link_message(link.index, attributes))


def _flagged(link: Link, flags: int, change: int) -> Action:
    words = ", ".join(f"{word} {'on' if flags & bit else 'off'}" for bit, word in _FLAGS.items() if change & bit)
    body = _link_message(link.index, [], flags=flags, change=change)
    return Action(Kind.MESSAGE, f"{link.name}: {words}", link.name, str(SET), body)


def _both(before: Snapshot, now: Snapshot) -> Iterator[tuple[Link, Link]]:
    present = {link.identity: link for link in now.links}
    for link in before.links:
        if link.identity in present:
            yield link, present[link.identity]


def _down(link: Link) -> Iterator[Action]:
    if link.flags & netstate.UP:
        yield _flagged(link, 0, netstate.UP)


def _renames(before: Snapshot, now: Snapshot) -> Iterator[Action]:
    wrong = [(was, found) for was, found in _both(before, now) if was.name != found.name]
    taken = set(now.names.values())
    for number, (was, found) in enumerate(wrong):
        yield from _down(found)
        # Names that are taken, most likely by another port that has come back in another order, are vacated first.
        name = f"pfq-swap{number}" if was.name in taken else was.name
        yield _set(found, f"named {name}", [(_NAME, name.encode() + b"\0")])


def _creations(before: Snapshot, now: Snapshot) -> Iterator[Action]:
    numbers = {name: index for index, name in now.names.items()}
    for link in before.links:
        if link.bus or link.name in numbers or link.lower not in numbers or link.kind in _NO_KEYS:
            continue
        below = before.link(link.lower)
        info = [(_INFO_KIND, link.kind.encode() + b"\0")]
        if data := _data(link, numbers[link.lower]):
            info.append((_INFO_DATA, data))
        attributes = [
            (_NAME, link.name.encode() + b"\0"),
            (_LOWER, netlink.u32(numbers[link.lower])),
            (_INFO, netlink.pack(info)),
        ]
        if link.mac and (below is None or below.mac != link.mac):
            attributes.append((_MAC, _bytes(link.mac)))
        # With its old number, sockets that are bound to the device go on.
        index = 0 if link.index in now.names else link.index
        text = f"{link.name}: made again ({link.kind} on {link.lower})"
        body = _link_message(index, attributes)
        yield Action(Kind.MESSAGE, text, link.name, str(LINK), body, CREATE | EXCLUSIVE)


def _data(link: Link, lower: int) -> bytes:
    items = netlink.attributes(bytes.fromhex(link.data))
    if link.kind == "vlan":
        items = [(kind, _flags_taken(value) if kind == _VLAN_FLAGS else value) for kind, value in items]
    if link.kind == "vxlan":
        items = [(kind, netlink.u32(lower) if kind == netstate.VXLAN_LOWER else value) for kind, value in items]
    return netlink.pack(item for item in items if item[0] in _DATA.get(link.kind, (item[0],)))


_VLAN_FLAGS, _REORDER_HEADER = 2, 1


def _flags_taken(value: bytes) -> bytes:
    # The kernel tells a mask of all bits and takes one of known bits: those that are on, and the one on by default.
    flags = netlink.number(value[:4])
    return struct.pack("=II", flags, flags | _REORDER_HEADER)


def _memberships(before: Snapshot, now: Snapshot) -> Iterator[Action]:
    numbers = {name: index for index, name in now.names.items()}
    for was, found in _both(before, now):
        if was.master and found.master != was.master and was.master in numbers:
            # A bond takes no member that is up.
            yield from _down(found)
            yield _set(found, f"member of {was.master}", [(_MASTER, netlink.u32(numbers[was.master]))])


# --- settings of devices


def _settings_and_messages(before: Snapshot, now: Snapshot) -> Iterator[Action]:
    yield from _settings(before, now)
    yield from _messages(before, now)


def _settings(before: Snapshot, now: Snapshot) -> Iterator[Action]:
    for was, found in _both(before, now):
        for name in ethtool.differences(was.ethtool, found.ethtool):
            yield Action(Kind.ETHTOOL, f"{was.name}: {name}", was.name, name, was.ethtool[name])
        up = found.flags & netstate.UP
        if was.mac != found.mac and was.mac:
            yield from _down(found)
            up = 0
            yield _set(found, f"MAC address {was.mac}", [(_MAC, _bytes(was.mac))])
        for text, attribute, kept, present in (
            (f"MTU {was.mtu}", _MTU, was.mtu, found.mtu),
            (f"queue length {was.queue_length}", _QUEUE_LENGTH, was.queue_length, found.queue_length),
            (f"group {was.group}", _GROUP, was.group, found.group),
        ):
            if kept != present:
                yield _set(found, text, [(attribute, netlink.u32(kept))])
        if was.alias != found.alias:
            yield _set(found, f"alias {was.alias!r}", [(_ALIAS, was.alias.encode() + b"\0")])
        yield from _member_settings(was, found)
        for path, value in was.files.items():
            if found.files.get(path) != value:
                target = path.format(found.name)
                yield Action(Kind.FILE, f"{target} = {value}", was.name, target, value)
        mask = sum(_FLAGS)
        if change := ((found.flags & ~netstate.UP | up) ^ was.flags) & mask:
            yield _flagged(found, was.flags & mask, change)
        if was.qdisc and _qdisc(was.qdisc, 0) != (_qdisc(found.qdisc, 0) if found.qdisc else b""):
            body = _qdisc(was.qdisc, found.index).hex()
            yield Action(Kind.MESSAGE, f"{was.name}: queueing discipline", was.name, str(QDISC), body, CREATE | REPLACE)


def _member_settings(was: Link, found: Link) -> Iterator[Action]:
    # What a bridge or bond knows about this member. Bonds take only the number of the queue and the priority.
    if not was.slave_data or was.slave_kind != found.slave_kind or was.master != found.master:
        return
    settable = _BOND_MEMBER if was.slave_kind == "bond" else _BRIDGE_PORT if was.slave_kind == "bridge" else ()
    kept = [item for item in netlink.attributes(bytes.fromhex(was.slave_data)) if item[0] in settable]
    present = dict(netlink.attributes(bytes.fromhex(found.slave_data)))
    changed = [(kind, value) for kind, value in kept if present.get(kind) != value]
    if changed:
        info = [(_SLAVE_KIND, was.slave_kind.encode() + b"\0"), (_SLAVE_DATA, netlink.pack(changed))]
        # RTM_SETLINK would ignore them.
        body = _link_message(found.index, [(_INFO, netlink.pack(info))])
        text = f"{found.name}: settings as a member of {was.master}"
        yield Action(Kind.MESSAGE, text, found.name, str(LINK), body)


_BOND_MEMBER = (5, 9)
# IFLA_BRPORT_...: everything but states, identifiers and timers.
_BRIDGE_PORT = (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 25, 27, 28, 29, 30, 31, 32, 33, 39)


def _qdisc(kept: str, index: int) -> bytes:
    body = bytes.fromhex(kept)
    items = [item for item in netlink.attributes(body[20:]) if item[0] in (1, 2)]
    return body[:4] + struct.pack("=i", index) + body[8:16] + bytes(4) + netlink.pack(items)


def _bytes(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


# --- addresses, neighbours, rules, routes

_OBSERVED = {ADDRESS: (6,), NEIGHBOUR: (3, 4, 9), ROUTE: (12, 23), RULE: ()}
"""Attributes that are observations (lifetimes, use counts), or are told in another way than they are given."""


def _messages(before: Snapshot, now: Snapshot) -> Iterator[Action]:
    numbers = {name: index for index, name in now.names.items()}
    old = {name: index for index, name in before.names.items()}
    elapsed = int(now.taken - before.taken)

    def _then(index: int) -> int:
        return old.get(now.names.get(index, ""), -index)

    for kind, kept, present in (
        (ADDRESS, before.addresses, now.addresses),
        (NEIGHBOUR, before.neighbours, now.neighbours),
        (RULE, before.rules, now.rules),
        (ROUTE, before.routes, now.routes),
    ):
        there = {_essence(kind, netlink.reindex(kind, bytes.fromhex(body), _then)) for body in present}
        keys = {_route_key(bytes.fromhex(body)) for body in present} if kind == ROUTE else set()
        for body in map(bytes.fromhex, kept):
            if kind == ROUTE and body[5] == _KERNELS_OWN:
                continue
            if _essence(kind, netlink.reindex(kind, body, lambda index: index)) in there:
                continue
            if _whereabouts(kind, body, before.names) - numbers.keys():
                continue
            again = netlink.reindex(kind, body, lambda index: numbers[before.names[index]])
            # Of a route with several hops the kernel keeps those whose device stayed.
            replaced = kind == ROUTE and _route_key(body) in keys
            mode = CREATE | (REPLACE if replaced or kind != ROUTE else APPEND)
            text, device = describe(kind, body, before.names)
            value = _aged(kind, again, body, elapsed).hex()
            yield Action(Kind.MESSAGE, text, device, str(kind), value, mode)


def _whereabouts(kind: int, body: bytes, names: Mapping[int, str]) -> set[str]:
    if kind == RULE:
        return set()
    indexes = netlink.devices(body) if kind == ROUTE else {netlink.device(body)}
    return {names.get(index, "") for index in indexes}


def _essence(kind: int, body: bytes) -> object:
    # What makes two messages the same setting.
    size = netlink.HEADERS[kind]
    items = {each: value for each, value in netlink.attributes(body[size:]) if each not in _OBSERVED[kind]}
    if kind == ADDRESS:
        return body[0], body[1], body[4:8], items.get(1), items.get(2)
    if kind == NEIGHBOUR:
        return body[0], body[4:8], body[8:10], body[10] & 0x08, tuple(sorted(items.items()))
    # The flags of a rule say whether the devices that it names are there.
    return body[: 8 if kind == RULE else size], tuple(sorted(items.items()))


def _route_key(body: bytes) -> object:
    items = dict(netlink.attributes(body[12:]))
    return body[0], body[1], body[3], items.get(1), items.get(6), items.get(15, body[4:5])


def _aged(kind: int, message: bytes, original: bytes, elapsed: int) -> bytes:
    # The message as it is given to the kernel: observations left out, lifetimes shortened by what has passed.
    size = netlink.HEADERS[kind]
    head, items = message[:size], netlink.attributes(message[size:])
    kept = dict(netlink.attributes(original[size:]))
    given = [item for item in items if item[0] not in _OBSERVED[kind]]
    if kind == ADDRESS and 6 in kept:
        given.append((6, _lifetimes(kept[6], elapsed)))
    if kind == ROUTE and len(kept.get(12, b"")) >= 12 and (ticks := struct.unpack_from("=i", kept[12], 8)[0]) > 0:
        given.append((23, netlink.u32(max(1, ticks // _TICKS - elapsed))))
    if kind == NEIGHBOUR and 9 in kept:
        head = head[:10] + bytes((head[10] | _ASK_MASTER,)) + head[11:]
    if kind == RULE:
        head = head[:8] + bytes(4)
    return head + netlink.pack(given)


_TICKS = 100
"""USER_HZ: the unit in which the kernel tells when a route ends; it takes seconds."""

_ASK_MASTER = 0x04
_FOREVER = 0xFFFFFFFF


def _lifetimes(info: bytes, elapsed: int) -> bytes:
    preferred, valid = struct.unpack_from("=II", info)
    valid = valid if valid == _FOREVER else max(1, valid - elapsed)
    preferred = preferred if preferred == _FOREVER else max(0, preferred - elapsed)
    return struct.pack("=IIII", min(preferred, valid), valid, 0, 0)


def describe(kind: int, body: bytes, names: Mapping[int, str]) -> tuple[str, str]:
    """Return a message in words, and the name of the device it is about ("" for a rule)."""
    items = dict(netlink.attributes(body[netlink.HEADERS[kind] :]))
    if kind == RULE:
        priority = netlink.number(items.get(6, b""))
        return f"rule with priority {priority}", ""
    if kind == ROUTE:
        device = ", ".join(sorted(names.get(index, f"#{index}") for index in netlink.devices(body)))
        target = f"{_address(items[1])}/{body[1]}" if 1 in items else "default"
        table = netlink.number(items.get(15, body[4:5]))
        via = f" via {_address(items[5])}" if 5 in items else ""
        return f"{device}: route {target}{via}" + (f" table {table}" if table != 254 else ""), device
    device = names.get(netlink.device(body), "")
    if kind == ADDRESS:
        return f"{device}: address {_address(items.get(2) or items.get(1, b''))}/{body[1]}", device
    return f"{device}: neighbour {_address(items.get(1, b'') or items.get(2, b''))}", device


def _address(value: bytes) -> str:
    return str(ipaddress.ip_address(value)) if len(value) in (4, 16) else value.hex(":")
