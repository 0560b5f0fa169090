# SPDX-License-Identifier: GPL-2.0-or-later
"""Every twin under traffic: the bench NIC hands frames over by each delivery function, in each context that it allows.

The NIC is accelerated as any vendor's driver given as a folder. Its frames carry the number of their queue and their
own number in it, so that one that is lost, doubled or damaged is seen.
"""

import contextlib
import json
import os
import re
import shutil
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from omatic import core, dirs, kbuild, kernel, proc, sysroot
from omatic.dirs import Cache
from omatic.lab import initramfs, kmsg, machine, pcap, qemu, tools
from omatic.lab.machine import Machine, Setup
from omatic.lab.modules import Module, ModuleTree, read
from omatic.rules import RULES
from tests.vm.conftest import Built

pytestmark = pytest.mark.vm

_TOP = Path(__file__).resolve().parents[2]
_NIC, _HOOK, _CORE = "pfq_bench_nic", "pfq_hook", "pfq"
_SOURCE = "/sys/class/net/bench0/source"
_QUEUES = 4
_FRAMES = 6000
_SIZES = {"napi_gro_receive": 60, "napi_gro_frags": 1514}
"""Sizes of frames where the way of delivery cares; 300 bytes otherwise."""


@dataclass(frozen=True, slots=True)
class BenchNic:
    """The NIC's driver, accelerated."""

    accelerated: Path


@pytest.fixture(scope="module")
def bench_nic(built: Built, tmp_path_factory: pytest.TempPathFactory) -> BenchNic:
    """Build and prove the driver, given as a folder."""
    if built.root != sysroot.HERE:
        return BenchNic(_renamed(built, tmp_path_factory.mktemp("nic") / "nic"))
    command = [sys.executable, "-m", "omatic", "build", _NIC, "--source", str(_TOP / "bench/nic")]
    command += ["--kernel", built.release, f"--jobs={os.cpu_count() or 1}", "--json"]
    (outcome,) = json.loads(proc.run(command, cwd=_TOP).stdout)
    assert outcome["checks"]["minimality"]["verdict"] == outcome["checks"]["twin"]["verdict"] == "pass"
    return BenchNic(Path(outcome["module"]))


def _renamed(built: Built, folder: Path) -> Path:
    """Build the driver with each delivery function's name defined as its twin's: a vendor's driver is not accelerated
    for a kernel below another root, and what comes out is the same."""
    target = kernel.discover(built.release, root=built.root)
    symvers = core.build(target, Cache(dirs.default_cache()), os.cpu_count() or 1).symvers
    exported = symvers.read_text().split()
    shutil.copytree(_TOP / "bench/nic", folder)
    names = [f"#define {rule.callee} {rule.twin}\n" for rule in RULES if rule.twin in exported]
    (folder / "twins.h").write_text("".join(names))
    makefile = folder / "Makefile"
    makefile.write_text(makefile.read_text().replace("-include ", "-include $(src)/twins.h -include ", 1))
    kbuild.build(target, folder, log_to=folder / "log", jobs=os.cpu_count() or 1, extra_symbols=symvers)
    return folder / f"{_NIC}.ko"


@contextlib.contextmanager
def _booted(built: Built, nic: BenchNic, work: Path) -> Iterator[Machine]:
    paths = {_HOOK: built.hook, _CORE: built.core, _NIC: nic.accelerated}
    archive = initramfs.build(
        ModuleTree(built.stock.modules, paths),
        modules=[Module(name, read(path)) for name, path in paths.items()],
        programs={
            "labtool": tools.labtool(work),
            "pfq-capture": built.capture,
            "conformance": built.conformance,
        },
    )
    with machine.boot(Setup(qemu.find(), built.image, archive, work)) as booted:
        guest = booted.guest
        guest.must("mark twins")
        guest.must(f"insmod /modules/{_HOOK}.ko; insmod /modules/{_NIC}.ko queues={_QUEUES}; load {_CORE}")
        guest.must("ip link set bench0 up")
        yield booted
        guest.must("ip link set bench0 down")
        guest.must(f"unload {_CORE} {_NIC} {_HOOK}")
        guest.must("mark end")
        booted.kmsg.wait_for(b"phase: end", 60.0)
    assert kmsg.complaints(kmsg.parse(booted.kmsg.text())) == ()


def _ways(booted: Machine) -> list[str]:
    said = booted.guest.must(f"cat {_SOURCE}/way").split()
    return [way.strip("[]") for way in said if way.strip("[]") != "free"]


def _counters(booted: Machine) -> dict[str, int]:
    sums: dict[str, int] = {}
    for name, value in re.findall(r"(\w+) (\d+)", booted.guest.must(f"cat {_SOURCE}/counters")):
        sums[name] = sums.get(name, 0) + int(value)
    return sums


def _devices(booted: Machine) -> dict[str, int]:
    head, row = booted.guest.must("cat /proc/net/pfq/devices").splitlines()
    return dict(zip(head.split()[1:6], map(int, row.split()[1:6]), strict=True))


def _capture(booted: Machine, options: str, way: str, size: int) -> tuple[dict[str, int], tuple[pcap.Packet, ...]]:
    """Capture what the source makes; return the device's counters and what came."""
    guest = booted.guest
    guest.must(f"echo {way} >{_SOURCE}/way && echo {size} >{_SOURCE}/size && rm -f /tmp/ready /tmp/twins.pcap")
    guest.must(
        f"pfq-capture -q {options} --ready-file /tmp/ready -w /tmp/twins.pcap bench0 >/tmp/said 2>&1 & "
        "echo $! >/tmp/pid; for try in $(seq 600); do [ -e /tmp/ready ] && break; usleep 100000; done; ls /tmp/ready"
    )
    guest.must(f"echo {_FRAMES} >{_SOURCE}/run")
    # Tasklets and the backlog may be behind.
    ended = f"awk '/bench0/ && $2 >= {_FRAMES} {{ done = 1 }} END {{ exit !done }}' /proc/net/pfq/devices"
    guest.run(f"for try in $(seq 50); do {ended} && break; usleep 100000; done")
    counts = _devices(booted)
    guest.must("kill $(cat /tmp/pid); wait $(cat /tmp/pid)")
    begun = len(booted.data.bytes_from(0))
    length = int(guest.must("stat -c %s /tmp/twins.pcap"))
    guest.must("cat /tmp/twins.pcap >$DATA")
    end = time.monotonic() + 60
    while len(booted.data.bytes_from(begun)) < length and time.monotonic() < end:
        time.sleep(0.05)
    return counts, pcap.read(booted.data.bytes_from(begun))


def _check(packets: tuple[pcap.Packet, ...], size: int, way: str) -> None:
    assert {packet.length for packet in packets} == {size}, way
    numbers: dict[int, list[int]] = {queue: [] for queue in range(_QUEUES)}
    for packet in packets:
        queue, number = struct.unpack_from("!II", packet.data, 42)
        numbers[queue].append(number)
        assert packet.data[:14].hex() == "0200000000020200000000010800", way
    for queue, found in numbers.items():
        if "netif_rx" in way:
            # The source may have moved to another CPU, while this one's queue was not yet empty.
            found.sort()
        assert found == list(range(found[0], found[0] + len(found))), f"{way}, queue {queue}"


def test_each_frame_once_by_every_delivery_function(built: Built, bench_nic: BenchNic, tmp_path: Path) -> None:
    """Taken, then tapped: every frame is captured once, in order and whole; then, with nobody bound, none is."""
    with _booted(built, bench_nic, tmp_path) as booted:
        ways = _ways(booted)
        assert len(ways) >= 9
        for way in ways:
            for options, end in (("--steal", "consumed"), ("--tap", "both")):
                size = _SIZES.get(way, 300)
                before = _counters(booted)["delivered"]
                counts, packets = _capture(booted, options, way, size)
                assert counts == {"handed": _FRAMES, "consumed": 0, "passed": 0, "both": 0, "freed": 0, end: _FRAMES}
                assert len(packets) == _FRAMES, f"{way} {options}"
                _check(packets, size, way)
                assert _counters(booted)["delivered"] == before + _FRAMES
            booted.guest.must(f"echo {_FRAMES} >{_SOURCE}/run")
        assert _counters(booted)["failed"] == 0


def test_unloading_under_traffic(built: Built, bench_nic: BenchNic, tmp_path: Path) -> None:
    """PFQ comes and goes, and so does the device, while the source runs by each delivery function."""
    with _booted(built, bench_nic, tmp_path) as booted:
        guest = booted.guest
        for way in _ways(booted):
            guest.must(f"echo {way} >{_SOURCE}/way")
            guest.must(f"(echo 0 >{_SOURCE}/run) 2>/dev/null & echo $! >/tmp/run")
            for _ in range(3):
                guest.must("timeout 60 pfq-capture -q --steal -c 2000 bench0 >/dev/null 2>&1", patience=600.0)
                guest.must(f"unload {_CORE}; load {_CORE}")
            guest.must("(timeout 60 pfq-capture -q --steal bench0 >/dev/null 2>&1 &) ; usleep 300000")
            # The source's write ends when the device goes down.
            guest.must("ip link set bench0 down; wait $(cat /tmp/run); killall pfq-capture; ip link set bench0 up")
            guest.must("while pidof pfq-capture; do usleep 100000; done")


@pytest.mark.parametrize("way", ["napi_gro_receive", "netif_receive_skb_list"])
def test_taps_and_bindings_change_in_the_middle_of_a_poll(
    built: Built, bench_nic: BenchNic, tmp_path: Path, way: str
) -> None:
    """Polls of 64 frames are under way all the time; what NIC, PFQ, stack and readers have counted is the same."""
    with _booted(built, bench_nic, tmp_path) as booted:
        assert way in _ways(booted)
        booted.guest.must(f"echo {way} >{_SOURCE}/way && echo 64 >{_SOURCE}/burst")
        said = booted.guest.run("conformance --switch bench0 >/tmp/said 2>&1", patience=1800.0)
        log = booted.guest.must("cat /tmp/said")
        assert said.status == 0, [line for line in log.splitlines() if line.startswith("not ok")] or log
