# SPDX-License-Identifier: GPL-2.0-or-later
"""The engine in a guest: filters, VLANs, steering and device endpoints, over two accelerated veth pairs.

The conformance client sends the frames itself and says who must get which, changes the configuration under traffic,
and lets a device go away. Then PFQ must go without a trace, and the kernel must have had nothing to say.
"""

import json
import re
from pathlib import Path

import pytest

from omatic.lab import initramfs, kmsg, machine, qemu, tools
from omatic.lab.guest import Guest
from omatic.lab.machine import Setup
from omatic.lab.modules import ModuleTree
from tests.vm.conftest import Built

pytestmark = pytest.mark.vm


def _wires(guest: Guest) -> None:
    for number in (0, 1):
        guest.must("ip link add type veth")
        guest.must(f"ip link set veth0 name near{number} && ip link set veth1 name far{number}")
        for end in ("near", "far"):
            guest.must(f"ip link set {end}{number} promisc on up")
    for vid in (5, 7):
        guest.must(f"ip link add link near0 name near0.{vid} type vlan id {vid}")
        guest.must(f"ip link set near0.{vid} up")


@pytest.mark.parametrize(("untag", "batch"), [(0, 32), (1, 1), (0, 127)])
def test_who_gets_which_frame(built: Built, tmp_path: Path, untag: int, batch: int) -> None:
    """Every check of the client passes, with full and with smallest batches, and the kernel has nothing to say."""
    tree = ModuleTree(built.stock.modules, {"veth": built.modules["veth"], "pfq_hook": built.hook, "pfq": built.core})
    modules = tree.order(["pfq_hook", "veth", "8021q", "pfq"])
    archive = initramfs.build(
        tree,
        modules=modules,
        programs={"labtool": tools.labtool(tmp_path), "conformance": built.conformance},
    )
    with machine.boot(Setup(qemu.find(), built.image, archive, tmp_path)) as booted:
        guest = booted.guest
        guest.must("mark engine")
        guest.must("load " + " ".join(module.name for module in modules if module.name != "pfq"))
        guest.must(f"insmod /modules/pfq.ko vlan_untag={untag} capt_batch_len={batch}")
        _wires(guest)
        option = "--untag" if untag else ""
        said = guest.run(f"conformance --json /tmp/results --data-only --wires {option} 2>&1", patience=1200.0)
        results = guest.run("cat /tmp/results").output
        counters = guest.must("cat /proc/net/pfq/global")
        guest.must("unload pfq")
        guest.must("mark end")
        booted.kmsg.wait_for(b"phase: end", 60.0)
    assert said.status == 0, [line for line in said.output.splitlines() if line.startswith("not ok")] or said.output
    assert json.loads(results)
    assert int(re.findall(r"received *: (\d+)", counters)[0]) > 0
    assert kmsg.complaints(kmsg.parse(booted.kmsg.text())) == ()
