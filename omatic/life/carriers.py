# SPDX-License-Identifier: GPL-2.0-or-later
"""Which ports carry what must not be cut: remote sessions, default routes, file systems over the network.

From an address or a route down to the hardware: through bonds, bridges, VLANs, macvlans, veth pairs and tunnels. Where
the way down cannot be seen (a tunnel run by a program, a device whose other end is in another network namespace) the
answer is "unknown", which callers have to count as carried by every driver.
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omatic.life import netstate
from omatic.stock import module_name

_SESSION_SERVERS = ("sshd", "dropbear", "in.telnetd", "mosh-server")
_NETWORK_FILE_SYSTEMS = ("nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "9p")
_TUNNELS = ("gre", "gretap", "ip6gre", "ip6gretap", "ipip", "sit", "ip6tnl", "vti", "vti6", "vxlan", "geneve", "xfrm")
_BLIND = ("tun", "wireguard", "ovpn", "openvswitch", "amt", "bareudp", "gtp", "l2tp", "ppp")
"""Kinds whose way out only a program knows."""

_REMOTE_KEYS = re.compile(r"IFLA_\w+_(?:REMOTE6?|GROUP6?)$")


@dataclass(frozen=True, slots=True)
class Device:
    """A network device: what it is made of (`below`, names), where it tunnels to, or the driver of its hardware.

    `blind` says that its way to the hardware cannot be seen from here.
    """

    name: str
    kind: str = ""
    driver: str = ""
    below: tuple[str, ...] = ()
    remote: str = ""
    blind: bool = False


@dataclass(frozen=True, slots=True)
class Carrier:
    """A way from something that must not be cut to a port: devices from top to bottom, and the port's driver.

    `driver` is "" where the way could not be followed to its end.
    """

    what: str
    path: tuple[str, ...]
    driver: str

    def __str__(self) -> str:
        end = self.driver or "unknown"
        return f"{self.what}: {' > '.join(self.path)} ({end})"


Topology = Mapping[str, Device]
Lookup = Callable[[str], str]
"""Says through which device an address is reached; "" if none."""


def descend(topology: Topology, name: str, lookup: Lookup) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each way from a device down to hardware, with its driver; "" where it ends in the dark."""

    def _down(name: str, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
        path = (*above, name)
        device = topology.get(name)
        if device is None or name in above:
            return
        if device.driver:
            yield path, device.driver
        elif device.blind:
            yield path, ""
        elif device.remote:
            yield from _down(lookup(device.remote), path)
        else:
            for below in device.below:
                yield from _down(below, path)

    yield from _down(name, ())


def find(environment: Mapping[str, str] | None = None) -> tuple[Carrier, ...]:
    """Return everything that is carried by this machine's ports, and by which."""
    # Here, because it takes longer to load than everything else together.
    from pyroute2 import IPRoute

    with IPRoute() as kernel:
        topology, holders = _topology(kernel)

        def _lookup(address: str) -> str:
            return _route_to(kernel, address, {device.name for device in topology.values()})

        found: dict[tuple[str, tuple[str, ...]], Carrier] = {}
        for what, devices in (*_sessions(environment, holders, _lookup), *_defaults(kernel), *_mounts(_lookup)):
            for device in devices:
                for path, driver in descend(topology, device, _lookup):
                    found[what, path] = Carrier(what, path, driver)
    return tuple(found.values())


def carried_by(carriers: Iterable[Carrier], driver: str, ports: Iterable[str]) -> tuple[Carrier, ...]:
    """Return those that would be cut if this driver went, and with it these ports."""
    names = set(ports)
    return tuple(each for each in carriers if not each.driver or each.driver == driver or names & set(each.path))


# --- what there is


def _topology(kernel: Any) -> tuple[dict[str, Device], dict[str, str]]:
    links = {link["index"]: link for link in kernel.get_links()}
    names = {index: str(link.get_attr("IFLA_IFNAME")) for index, link in links.items()}
    members: dict[int, list[str]] = {}
    for index, link in links.items():
        if master := link.get_attr("IFLA_MASTER"):
            members.setdefault(master, []).append(names[index])
    devices = {names[index]: _device(index, link, links, names, members) for index, link in links.items()}
    holders: dict[str, str] = {}
    for address in kernel.get_addr():
        for key in ("IFA_LOCAL", "IFA_ADDRESS"):
            if held := address.get_attr(key):
                holders.setdefault(str(held), names.get(address["index"], ""))
    return devices, holders


def _device(index: int, link: Any, links: Mapping[int, Any], names: Mapping[int, str], members: Any) -> Device:
    name = names[index]
    kind, data = _info(link)
    if driver := hardware(name):
        return Device(name, kind, driver)
    if kind in _BLIND:
        return Device(name, kind, blind=True)
    below = members.get(index, [])
    lower = link.get_attr("IFLA_LINK")
    elsewhere = link.get_attr("IFLA_LINK_NETNSID") is not None
    if kind in _TUNNELS and (remote := _remote(data)):
        return Device(name, kind, remote=remote)
    if elsewhere:
        return Device(name, kind, blind=True)
    if kind == "veth" and lower in links:
        # What leaves through one end arrives at the other, and goes on through what that is a member of.
        master = links[lower].get_attr("IFLA_MASTER")
        others = [other for other in members.get(master, []) if other != names[lower]]
        return Device(name, kind, below=tuple(others))
    if lower in names and lower != index:
        below = [*below, names[lower]]
    return Device(name, kind, below=tuple(below), blind=kind in _TUNNELS and not below)


def _info(link: Any) -> tuple[str, Any]:
    info = link.get_attr("IFLA_LINKINFO")
    if info is None:
        return "", None
    return str(info.get_attr("IFLA_INFO_KIND") or ""), info.get_attr("IFLA_INFO_DATA")


def _remote(data: Any) -> str:
    if not hasattr(data, "get"):
        return ""
    for name, value in data.get("attrs", ()):
        if _REMOTE_KEYS.match(name) and str(value) not in ("0.0.0.0", "::", ""):
            return str(value)
    return ""


def hardware(name: str) -> str:
    """Return the module that drives a device's hardware; "" if it has none."""
    try:
        return module_name((netstate.SYS / name / "device/driver/module").resolve(strict=True).name)
    except OSError:
        # A driver that is part of the kernel image has no module, but its device is hardware.
        return "(built in)" if (netstate.SYS / name / "device").exists() else ""


def _route_to(kernel: Any, address: str, known: set[str]) -> str:
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        answer = list(kernel.route("get", dst=address.partition("%")[0]))
        index = answer[0].get_attr("RTA_OIF")
        name = str(next(iter(kernel.get_links(index))).get_attr("IFLA_IFNAME"))
    except (NetlinkError, OSError, ValueError, IndexError, StopIteration):
        return ""
    return name if name in known else ""


# --- what must not be cut

Use = tuple[str, list[str]]


def _sessions(environment: Mapping[str, str] | None, holders: Mapping[str, str], lookup: Lookup) -> Iterator[Use]:
    for peer, local in sorted({*_from_environment(environment), *_from_servers()}):
        devices = {holders.get(local, ""), lookup(peer)} - {""}
        yield f"the session from {peer}", sorted(devices)


def _from_environment(environment: Mapping[str, str] | None) -> Iterator[tuple[str, str]]:
    # sudo and su drop the variable; the shell that they were started from has it.
    for variables in (os.environ if environment is None else environment, *_ancestors()):
        words = variables.get("SSH_CONNECTION", "").split()
        if len(words) == 4:
            yield words[0], words[2]
        elif client := variables.get("SSH_CLIENT", "").split():
            yield client[0], ""


def _ancestors() -> Iterator[dict[str, str]]:
    pid = os.getppid()
    while pid > 1:
        try:
            raw = Path(f"/proc/{pid}/environ").read_bytes()
            pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, ValueError):
            return
        pairs = (entry.decode(errors="replace").partition("=") for entry in raw.split(b"\0"))
        yield {key: value for key, _, value in pairs}


def _from_servers() -> Iterator[tuple[str, str]]:
    # Sessions inside tmux or screen have lost their ancestors, and other people are logged in, too.
    inodes = set()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and (entry / "comm").read_text().startswith(_SESSION_SERVERS):
                targets = [str(fd.readlink()) for fd in (entry / "fd").iterdir()]
                inodes |= {match[1] for target in targets if (match := _SOCKET.match(target))}
    for table in ("tcp", "tcp6", "udp", "udp6"):
        with contextlib.suppress(OSError):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                words = line.split()
                if words[9] in inodes and words[3] == _ESTABLISHED:
                    yield _address(words[2]), _address(words[1])


_SOCKET = re.compile(r"socket:\[(\d+)\]")
_ESTABLISHED = "01"


def _address(text: str) -> str:
    # /proc/net has words of 32 bits as the processor keeps them; an IPv4 connection may be in the table for IPv6.
    import ipaddress
    import sys

    raw = bytes.fromhex(text.partition(":")[0])
    if sys.byteorder == "little":
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    address = ipaddress.ip_address(raw)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


_UNICAST = 1


def _defaults(kernel: Any) -> Iterator[Use]:
    names = {link["index"]: str(link.get_attr("IFLA_IFNAME")) for link in kernel.get_links()}
    for family, called in ((2, "IPv4"), (10, "IPv6")):
        for route in kernel.get_routes(family=family):
            # A kernel without IPv6 answers with its IPv4 routes.
            if route["family"] != family or route["dst_len"] or route["type"] != _UNICAST:
                continue
            hops = route.get_attr("RTA_MULTIPATH") or ()
            indexes = [route.get_attr("RTA_OIF"), *(hop["oif"] for hop in hops)]
            table = route.get_attr("RTA_TABLE") or route["table"]
            where = "" if table == 254 else f" of table {table}"
            yield f"the {called} default route{where}", [names[index] for index in indexes if index in names]


def _mounts(lookup: Lookup) -> Iterator[Use]:
    for line in Path("/proc/mounts").read_text().splitlines():
        source, where, kind, options, *_ = line.split()
        if kind.startswith(_NETWORK_FILE_SYSTEMS) and (server := _server(source, options)):
            yield f"the file system {where}", [device for device in (lookup(server),) if device]
    for entry in Path("/sys/class/iscsi_connection").glob("*/address"):
        with contextlib.suppress(OSError):
            yield "an iSCSI disk", [device for device in (lookup(entry.read_text().strip()),) if device]


def _server(source: str, options: str) -> str:
    # The kernel has resolved the name: addr=192.0.2.1. Otherwise the source is SERVER:PATH or //SERVER/SHARE.
    if found := re.search(r"(?:^|,)addr=([^,]+)", options):
        return found[1]
    found = re.match(r"\[([0-9a-fA-F:]+)\]:|(?://)?([0-9.]+)[:/]", source)
    return found[1] or found[2] if found else ""
