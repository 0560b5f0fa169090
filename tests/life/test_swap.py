# SPDX-License-Identifier: GPL-2.0-or-later
"""Swapping the driver of the NIC that carries a session: undone unless confirmed, and nothing is lost.

One machine without systemd (the watchdog is a detached process) and one with it (a transient unit).
"""

import base64
import re
import time
from collections.abc import Iterator

import pytest

from tests.life.conftest import Boot
from tests.life.rig import Rig

pytestmark = pytest.mark.life

# vmxnet3 carries the session: unlike e1000e it is not in the rig's initramfs, which takes minutes to make again.
DRIVER, OTHER = "vmxnet3", "e1000e"
_SWAPS = """
import sys
from omatic.life import load
from omatic.life.system import System
system = System()
for _ in range(int(sys.argv[2])):
    for command in (load.LOAD, load.UNLOAD):
        with system.lock():
            prospect = load.prepare(system, command, load.Wish(sys.argv[1], 0, console=True))
            assert prospect.steps
            report = load.carry_out(system, prospect).swap.report
        assert not report.missing and not report.without_carrier, report
        print("swapped", flush=True)
"""


@pytest.fixture(name="small")
def _small(rig: Boot) -> Iterator[Rig]:
    with rig.boot(small=True, nics=(DRIVER, OTHER)) as vm:
        prepare(vm)
        yield vm
        assert not vm.complaints()


def prepare(vm: Rig) -> None:
    """Install the driver; put what has to survive on its port: a bond with the session's address, VLANs, routes."""
    vm.must(f"pfq-omatic install {DRIVER}")
    port = vm.bring_up(0)
    for line in (
        f"ip link add link {port} name v6 type vlan id 6 && ip addr add 10.6.0.1/24 dev v6",
        f"ip addr flush dev {port} && ip link set {port} down",
        # With the port's address: systemd would give it another one, and QEMU's network goes on sending to the port's.
        f"ip link add bond0 address $(cat /sys/class/net/{port}/address) type bond mode active-backup miimon 100",
        f"ip link set {port} master bond0",
        "ip link set bond0 up && ip addr add 10.0.2.15/24 dev bond0",
        "ip link add link bond0 name v5 type vlan id 5 && ip addr add 10.5.0.1/24 dev v5 && ip link set v5 up",
        "ip link set v6 mtu 1300 up",
        "ip route add default via 10.0.2.2 && ip route add 10.77.0.0/16 via 10.6.0.3 table 100",
        f"ip rule add iif {port} table 100",
        "ip neigh add 10.6.0.99 lladdr 02:00:00:00:00:99 dev v6 nud permanent",
        f"ethtool -G {port} rx 512; ethtool -K {port} gro off; ip link set {port} alias uplink txqueuelen 777",
        f"echo 2 >/proc/sys/net/ipv4/conf/{port}/rp_filter",
    ):
        vm.must(line)


def outline(vm: Rig) -> list[str]:
    """Return what there is to see of the network, without interface numbers and flow-dependent words."""
    iface = vm.iface(0)
    said = vm.must(
        f"ip -o addr; ip -o -d link; ip route show table all; ip rule; ip neigh show nud permanent; ethtool -g {iface};"
        f"ethtool -k {iface}; ethtool -c {iface} || true; grep -r . /proc/sys/net/ipv4/conf/{iface};"
        "cat /proc/net/bonding/bond0"
    )
    volatile = r"^\d+: |Link Failure Count: \d+|link-netnsid \d+|altname \S+|NO-CARRIER,|state \w+|(Up|Down)time.*"
    return sorted({re.sub(r"\s+", " ", re.sub(volatile, "", line)).strip() for line in said.splitlines()})


def accelerated(vm: Rig) -> bool:
    """Tell whether the running driver is ours: it uses the hook."""
    return vm.run(f"test -e /sys/module/pfq_hook/holders/{DRIVER}").status == 0


def await_stock(vm: Rig, patience: float = 400.0) -> None:
    """Wait until the watchdog has done its work and gone."""
    end = time.monotonic() + patience
    done = f"grep -q undone /var/lib/pfq-omatic/swap/{DRIVER}.json"
    while vm.run(done).status != 0:
        assert time.monotonic() < end, vm.run("cat /run/pfq-omatic/watchdog-*.log").output
        time.sleep(1)


def test_undone_unless_confirmed(small: Rig) -> None:
    """Without a word the stock driver comes back; with the terminal killed, too; with confirm ours stays."""
    vm, before = small, outline(small)
    session = vm.session(0)
    assert session.works()
    said = vm.must(f"pfq-omatic load {DRIVER} --dry-run")
    assert "the IPv4 default route" in said and "arm the watchdog" in said
    refused = vm.run(f"pfq-omatic load {DRIVER} --no-watchdog")
    assert refused.status == 21 and "--yes-i-have-a-console" in refused.output
    assert not accelerated(vm)

    vm.must(f"pfq-omatic load {DRIVER} --confirm-within 60s")
    assert accelerated(vm)
    assert vm.run(f"pfq-omatic load {DRIVER}").status == 21
    assert session.works() and outline(vm) == before
    await_stock(vm)
    assert not accelerated(vm)
    assert session.works() and outline(vm) == before
    assert vm.run("pfq-omatic confirm").status == 25

    # A terminal of its own, which goes in the middle of the swap, and with it all that hangs on it.
    vm.must("mkdir -p /dev/pts && (mountpoint -q /dev/pts || mount -t devpts devpts /dev/pts)")
    hung = vm.background(f"script -qc 'pfq-omatic -v load {DRIVER} --confirm-within 60s' /dev/null")
    assert hung.wait_for("journal: 2/"), hung.text()
    vm.must("pkill -KILL -x script")
    await_stock(vm)
    assert not accelerated(vm)
    assert session.works() and outline(vm) == before

    vm.must(f"pfq-omatic load {DRIVER} --confirm-within 10m && pfq-omatic confirm {DRIVER}")
    assert vm.run("pgrep -f 'omatic.* watchdog'").status == 1 or "nothing to watch" in vm.must(
        "cat /run/pfq-omatic/*.log"
    )
    assert accelerated(vm)
    assert session.works() and outline(vm) == before
    vm.must(f"pfq-omatic unload {DRIVER} --confirm-within 10m && pfq-omatic confirm")
    assert not accelerated(vm)
    assert session.works() and outline(vm) == before


def test_a_swap_that_is_killed_is_undone(small: Rig) -> None:
    """SIGKILL between taking the old driver out and putting the network back: the watchdog makes it good."""
    vm, before = small, outline(small)
    session = vm.session(0)
    swapping = vm.background(f"pfq-omatic -v load {DRIVER} --confirm-within 60s")
    assert swapping.wait_for("insmod"), swapping.text()
    vm.must(f"kill -KILL $(sed -n 's/.*\"process\": \\([0-9]*\\),.*/\\1/p' /var/lib/pfq-omatic/swap/{DRIVER}.json)")
    await_stock(vm)
    assert not accelerated(vm)
    assert session.works() and outline(vm) == before
    assert vm.run("test -e /var/lib/pfq-omatic/journal").status == 1


def test_fifty_swaps_under_traffic(small: Rig) -> None:
    """Back and forth, with packets both ways all the time; the session goes on and the kernel has no complaint."""
    vm, before = small, outline(small)
    session = vm.session(0)
    vm.must(f"echo {base64.b64encode(_SWAPS.encode()).decode()} | base64 -d >/root/swaps.py")
    vm.background("while :; do ping -q -i 0.1 -w 100000 10.0.2.2 >/dev/null 2>&1; sleep 0.2; done")
    swaps = vm.background(f"/opt/pfq-omatic/bin/python /root/swaps.py {DRIVER} 25 2>&1")
    done = swaps.result(patience=7200)
    assert done.status == 0, done.output
    assert done.output.count("swapped") == 50
    assert session.works() and outline(vm) == before


def test_systemd_keeps_the_watchdog(rig: Boot) -> None:
    """A unit of its own, which outlives the session that armed it."""
    with rig.boot(nics=(DRIVER, OTHER)) as vm:
        vm.wait_for_systemd()
        prepare(vm)
        session, before = vm.session(0), outline(vm)
        assert session.works()
        unit = f"pfq-omatic-watchdog-{DRIVER}.service"
        vm.must(f"systemd-run --quiet --wait --pty pfq-omatic load {DRIVER} --confirm-within 90s || true")
        assert accelerated(vm)
        assert vm.must(f"systemctl is-active {unit}").strip() == "active"
        assert session.works() and outline(vm) == before
        await_stock(vm)
        assert not accelerated(vm)
        assert outline(vm) == before
        assert session.works()
        vm.must(f"pfq-omatic load {DRIVER} --confirm-within 10m && pfq-omatic confirm")
        assert accelerated(vm) and session.works()
        assert not vm.complaints()
