# SPDX-License-Identifier: GPL-2.0-or-later
"""What a machine's network looks like around some ports: all that would be lost if their driver went.

Ports are known by where they sit in the machine (their path in sysfs), never by name, because a driver that comes
back may find other names. Everything stacked on a port belongs to the picture: VLANs and macvlans vanish with it,
bonds and bridges lose a member. Reads only; `netdiff` compares two pictures, `netapply` makes one true again.
"""

import contextlib
import os
import struct
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omatic.life import netlink
from omatic.life.ethtool import Ethtool
from omatic.life.netlink import ADDRESS, NEIGHBOUR, QDISC, ROUTE, RULE, Netlink

SYS = Path("/sys/class/net")
UP, RUNNING, PROMISCUOUS, ALL_MULTICAST, MULTICAST = 0x1, 0x40, 0x100, 0x200, 0x1000
LOWER_UP = 0x10000

# IFLA_...
_MAC, _NAME, _MTU, _LOWER, _MASTER, _QUEUE_LENGTH = 1, 3, 4, 5, 10, 13
_INFO, _ALIAS, _GROUP, _LOWER_NAMESPACE = 18, 20, 27, 37
_INFO_KIND, _INFO_DATA, _SLAVE_KIND, _SLAVE_DATA = 1, 2, 4, 5
VXLAN_LOWER = 3

STACKED = ("vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "vxlan", "macsec", "hsr", "rmnet", "ipoib")
"""Kinds of devices that vanish with the device they stand on."""

_TREES = (
    "/proc/sys/net/ipv4/conf/{}", "/proc/sys/net/ipv6/conf/{}", "/proc/sys/net/ipv4/neigh/{}",
    "/proc/sys/net/ipv6/neigh/{}", "/proc/sys/net/mpls/conf/{}",
)  # fmt: skip
_FILES = ("gro_flush_timeout", "napi_defer_hard_irqs", "threaded", "proto_down")
_QUEUE_FILES = ("rx-*/rps_cpus", "rx-*/rps_flow_cnt", "tx-*/xps_cpus", "tx-*/xps_rxqs", "tx-*/tx_maxrate")
_PERMANENT, _STATIC, _PROXY = 0x80, 0x40, 0x08
_BRIDGE, _MPLS_OR_MULTICAST = 7, (28, 128, 129)
_CLONED = 0x200
_ROOT = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Link:
    """A device: a port (`bus` says where it sits) or something stacked on one (`kind` says what).

    `lower` and `master` are names. `data` and `slave_data` are the kind's own settings as the kernel words them, in
    hexadecimal, and so is `qdisc`, which is empty unless somebody has chosen one. `files` are settings in /proc and
    /sys by path, with {} for the name.
    """

    index: int
    name: str
    kind: str
    bus: str
    flags: int
    mac: str
    mtu: int
    queue_length: int
    alias: str
    group: int
    lower: str
    master: str
    data: str
    slave_kind: str
    slave_data: str
    qdisc: str
    files: Mapping[str, str]
    ethtool: Mapping[str, str]

    @property
    def identity(self) -> str:
        """What it is known by: where it sits, or else its name."""
        return self.bus or self.name


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The picture: links (what is below comes first), and messages about them in hexadecimal.

    `names` has the name of every device by number, because messages have numbers. `taken` is a time on the clock that
    also runs while the machine sleeps.
    """

    links: tuple[Link, ...]
    addresses: tuple[str, ...]
    neighbours: tuple[str, ...]
    rules: tuple[str, ...]
    routes: tuple[str, ...]
    names: Mapping[int, str]
    taken: float

    @property
    def ports(self) -> tuple[Link, ...]:
        """The ports among the links."""
        return tuple(link for link in self.links if link.bus)

    def link(self, name: str) -> Link | None:
        """Return the link of that name, if it is in the picture."""
        return next((link for link in self.links if link.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return asdict(self)

    @staticmethod
    def from_json(kept: Mapping[str, Any]) -> "Snapshot":
        """Return what `to_json` made, after a detour through JSON."""
        messages = {name: tuple(kept[name]) for name in ("addresses", "neighbours", "rules", "routes")}
        names = {int(index): name for index, name in kept["names"].items()}
        return Snapshot(tuple(Link(**link) for link in kept["links"]), names=names, taken=kept["taken"], **messages)


def place(name: str) -> str:
    """Return where a device sits in the machine, with the number of the port on its card; "" for virtual ones."""
    device = SYS / name / "device"
    if not device.exists():
        return ""
    number = 0
    with contextlib.suppress(OSError, ValueError):
        number = int((SYS / name / "dev_port").read_text())
    return f"{device.resolve()}#{number}"


def take(ports: Iterable[str]) -> Snapshot:
    """Take the picture around the ports of these names; names that are not there are left out."""
    with Netlink() as kernel, contextlib.closing(Ethtool()) as tool:
        raw = {netlink.device(body): _parsed(body) for body in kernel.dump(netlink.LINK, bytes(16))}
        names = {index: netlink.text(found[_NAME]) for index, found in raw.items()}
        wanted = set(ports)
        chosen = affected({index for index, name in names.items() if name in wanted}, raw)
        qdiscs = _chosen_qdiscs(kernel)
        links = tuple(_link(index, raw[index], names, qdiscs, tool) for index in chosen)
        around = set(chosen)
        return Snapshot(
            links,
            tuple(b.hex() for b in kernel.dump(ADDRESS, bytes(8)) if netlink.device(b) in around),
            tuple(b.hex() for b in _neighbours(kernel) if netlink.device(b) in around),
            tuple(b.hex() for b in kernel.dump(RULE, bytes(12))),
            tuple(b.hex() for b in kernel.dump(ROUTE, bytes(12)) if netlink.devices(b) & around and _kept(b)),
            names,
            time.clock_gettime(time.CLOCK_BOOTTIME),
        )


def _kept(route: bytes) -> bool:
    # Cached ones are the kernel's own business, and so are the routes of multicast routing and MPLS.
    flags: int = struct.unpack_from("=I", route, 8)[0]
    return not flags & _CLONED and route[0] not in _MPLS_OR_MULTICAST


def _parsed(body: bytes) -> dict[int, bytes]:
    return {**dict(netlink.attributes(body[16:])), -1: body[:16]}


def _info(found: Mapping[int, bytes]) -> dict[int, bytes]:
    return dict(netlink.attributes(found.get(_INFO, b"")))


def _kind(found: Mapping[int, bytes]) -> str:
    return netlink.text(_info(found).get(_INFO_KIND, b""))


def _lower(found: Mapping[int, bytes]) -> int:
    # The number of the device that this one stands on; 0 for none, or one in another network namespace.
    if _kind(found) not in STACKED or _LOWER_NAMESPACE in found:
        return 0
    if _kind(found) == "vxlan":
        data = dict(netlink.attributes(_info(found).get(_INFO_DATA, b"")))
        return netlink.number(data.get(VXLAN_LOWER, b""))
    return netlink.number(found.get(_LOWER, b""))


def affected(ports: Iterable[int], raw: Mapping[int, Mapping[int, bytes]]) -> list[int]:
    """Return the numbers of the ports and of all that is stacked on them, what is below first."""
    order: dict[int, None] = {}

    def _visit(index: int) -> None:
        uppers = {other for other, found in raw.items() if _lower(found) == index}
        master = netlink.number(raw[index].get(_MASTER, b""))
        for upper in sorted(uppers | ({master} & raw.keys())):
            _visit(upper)
        # Whatever stands on it is in the list already, so this comes before all of them in the end.
        order.setdefault(index)

    for index in sorted(ports, reverse=True):
        _visit(index)
    return list(reversed(order))


def _chosen_qdiscs(kernel: Netlink) -> dict[int, bytes]:
    # Root queueing disciplines that somebody has chosen; the kernel's own have no handle.
    found = {}
    for body in kernel.dump(QDISC, bytes(20)):
        handle, parent = struct.unpack_from("=II", body, 8)
        if parent == _ROOT and handle:
            found[netlink.device(body)] = body
    return found


def _neighbours(kernel: Netlink) -> list[bytes]:
    def _state(body: bytes) -> tuple[int, int]:
        state, flags = struct.unpack_from("=HB", body, 8)
        return state, flags

    proxies = kernel.dump(NEIGHBOUR, bytes(10) + bytes((_PROXY, 0)))
    return [
        body
        for body in (
            *kernel.dump(NEIGHBOUR, bytes(12)),
            *kernel.dump(NEIGHBOUR, bytes((_BRIDGE,)) + bytes(11)),
            *proxies,
        )
        if (_state(body)[0] & (_STATIC if body[0] == _BRIDGE else _PERMANENT)) or _state(body)[1] & _PROXY
    ]


def _link(
    index: int, found: Mapping[int, bytes], names: Mapping[int, str], qdiscs: Mapping[int, bytes], tool: Ethtool
) -> Link:
    name = names[index]
    info = _info(found)
    kind = netlink.text(info.get(_INFO_KIND, b""))
    bus = place(name)
    return Link(
        index=index,
        name=name,
        kind=kind,
        bus=bus,
        flags=struct.unpack_from("=I", found[-1], 8)[0],
        mac=found.get(_MAC, b"").hex(":"),
        mtu=netlink.number(found[_MTU]),
        queue_length=netlink.number(found.get(_QUEUE_LENGTH, b"")),
        alias=netlink.text(found.get(_ALIAS, b"")),
        group=netlink.number(found.get(_GROUP, b"")),
        lower=names.get(_lower(found), ""),
        master=names.get(netlink.number(found.get(_MASTER, b"")), ""),
        data=info.get(_INFO_DATA, b"").hex(),
        slave_kind=netlink.text(info.get(_SLAVE_KIND, b"")),
        slave_data=info.get(_SLAVE_DATA, b"").hex(),
        qdisc=qdiscs[index].hex() if index in qdiscs else "",
        files=_settings(name),
        ethtool=tool.read(name) if bus else {},
    )


def _settings(name: str) -> dict[str, str]:
    # What cannot be read (a secret, a driver without the feature) is not a setting of this device.
    paths = [path for tree in _TREES for path in _listed(Path(tree.format(name)))]
    paths += [SYS / name / file for file in _FILES]
    paths += [path for pattern in _QUEUE_FILES for path in (SYS / name / "queues").glob(pattern)]
    found = {}
    for path in paths:
        with contextlib.suppress(OSError):
            found[_template(path, name)] = path.read_text().strip()
    return found


def _listed(folder: Path) -> list[Path]:
    return [Path(entry.path) for entry in os.scandir(folder) if entry.is_file()] if folder.is_dir() else []


def _template(path: Path, name: str) -> str:
    return "/".join("{}" if part == name else part.replace("{", "{{").replace("}", "}}") for part in path.parts)[1:]
