# SPDX-License-Identifier: GPL-2.0-or-later
"""The network is kept and put back: plans on made-up pictures, and the real thing in a namespace."""

import dataclasses
import json
import re
import struct
from pathlib import Path

from omatic.life import netapply, netdiff, netlink, netstate
from omatic.life.netdiff import Kind
from omatic.life.netlink import ADDRESS, ROUTE
from omatic.life.netstate import Link, Snapshot
from tests.netns import inside, ip


def link(name: str, index: int, *, bus: str = "", **other: object) -> Link:
    """Return a link with nothing special about it."""
    plain = Link(
        index, name, "", bus, netstate.UP, "02:00:00:00:00:01", 1500, 1000, "", 0, "", "", "", "", "", "", {}, {}
    )
    return dataclasses.replace(plain, **other)  # type: ignore[arg-type]


def picture(
    *links: Link, addresses: tuple[str, ...] = (), routes: tuple[str, ...] = (), taken: float = 0.0
) -> Snapshot:
    """Return a picture with these links."""
    return Snapshot(links, addresses, (), (), routes, {each.index: each.name for each in links}, taken)


def texts(before: Snapshot, now: Snapshot) -> list[str]:
    """Return a plan in words."""
    return [action.text for action in netdiff.plan(before, now)]


def address(index: int, valid: int = 0xFFFFFFFF) -> str:
    """Return the message for 192.0.2.1/24 on a device."""
    items = [(1, bytes((192, 0, 2, 1))), (2, bytes((192, 0, 2, 1))), (6, struct.pack("=IIII", valid, valid, 5, 5))]
    return (struct.pack("=BBBBi", 2, 24, 0x80, 0, index) + netlink.pack(items)).hex()


def route(index: int, protocol: int = 3, flags: int = 0) -> str:
    """Return the message for a default route through a device."""
    head = struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, protocol, 0, 1, flags)
    return (head + netlink.pack([(5, bytes((192, 0, 2, 254))), (4, netlink.u32(index))])).hex()


def test_nothing_to_do() -> None:
    """The same picture needs nothing, and survives JSON."""
    whole = picture(link("eth0", 2, bus="a"), addresses=(address(2),), routes=(route(2),))
    assert texts(whole, whole) == []
    assert Snapshot.from_json(json.loads(json.dumps(whole.to_json()))) == whole


def test_ports_are_known_by_their_place() -> None:
    """Two ports that came back with each other's names get their own again, by way of names nobody has."""
    before = picture(link("eth0", 2, bus="a"), link("eth1", 3, bus="b"))
    swapped = picture(link("eth1", 5, bus="a", flags=0), link("eth0", 6, bus="b", flags=0))
    assert texts(before, swapped) == ["eth1: named pfq-swap0", "eth0: named pfq-swap1"]
    vacated = picture(link("pfq-swap0", 5, bus="a", flags=0), link("pfq-swap1", 6, bus="b", flags=0))
    assert texts(before, vacated) == ["pfq-swap0: named eth0", "pfq-swap1: named eth1"]
    renamed_up = picture(link("ens1", 5, bus="a"), link("eth1", 3, bus="b"))
    assert texts(before, renamed_up) == ["ens1: up off", "ens1: named eth0"]


def test_what_was_on_top_is_made_again_first() -> None:
    """With its old number, on the lower device's new one; addresses and the rest come in the next round."""
    vlan = link("v5", 7, kind="vlan", lower="eth0", data=netlink.pack([(1, b"\5\0")]).hex())
    before = picture(link("eth0", 2, bus="a"), vlan, addresses=(address(7),))
    now = picture(link("eth0", 9, bus="a"))
    (action,) = netdiff.plan(before, now)
    assert action.text == "v5: made again (vlan on eth0)"
    body = bytes.fromhex(action.value)
    assert struct.unpack_from("=i", body, 4)[0] == 7
    assert dict(netlink.attributes(body[16:]))[5] == netlink.u32(9)
    # Refused once, it keeps nothing else from being done.
    after = netdiff.plan(picture(link("eth0", 2, bus="a", mtu=1400), vlan), now, {action.text})
    assert [each.text for each in after] == ["eth0: MTU 1400"]


def test_members_go_down_before_a_bond_takes_them() -> None:
    """And nothing else happens in that round."""
    before = picture(link("eth0", 2, bus="a", master="bond0"), link("bond0", 4, kind="bond"), addresses=(address(4),))
    now = picture(link("eth0", 9, bus="a"), link("bond0", 4, kind="bond"))
    assert texts(before, now) == ["eth0: up off", "eth0: member of bond0"]


def test_numbers_are_translated_and_observations_left_out() -> None:
    """A route whose nexthop's carrier is gone is the same route; messages name the device's new number."""
    before = picture(
        link("eth0", 2, bus="a"), addresses=(address(2),), routes=(route(2, flags=16), route(2, protocol=2))
    )
    assert texts(before, picture(link("eth0", 9, bus="a"), addresses=(address(9, 50),), routes=(route(9),))) == []
    given, default = netdiff.plan(before, picture(link("eth0", 9, bus="a")))
    assert (given.text, default.text) == ("eth0: address 192.0.2.1/24", "eth0: route default via 192.0.2.254")
    assert netlink.device(bytes.fromhex(given.value)) == 9 and given.target == str(ADDRESS)
    assert netlink.devices(bytes.fromhex(default.value)) == {9} and default.target == str(ROUTE)


def test_lifetimes_go_on_while_the_driver_is_away() -> None:
    """What had 50 seconds left has 20 after 30 seconds; what is over is given its last second."""
    for left, expected in ((50, 20), (10, 1), (0xFFFFFFFF, 0xFFFFFFFF)):
        before = picture(link("eth0", 2, bus="a"), addresses=(address(2, left),))
        (action,) = netdiff.plan(before, picture(link("eth0", 2, bus="a"), taken=30.0))
        lifetimes = dict(netlink.attributes(bytes.fromhex(action.value)[8:]))[6]
        assert struct.unpack_from("=I", lifetimes, 4)[0] == expected


def test_settings_that_differ_are_put_back_and_no_others() -> None:
    """Files in /proc and /sys, ethtool settings, the device's own; up comes last."""
    rings = struct.pack("=9I", 0x10, 4096, 0, 0, 4096, 512, 0, 0, 256).hex()
    other = struct.pack("=9I", 0x10, 4096, 0, 0, 4096, 256, 0, 0, 256).hex()
    before = link("eth0", 2, bus="a", files={"/x/{}/rp_filter": "2", "/x/{}/tag": "0"}, ethtool={"rings": rings})
    now = link("eth0", 9, bus="a", flags=0, files={"/x/{}/rp_filter": "0", "/x/{}/tag": "0"}, ethtool={"rings": other})
    actions = netdiff.plan(picture(before), picture(now))
    assert [(each.kind, each.text) for each in actions] == [
        (Kind.ETHTOOL, "eth0: rings"),
        (Kind.FILE, "/x/eth0/rp_filter = 2"),
        (Kind.MESSAGE, "eth0: up on"),
    ]


def test_what_cannot_be_restored_is_told() -> None:
    """Ports that stay away, and devices whose keys nobody knows."""
    before = picture(link("eth0", 2, bus="a"), link("sec0", 5, kind="macsec", lower="eth0"))
    assert netdiff.lost(before, picture()) == (
        "eth0: the port at a did not come back",
        "sec0 (macsec): the kernel does not tell its keys, so it must be set up again",
    )


def test_what_is_stacked_comes_after_what_it_stands_on() -> None:
    """A VLAN on a bond of two ports: the bond after both, the VLAN after the bond."""

    def _raw(name: str, kind: str = "", **numbers: int) -> dict[int, bytes]:
        info = {18: netlink.pack([(1, kind.encode() + b"\0")])} if kind else {}
        attribute = {"lower": 5, "master": 10}
        return {3: name.encode(), **info, **{attribute[key]: netlink.u32(value) for key, value in numbers.items()}}

    raw = {
        1: _raw("v5", "vlan", lower=2),
        2: _raw("bond0", "bond"),
        3: _raw("eth0", master=2),
        4: _raw("eth1", master=2),
        6: _raw("far", "veth", lower=3),
    }
    assert netstate.affected([3], raw) == [3, 2, 1]
    assert netstate.affected([3, 4], raw) == [3, 4, 2, 1]


def outline() -> list[str]:
    """Return what ip tells about addresses, devices and routes, without numbers and times."""
    said = "".join(
        ip(*words)
        for words in (
            ["-o addr show"],
            ["-o -d link show up"],
            ["route show table all"],
            ["-6 route show table all"],
            ["rule"],
            ["neigh show nud permanent"],
            ["neigh show proxy"],
        )
    )
    lines = (
        re.sub(r"^\d+: |NO-CARRIER,|state \w+|(expires|valid_lft|preferred_lft) \w+|tentative|\b(v1|if\d+)\b", "", line)
        for line in said.splitlines()
    )
    kept = (re.sub(r"\s+", " ", line).strip() for line in lines if "far" not in line and " fe80::" not in line)
    return sorted({line for line in kept if "multicast ff00" not in line and not line.startswith("fe80::")})


def there_and_back() -> tuple[list[str], list[str], netapply.Report]:
    """Set up one end of a pair with all that there is, take it away, make a bare one of that name, restore."""
    ip("link add port type veth peer name far", needs="veth")
    ip("link set far up")
    ip("link set port mtu 1400 txqueuelen 77 alias uplink promisc on up")
    ip("link add link port name mv0 type macvlan mode bridge", needs="macvlan")
    ip("link add link mv0 name mv1 type macvlan mode private")
    for command in (
        "link set mv0 up", "link set mv1 up",
        "addr add 10.1.0.1/24 dev port", "addr add 10.1.0.8/24 dev port",
        "addr add 10.55.0.1/24 broadcast + dev port label port:x valid_lft 1000 preferred_lft 500",
        "-6 addr add fd01::1/64 dev port nodad", "addr add 10.2.0.1/24 dev mv0", "addr add 10.3.0.1/24 dev mv1",
        "route add default via 10.1.0.2 metric 50 mtu 1380",
        "route add 10.9.0.0/16 nexthop via 10.1.0.5 weight 3 nexthop via 10.2.0.7 dev mv0",
        "route add 10.8.0.0/16 via inet6 fd01::9 dev port", "route add blackhole 10.7.0.0/16",
        "-6 route add default via fd01::2 pref high expires 500",
        "-6 route add fd55::/64 nexthop via fd01::5 nexthop via fd01::6",
        "route add default via 10.1.0.3 dev port src 10.1.0.1 onlink table 100", "rule add iif port table 100",
        "neigh add 10.1.0.77 lladdr 02:00:00:00:00:77 dev port nud permanent", "neigh add proxy 10.1.0.99 dev port",
    ):  # fmt: skip
        ip(command)
    setting = Path("/proc/sys/net/ipv4/conf/port/rp_filter")
    setting.write_text("2")
    before, wanted = netstate.take(["port"]), outline()
    ip("link del port")
    ip("link add port type veth peer name far")
    ip("link set far up")
    report = netapply.restore(before)
    assert setting.read_text().strip() == "2"
    assert netdiff.plan(before, netapply.picture(before)) == ()
    return wanted, outline(), report


def test_everything_comes_back() -> None:
    """Addresses, routes of all tables, rules, neighbours, settings, and two layers of macvlans."""
    wanted, found, report = inside(there_and_back)
    assert found == wanted
    assert report.missing == ()
    assert report.restored > 20


def bridged() -> tuple[str, str]:
    """Take a member with settings of its own away from a bridge and give it back."""
    ip("link add br0 type bridge", needs="bridge")
    ip("link add port type veth peer name far", needs="veth")
    ip("link set port master br0 up")
    ip("link set port type bridge_slave priority 9 hairpin on guard on")
    before = netstate.take(["port"])
    shown = ip("-d link show port").split("bridge_slave")[1].split(" port_id")[0]
    ip("link del port")
    ip("link add port type veth peer name far")
    assert netapply.restore(before).missing == ()
    return shown, ip("-d link show port").split("bridge_slave")[1].split(" port_id")[0]


def test_a_bridge_gets_its_member_back() -> None:
    """With the settings that the bridge had for it."""
    wanted, found = inside(bridged)
    assert re.sub("state \\w+", "", found) == re.sub("state \\w+", "", wanted)


def bonded() -> tuple[str, ...]:
    """Take the only member away from a bond with a VLAN on top."""
    ip("link add bond0 type bond mode active-backup", needs="bond")
    ip("link add port type veth peer name far", needs="veth")
    ip("link set port master bond0")
    ip("link set bond0 up")
    ip("link add link bond0 name v5 type vlan id 5", needs="vlan")
    before = netstate.take(["port"])
    ip("link del port")
    ip("link add port type veth peer name far")
    return netapply.restore(before).missing


def test_a_bond_gets_its_member_back() -> None:
    """Its address too, which it had lost with its last member."""
    assert inside(bonded) == ()
