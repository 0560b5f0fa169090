# SPDX-License-Identifier: GPL-2.0-or-later
"""What `list-supported` says of a toy kernel's drivers, of this machine's devices and of what is in the cache."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from omatic import fetch, proc, show_supported, state, stock, supported
from omatic.dirs import Cache
from omatic.model import Check, KernelTarget, PackageId, Report, Verdict
from omatic.supported import State, Supported
from tests import toys
from tests.toys import INTEL, RELEASE, Machine

ROOT = Path(__file__).resolve().parents[2]
OURS = "updates" / INTEL / "e1000e/e1000e.ko"
PACKAGE = PackageId("linux-headers-toy", "6.1.1-1", "linux", "6.1.1-1", "debian")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toys.kernel(tmp_path_factory.mktemp("kernel"))


@pytest.fixture
def machine(tmp_path: Path, kernel: Path) -> Machine:
    return toys.machine(tmp_path, kernel)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def rows(machine: Machine, cache: Cache, root: Path = Path("/")) -> dict[str, Supported]:
    """Return the list by module; the machine's /sys is the toy's own."""
    found = stock.installed(RELEASE, machine.system.root / "lib/modules")
    assert found is not None
    build = machine.system.root / "build"
    build.mkdir(exist_ok=True)
    (build / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 1\n")
    target = KernelTarget(RELEASE, build, {}, build / "Module.symvers", "gcc", PACKAGE, root)
    system, sys = machine.system, machine.system.root / "sys"
    return {row.module.name: row for row in supported.listing(found, target, cache, system=system, sys=sys)}


def built(machine: Machine, cache: Cache, refused: str | None, place: str = RELEASE) -> Path:
    """Put a build into the cache, as the pipeline leaves it."""
    out = cache.work(place, "e1000e") / "out"
    out.mkdir(parents=True)
    module = shutil.copyfile(machine.delivery("e1000e").modules[0].file, out / "e1000e.ko")
    verdict = Verdict.FAIL if refused else Verdict.PASS
    report = Report((Check("minimality", verdict, {"summary": str(refused)}),), 1)
    state.write_report(out, "inputs", module, report, {}, refused)
    return module


def test_drivers_that_deliver_are_listed(machine: Machine, cache: Cache) -> None:
    found = rows(machine, cache)
    assert found.keys() == {"8390", "e1000e", "igb"}
    assert found["igb"].to_json() == {
        "module": "igb",
        "symbols": ["napi_gro_receive"],
        "stock": str(machine.system.modules(RELEASE) / "kernel" / INTEL / "igb/igb.ko"),
        "devices": [],
        "sources": False,
        "state": "stock",
        "refused": None,
    }


def test_how_far_a_driver_is(machine: Machine, cache: Cache) -> None:
    """stock, built, installed, running: the farthest counts."""
    assert rows(machine, cache)["e1000e"].state is State.STOCK
    built(machine, cache, None)
    assert rows(machine, cache)["e1000e"].state is State.BUILT
    machine.install("e1000e")
    assert rows(machine, cache)["e1000e"].state is State.INSTALLED
    machine.boot()
    machine.load(machine.file("kernel" / INTEL / "e1000e/e1000e.ko"))
    assert rows(machine, cache)["e1000e"].state is State.INSTALLED
    machine.load(machine.file(OURS))
    assert rows(machine, cache)["e1000e"].state is State.RUNNING
    machine.boot("6.1.0-2-other")
    assert rows(machine, cache)["e1000e"].state is State.INSTALLED
    machine.file(OURS).unlink()
    assert rows(machine, cache)["e1000e"].state is State.BUILT


def test_a_refused_build_is_not_built(machine: Machine, cache: Cache) -> None:
    """What its proofs refused is not to be had, and the list says why."""
    module = built(machine, cache, "minimality: more than callees changed")
    row = rows(machine, cache)["e1000e"]
    assert (row.state, row.refused) == (State.STOCK, "minimality: more than callees changed")
    assert "not proven" in show_supported.table([row], RELEASE)
    module.unlink()
    assert rows(machine, cache)["e1000e"].refused is None


def test_a_kernel_below_another_root_has_builds_of_its_own(machine: Machine, cache: Cache) -> None:
    """The same release on this machine is another kernel."""
    root = machine.system.root
    target = KernelTarget(RELEASE, root, {}, root, "gcc", None, root)
    built(machine, cache, None, target.place)
    assert rows(machine, cache)["e1000e"].state is State.STOCK
    assert rows(machine, cache, root)["e1000e"].state is State.BUILT


def test_sources_at_hand(machine: Machine, cache: Cache) -> None:
    """With the archive those of every driver are; else those that were unpacked before."""
    store = cache.sources / "linux-source-6.1_6.1.1-1"
    folders = [INTEL / "e1000e"]
    parts = [[str(part.folder), part.depth.value] for part in fetch.base_parts(folders[0])]
    store.mkdir(parents=True)
    (store / "manifest.json").write_text(json.dumps({"parts": parts, "sha256": {}}))
    (cache.sources / f"{RELEASE}_6.1.1-1.json").write_text(json.dumps([store.name, "label", True]))
    found = rows(machine, cache)
    assert (found["e1000e"].sources, found["igb"].sources) == (True, False)
    cache.downloads.mkdir()
    (cache.downloads / "linux-source-6.1_6.1.1-1.deb").write_bytes(b"")
    assert all(row.sources for row in rows(machine, cache).values())


def test_devices_by_alias(machine: Machine, cache: Cache) -> None:
    """PCI and USB devices are matched as the kernel does it; the interface is told where there is one."""
    aliases = machine.system.modules(RELEASE) / "modules.alias"
    aliases.write_text(
        "# aliases\nalias pci:v00008086d00001521sv*sd*bc*sc*i* igb\n"
        "alias usb:v0B95p7720d*dc*dsc*dp*ic*isc*ip*in* 8390\nalias pci:v00008086d*sv*sd*bc*sc*i* another\n"
    )
    bus = machine.system.root / "sys/bus"
    pci, usb = bus / "pci/devices/0000:03:00.0", bus / "usb/devices/1-1:1.0"
    (pci / "net/eth0").mkdir(parents=True)
    (pci / "modalias").write_text("pci:v00008086d00001521sv00008086sd00000001bc02sc00i00\n")
    usb.mkdir(parents=True)
    (usb / "modalias").write_text("usb:v0B95p7720d0001dcFFdscFFdp00icFFiscFFip00in00\n")
    found = rows(machine, cache)
    assert {name: row.devices for name, row in found.items()} == {
        "igb": ("0000:03:00.0 (eth0)",),
        "8390": ("1-1:1.0",),
        "e1000e": (),
    }


def test_the_list_is_light() -> None:
    """It answers in a few times what nm needs, so it must not load what only builds need."""
    said = "import sys; from omatic import cli, supported; print(*sorted({n.split('.')[0] for n in sys.modules}))"
    loaded = set(proc.run([sys.executable, "-c", said], cwd=ROOT).stdout.split())
    assert not loaded & {"asn1crypto", "clang", "elftools", "jinja2", "pyroute2"}
