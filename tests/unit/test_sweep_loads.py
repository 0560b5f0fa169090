# SPDX-License-Identifier: GPL-2.0-or-later
"""Loading every driver: what is tried, in which guests, what is kept, and who is blamed. No QEMU is run."""

import errno
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from omatic import clients, core, kernel, pipeline, proc, state
from omatic.core import Core
from omatic.dirs import Cache
from omatic.errors import RehearsalFailed
from omatic.lab import loading, qemu, tools
from omatic.lab.guest import GuestGone
from omatic.lab.kmsg import Line
from omatic.lab.loading import HOOK, Answer, Round, Seen
from omatic.lab.machine import Setup
from omatic.lab.nic import Nic
from omatic.lab.qemu import Qemu
from omatic.lab.verdict import Phase, Rehearsal
from omatic.lab.verdict import Verdict as TrafficVerdict
from omatic.model import Check, KernelTarget, Report, StockKernel, Verdict
from omatic.pipeline import Settings
from omatic.sweep import loadall, showloads, subjects
from omatic.sweep.loads import Loaded, LoadReport, Loads, by_driver
from omatic.sweep.tasks import Scope
from tests import toys

RELEASE = "6.1.0-1-toy"
NIC = Path("drivers/net/ethernet/toys")
CHECKS = (Check("provenance", Verdict.PASS, {"proof": "equal sections", "summary": ""}),)


@dataclass
class Guests:
    """Guests in which every module goes in and out; `spoil` has what some rounds give instead, once or always."""

    spoil: dict[tuple[str, bool], Seen | GuestGone] = field(default_factory=dict)
    once: bool = False
    played: list[list[tuple[str, bool]]] = field(default_factory=list)
    setups: list[Setup] = field(default_factory=list)

    def play(self, setup: Setup, rounds: Sequence[Round]) -> Iterator[tuple[Round, Seen]]:
        """Stand in for loading.play."""
        self.played.append([])
        self.setups.append(setup)
        for each in rounds:
            key = (each.driver, each.accelerated)
            self.played[-1].append(key)
            good = Seen(tuple(Answer(action, name, 0) for action in ("insert", "remove") for name in each.modules), ())
            seen = self.spoil.pop(key, good) if self.once else self.spoil.get(key, good)
            if isinstance(seen, GuestGone):
                raise seen
            yield each, seen
            if seen.left or seen.died:
                return


@dataclass
class Lab:
    """A kernel with three drivers, two of which are built, and guests."""

    settings: Settings
    target: KernelTarget
    guests: Guests

    def run(self, *, traffic: bool = False) -> LoadReport:
        """Load them all."""
        self.guests.played.clear()
        return loadall.every(Scope.NET, self.settings, traffic=traffic)

    def build(self, name: str, content: str = "1", checks: tuple[Check, ...] = CHECKS) -> Path:
        """Put an accelerated module into the cache."""
        out = self.settings.cache.work(RELEASE, name) / "out"
        module = out / f"{name}.ko"
        module.unlink(missing_ok=True)
        toys.module(module, depends=HOOK if name != "lib" else f"crc,{HOOK}", version=content)
        state.write_report(out, "inputs", module, Report(checks, 1), {}, None)
        return module


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """The kernel: lib is built and has a user, nic is built, odd is not."""
    folder = tmp_path / "lib/modules" / RELEASE
    for path, imports, depends in (
        (NIC / "nic.ko", ("napi_gro_receive",), ""),
        (NIC / "odd.ko", ("netif_rx", "netif_receive_skb"), ""),
        (Path("drivers/net/usb/lib.ko"), ("netif_rx",), "crc"),
        (Path("drivers/net/usb/user.ko"), ("lib_rx",), "lib"),
        (Path("lib/crc.ko"), (), ""),
    ):
        toys.module(folder / "kernel" / path, imports, depends=depends)
    with (folder / "kernel" / NIC / "nic.ko").open("ab") as file:
        file.write(b"\0" * 100_000)
    image = tmp_path / "vmlinuz"
    image.write_bytes(b"")
    (tmp_path / ".config").write_text("")
    stock = StockKernel(folder, image, "installed")
    target = KernelTarget(RELEASE, tmp_path, {}, tmp_path / "Module.symvers", "gcc", None)
    hook = toys.module(tmp_path / f"{HOOK}.ko")
    busybox = tmp_path / "busybox"
    busybox.write_bytes(b"static")
    guests = Guests()
    monkeypatch.setattr(kernel, "discover", lambda _release, root: replace(target, root=root))
    monkeypatch.setattr(pipeline, "stock_kernel", lambda _target, _settings: stock)
    monkeypatch.setattr(core, "build", lambda *_: Core(hook, hook, hook))
    monkeypatch.setattr(proc, "find", lambda _name: busybox)
    monkeypatch.setattr(qemu, "find", lambda: Qemu(Path("qemu"), "10"))
    monkeypatch.setattr(Qemu, "emulates", lambda *_: False)
    monkeypatch.setattr(tools, "labtool", lambda _work: busybox)
    monkeypatch.setattr(loading, "play", guests.play)
    found = Lab(Settings(Cache(tmp_path / "cache")), target, guests)
    found.build("lib")
    found.build("nic")
    return found


def test_each_driver_after_its_stock_twin(lab: Lab) -> None:
    """With what it needs below it and what needs it on top; what was not built is said to be so."""
    report = lab.run()
    found = by_driver(report.results)
    assert lab.guests.played == [[("lib", False), ("lib", True), ("nic", False), ("nic", True)]]
    assert (found["lib"].modules, found["lib"].dependents) == (("crc", HOOK, "lib", "user"), ("user",))
    assert {name: result.state for name, result in found.items()} == {
        "lib": Loads.ALIKE,
        "nic": Loads.ALIKE,
        "odd": Loads.MISSING,
    }
    assert report.complete and found["odd"].differences == ("not built",) and not found["odd"].good
    assert "1 not built" in showloads.report(report)


def test_what_is_not_proven_is_not_tried(lab: Lab) -> None:
    """Nor what was changed after it was proven."""
    lab.build("lib", checks=(*CHECKS, Check("minimality", Verdict.FAIL, {"summary": "no"})))
    with lab.build("nic").open("ab") as file:
        file.write(b"\0")
    found = by_driver(lab.run().results)
    assert lab.guests.played == []
    assert (found["lib"].differences, found["nic"].differences) == (("not proven: minimality: no",), ("not built",))


def test_what_passed_is_tried_again_when_it_changes(lab: Lab) -> None:
    """A run goes on where it was cut short, and takes what another build has changed."""
    lab.guests.spoil = {("nic", False): GuestGone("QEMU did not open its ports", hint="")}
    with pytest.raises(GuestGone):
        lab.run()
    lab.guests.spoil = {}
    first = by_driver(lab.run().results)
    assert lab.guests.played == [[("nic", False), ("nic", True)]]
    lab.build("nic", content="2")
    second = by_driver(lab.run().results)
    assert lab.guests.played == [[("nic", False), ("nic", True)]]
    assert second["lib"] == first["lib"] and second["nic"].sha256 != first["nic"].sha256
    lab.run()
    assert lab.guests.played == []


def test_scopes_share_what_passed(lab: Lab) -> None:
    """An Ethernet driver that has passed is not tried again because all drivers are asked for."""
    loadall.every(Scope.ETHERNET, lab.settings, traffic=False)
    assert lab.guests.played == [[("nic", False), ("nic", True)]]
    lab.run()
    assert lab.guests.played == [[("lib", False), ("lib", True)]]


def test_a_dead_guest_is_its_driver_s_fault_alone(lab: Lab) -> None:
    """The next driver goes on in a new guest, and the guilty one is tried again by itself before it is blamed."""
    lab.guests.spoil = {("lib", True): Seen((), (), died="BUG: boom")}
    found = by_driver(lab.run().results)
    assert lab.guests.played == [
        [("lib", False), ("lib", True)], [("lib", False)], [("lib", True)], [("nic", False), ("nic", True)],
    ]  # fmt: skip
    assert found["nic"].good and found["lib"].alone
    assert found["lib"].differences == ("with the accelerated module, the machine died: BUG: boom",)
    # Blame is not kept: it is tried again.
    lab.guests.spoil = {}
    assert by_driver(lab.run().results)["lib"].good and len(lab.guests.played) == 1


def test_what_others_left_behind_is_not_blamed(lab: Lab) -> None:
    """A warning that does not come back in a guest of its own was about somebody else."""
    noisy = Seen((), (Line(1, 1, "debugfs: File 'x' already present!", 4),))
    lab.guests.spoil, lab.guests.once = {("nic", True): noisy}, True
    nic = by_driver(lab.run().results)["nic"]
    assert nic.good and nic.alone


def test_a_module_that_cannot_be_removed(lab: Lab) -> None:
    """Ours cannot go in beside it, so it gets a new guest; that neither goes out is then an answer like any other."""
    stuck = Answer("remove", "lib", errno.EBUSY)
    answers = tuple(Answer("insert", name, 0) for name in ("crc", "lib"))
    lab.guests.spoil = {
        ("lib", False): Seen((*answers, stuck), (), left=("lib",)),
        ("lib", True): Seen((Answer("insert", HOOK, 0), *answers, stuck, Answer("remove", HOOK, 0)), (), ("lib",)),
    }
    lib = by_driver(lab.run().results)["lib"]
    assert lab.guests.played == [[("lib", False)], [("lib", True)], [("nic", False), ("nic", True)]]
    assert lib.good and lib.answers == ("remove lib: EBUSY",)


def test_traffic_for_those_with_a_nic(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where what needs a driver is what drives the device, it is rehearsed on top of ours; what passed stays so."""
    monkeypatch.setattr(Qemu, "emulates", lambda *_: True)
    monkeypatch.setattr(loadall, "NICS", (Nic("user", "model"),))
    monkeypatch.setattr(clients, "capture", lambda _cache: Path("pfq-capture"))
    tried = []

    def rehearse(wanted: Rehearsal) -> TrafficVerdict:
        tried.append((wanted.driver, *wanted.replacements))
        phase = Phase("load", len(tried) > 1, "")
        return TrafficVerdict(wanted.driver, RELEASE, "model", "10", (phase,), 7, 7, 1, Path("logs"))

    monkeypatch.setattr(loadall, "rehearse", rehearse)
    lib = by_driver(lab.run(traffic=True).results)["lib"]
    assert tried == [("user", "lib")] and lib.state is Loads.ALIKE and not lib.good
    assert showloads.wrong(lib) == ["rehearsal of user failed"]
    assert [plug.nic.model for plug in lab.guests.setups[0].plugs] == ["model"]
    for _again in range(2):
        lib = by_driver(lab.run(traffic=True).results)["lib"]
        assert tried == [("user", "lib")] * 2 and lib.good and lib.traffic[0]["captured"] == 7
    # Loading alone forgets no traffic.
    assert by_driver(lab.run().results)["lib"].traffic == lib.traffic


def test_guests_are_small(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the modules of all drivers do not fit into one guest, there are several."""
    monkeypatch.setattr(subjects.Stockroom.batches, "__defaults__", (1,))
    lab.run()
    assert [len(rounds) for rounds in lab.guests.played] == [2, 2]
    assert all(setup.memory < 600 for setup in lab.guests.setups)


def test_no_image_no_guest(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The headers alone are enough to build, not to boot."""
    stock = pipeline.stock_kernel(lab.target, lab.settings)
    monkeypatch.setattr(pipeline, "stock_kernel", lambda _target, _settings: replace(stock, image=None))
    with pytest.raises(RehearsalFailed, match="boot image"):
        lab.run()


def test_the_report_survives_as_json() -> None:
    """What is read back is what was written."""
    loaded = Loaded(
        "nic", "drivers/net/nic.ko", Loads.DIFFERS, "k", "aa", 1.5, ("nic",), differences=("a",), alone=True
    )
    report = LoadReport("6.1", "net", {"qemu": "10"}, 2, (loaded, replace(loaded, traffic=({"passed": False},))))
    assert LoadReport.from_json(json.loads(json.dumps(report.to_json()))) == report
    assert report.counts == {"as stock": 0, "differs": 2, "not built": 0} and not report.results[1].good
