# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices, sockets, CPUs and the module itself come and go, with and without traffic; and limits by parameter.

The conformance client makes the devices and the traffic; veth is accelerated, lo and dummy are not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from omatic.lab import initramfs, kmsg, machine, qemu, tools
from omatic.lab.guest import Guest
from omatic.lab.machine import Setup
from omatic.lab.modules import ModuleTree
from tests.vm.conftest import Built

pytestmark = pytest.mark.vm

_LIMITS = "max_sockets=3 max_groups=2 max_slots=100"
_REFUSED = ("max_sockets=0", "max_sockets=65", "max_groups=0", "max_groups=65", "max_slots=0", "max_slots=262145")


@contextmanager
def _guest(built: Built, tmp_path: Path) -> Iterator[Guest]:
    """Boot a guest with two CPUs and everything but the core loaded; when it ends its log must be clean."""
    tree = ModuleTree(built.stock.modules, {"veth": built.modules["veth"], "pfq_hook": built.hook, "pfq": built.core})
    modules = tree.order(["pfq_hook", "veth", "dummy", "pfq"])
    archive = initramfs.build(
        tree,
        modules=modules,
        programs={"labtool": tools.labtool(tmp_path), "conformance": built.conformance},
    )
    with machine.boot(Setup(qemu.find(), built.image, archive, tmp_path, cpus=2)) as booted:
        booted.guest.must("mark devices")
        booted.guest.must("load " + " ".join(module.name for module in modules if module.name != "pfq"))
        yield booted.guest
        booted.guest.must("unload pfq")
        booted.guest.must("mark end")
        booted.kmsg.wait_for(b"phase: end", 60.0)
    assert kmsg.complaints(kmsg.parse(booted.kmsg.text())) == ()


def _client(guest: Guest, options: str) -> None:
    said = guest.run(f"conformance {options} >/tmp/client.log 2>&1", patience=1800.0)
    log = guest.run("cat /tmp/client.log").output
    assert said.status == 0, [line for line in log.splitlines() if line.startswith("not ok")] or log[-2000:]


def test_bindings_follow_devices(built: Built, tmp_path: Path) -> None:
    """Any device, renamed, deleted and moved ones; generic capture; frame by frame."""
    with _guest(built, tmp_path) as guest:
        guest.must("load pfq")
        _client(guest, "--devices")


def test_everything_comes_and_goes_under_traffic(built: Built, tmp_path: Path) -> None:
    """Sockets, devices, a CPU and the module; then no frame is unaccounted for."""
    with _guest(built, tmp_path) as guest:
        guest.must("load pfq")
        _client(guest, "--life")


def test_limits_are_parameters(built: Built, tmp_path: Path) -> None:
    """Limits hold, those out of range are refused; containers are let in; generic capture is the default if so told."""
    with _guest(built, tmp_path) as guest:
        for parameter in _REFUSED:
            assert guest.run(f"insmod /modules/pfq.ko {parameter}").status != 0, parameter
        guest.must(f"insmod /modules/pfq.ko {_LIMITS} allow_userns=1")
        _client(guest, "--limits 3,2,100")
        guest.must("unload pfq")
        guest.must("insmod /modules/pfq.ko capture_incoming=1 capture_outgoing=1 skb_pool_size=1 rx_cpu=1")
        _client(guest, "--generic")
