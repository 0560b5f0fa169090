# SPDX-License-Identifier: GPL-2.0-or-later
"""From sessions and default routes down to the hardware: on drawn topologies, and on real devices in a namespace."""

from collections.abc import Mapping

import pytest

from omatic.life import carriers
from omatic.life.carriers import Carrier, Device
from tests.netns import inside, ip


def ways(topology: Mapping[str, Device], name: str, routes: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """Return each way down, as text, with the driver at its end."""
    found = carriers.descend(topology, name, lambda address: (routes or {}).get(address, ""))
    return [(" > ".join(path), driver) for path, driver in found]


def drawn(*devices: Device) -> dict[str, Device]:
    """Return a topology."""
    return {device.name: device for device in devices}


PORTS = (Device("eth0", driver="e1000e"), Device("eth1", driver="igb"))


@pytest.mark.parametrize(
    ("stacked", "expected"),
    [
        ((), []),
        ((Device("top", "vlan", below=("eth0",)),), [("top > eth0", "e1000e")]),
        (
            (Device("top", "vlan", below=("bond0",)), Device("bond0", "bond", below=("eth0", "eth1"))),
            [("top > bond0 > eth0", "e1000e"), ("top > bond0 > eth1", "igb")],
        ),
        (
            (
                Device("top", "macvlan", below=("br0",)),
                Device("br0", "bridge", below=("v5",)),
                Device("v5", "vlan", below=("eth1",)),
            ),
            [("top > br0 > v5 > eth1", "igb")],
        ),
        ((Device("top", "vrf", below=("eth0",)),), [("top > eth0", "e1000e")]),
        ((Device("top", "gre", remote="192.0.2.9"),), [("top > eth1", "igb")]),
        ((Device("top", "wireguard", blind=True),), [("top", "")]),
        ((Device("top", "gre", remote="198.51.100.1"),), []),
        ((Device("top", "vlan", below=("loop",)), Device("loop", "vlan", below=("top",))), []),
    ],
)
def test_every_way_down_is_found(stacked: tuple[Device, ...], expected: list[tuple[str, str]]) -> None:
    """Through each kind of device, to all members; a blind end is told, and a circle ends."""
    assert ways(drawn(*PORTS, *stacked), "top", {"192.0.2.9": "eth1"}) == expected


def test_the_unknown_counts_as_carried_by_every_driver() -> None:
    """Whoever cannot see must not say that nothing is there."""
    found = (
        Carrier("a", ("eth0",), "e1000e"),
        Carrier("b", ("wg0",), ""),
        # mlx4_core's hardware, mlx4_en's port.
        Carrier("c", ("eth2",), "mlx4_core"),
        Carrier("d", ("eth1",), "igb"),
    )
    assert [each.what for each in carriers.carried_by(found, "e1000e", ["eth0"])] == ["a", "b"]
    assert [each.what for each in carriers.carried_by(found, "mlx4_en", ["eth2"])] == ["b", "c"]
    assert str(found[1]) == "b: wg0 (unknown)"


def stacked() -> list[str]:
    """Build a bridge over one end of a veth pair that plays the port, a macvlan on top, and a tunnel."""
    ip("link add port type veth peer name far", needs="veth")
    ip("link add br0 type bridge", needs="bridge")
    ip("link add link br0 name top type macvlan mode bridge", needs="macvlan")
    for command in ("set port master br0", "set port up", "set far up", "set br0 up", "set top up"):
        ip("link", command)
    ip("addr add 192.0.2.1/24 dev top")
    ip("-6 addr add 2001:db8::1/64 dev top nodad")
    ip("route add default via 192.0.2.254")
    ip("-6 route add default via 2001:db8::fe table 77")
    ip("link add vx type vxlan id 7 remote 192.0.2.9 dstport 4789", needs="vxlan")
    ip("addr add 10.9.0.1/24 dev vx")
    ip("link set vx up")
    # A namespace has no hardware; one end of the pair has to be the port.
    carriers.hardware = lambda name: "e1000e" if name == "port" else ""
    environment = {"SSH_CONNECTION": "10.9.0.2 40000 10.9.0.1 22"}
    return [str(each) for each in carriers.find(environment)]


def test_real_devices() -> None:
    """A session through a tunnel over a macvlan on a bridge; default routes of both families, any table."""
    found = inside(stacked)
    assert "the session from 10.9.0.2: vx > top > br0 > port (e1000e)" in found
    assert "the IPv4 default route: top > br0 > port (e1000e)" in found
    assert "the IPv6 default route of table 77: top > br0 > port (e1000e)" in found


def elsewhere() -> list[str]:
    """Give the other end of a pair to another namespace."""
    ip("netns add other")
    try:
        ip("link add near type veth peer name far netns other", needs="veth")
        ip("addr add 192.0.2.1/24 dev near")
        ip("link set near up")
        return [str(each) for each in carriers.find({"SSH_CONNECTION": "192.0.2.2 40000 192.0.2.1 22"})]
    finally:
        ip("netns del other")


def test_a_pair_into_another_namespace_is_unknown() -> None:
    """What is behind it cannot be seen from here."""
    assert "the session from 192.0.2.2: near (unknown)" in inside(elsewhere)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0100007F:0016", "127.0.0.1"),
        ("0000000000000000FFFF00000202000A:0016", "10.0.2.2"),
        ("B80D0120000000000000000001000000:0016", "2001:db8::1"),
    ],
)
def test_addresses_of_proc_net(text: str, expected: str) -> None:
    """As a little-endian processor writes them; IPv4 in IPv6's table is IPv4."""
    assert carriers._address(text) == expected


@pytest.mark.parametrize(
    ("source", "options", "expected"),
    [
        ("server:/srv", "rw,addr=192.0.2.7,clientaddr=192.0.2.1", "192.0.2.7"),
        ("192.0.2.8:/srv", "rw", "192.0.2.8"),
        ("[2001:db8::7]:/srv", "rw", "2001:db8::7"),
        ("//192.0.2.9/share", "rw", "192.0.2.9"),
        ("tmpfs", "rw", ""),
    ],
)
def test_servers_of_file_systems(source: str, options: str, expected: str) -> None:
    """The address that the kernel uses, or else the one in the source."""
    assert carriers._server(source, options) == expected
