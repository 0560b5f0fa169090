# SPDX-License-Identifier: GPL-2.0-or-later
"""The conformance client, in a guest with an accelerated NIC: options, errno by errno, and then the data path."""

import json
import struct
import time
from pathlib import Path

import pytest

from omatic.lab import initramfs, kmsg, machine, nic, qemu, tools
from omatic.lab.link import WiredLink
from omatic.lab.machine import Plug, Setup
from omatic.lab.modules import ModuleTree
from tests.vm.conftest import Built

pytestmark = pytest.mark.vm
_FRAMES = 3000
_MAGIC = 0x50465131


def _frame(number: int, target: bytes) -> bytes:
    # The format is the client's own: conformance.c describes it.
    tci = (number % 7 << 13 | number % 4000 + 1) if number % 3 == 1 else 0
    tag = struct.pack("!HH", 0x8100, tci) if tci else b""
    size = max(60 + number * 37 % 1459, 60 + len(tag))
    head = target + bytes((2, 0, 0, 0, 0, 9)) + tag + b"\x88\xb5"
    room = size - len(head)
    filler = bytes((number + at) & 0xFF for at in range(room))
    return head + struct.pack("!IIHH", _MAGIC, number, size, tci) + filler[12:]


def test_the_module_is_what_programs_for_pfq_expect(built: Built, tmp_path: Path) -> None:
    """Every check of the client passes, and the kernel has nothing to say."""
    card = nic.BY_DRIVER["e1000e"]
    tree = ModuleTree(
        built.stock.modules, {"e1000e": built.modules["e1000e"], "pfq_hook": built.hook, "pfq": built.core}
    )
    modules = tree.order(["pfq_hook", "e1000e", "pfq"])
    archive = initramfs.build(
        tree,
        modules=modules,
        programs={"labtool": tools.labtool(tmp_path), "conformance": built.conformance},
    )
    setup = Setup(qemu.find(), built.image, archive, tmp_path, (Plug(card), Plug(card, wired=False)))
    with machine.boot(setup) as booted:
        guest, link = booted.guest, WiredLink(card, booted.wires[0])
        guest.must("mark conformance")
        guest.must("load " + " ".join(module.name for module in modules))
        link.connect(guest)
        options = f"--json /tmp/results --device {link.iface} --frames {_FRAMES} --timeout 120"
        guest.must(f"conformance {options} --ready-file /tmp/ready >/tmp/client.log 2>&1 & echo $! >/tmp/client")
        guest.must("for try in $(seq 3000); do [ -e /tmp/ready ] && break; usleep 100000; done; cat /tmp/client.log")
        for number in range(_FRAMES):
            booted.wires[0].send(_frame(number, link.mac))
            if number == 0:
                time.sleep(0.5)
        said = guest.run("wait $(cat /tmp/client)", patience=600.0)
        log, results = guest.run("cat /tmp/client.log").output, guest.run("cat /tmp/results").output
        guest.must("unload pfq")
        guest.must("mark end")
        booted.kmsg.wait_for(b"phase: end", 60.0)
    assert said.status == 0, [line for line in log.splitlines() if line.startswith("not ok")] or log[-2000:]
    assert json.loads(results)
    assert kmsg.complaints(kmsg.parse(booted.kmsg.text())) == ()
