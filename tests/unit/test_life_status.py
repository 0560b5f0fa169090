# SPDX-License-Identifier: GPL-2.0-or-later
"""What `status` says of machines below another root, with what a running kernel shows in /sys and /proc."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from omatic import cli
from omatic.dirs import Cache
from omatic.life import dkmsrecord, journal, modprobe, receipt, running, show
from omatic.life.status import BROKEN, DEGRADED, GOOD, Driver, Status, examine
from tests import toys
from tests.toys import INTEL, RELEASE, Machine

OURS = "updates" / INTEL / "e1000e/e1000e.ko"
THEIRS = "kernel" / INTEL / "e1000e/e1000e.ko"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toys.kernel(tmp_path_factory.mktemp("kernel"))


@pytest.fixture
def machine(tmp_path: Path, kernel: Path) -> Machine:
    return toys.machine(tmp_path, kernel)


@pytest.fixture
def installed(machine: Machine) -> Machine:
    machine.install("e1000e")
    return machine


def look(machine: Machine) -> Status:
    return examine(machine.system, Cache(machine.system.root / "cache"))


def only(machine: Machine) -> Driver:
    (driver,) = look(machine).drivers
    return driver


def reasons(machine: Machine, level: int) -> str:
    """Return what is wrong, which must be of that level."""
    found = look(machine)
    assert found.level == level, found.all_troubles()
    assert all(trouble.hint for trouble in found.all_troubles())
    return "; ".join(trouble.what for trouble in found.all_troubles())


def test_a_machine_without_us(machine: Machine) -> None:
    found = look(machine)
    assert (found.level, found.drivers, found.unfinished) == (GOOD, (), None)
    assert "no driver is installed" in show.status(found)


def test_all_as_wanted(installed: Machine) -> None:
    driver = only(installed)
    assert (driver.owner, driver.installed, driver.modprobe, driver.running) == ("install", "yes", "ours", "")
    assert driver.stock == f"/lib/modules/{RELEASE}/{THEIRS}"
    assert driver.provenance == "equal sections"
    assert reasons(installed, GOOD) == ""
    assert "all as wanted" in show.status(look(installed))


@pytest.mark.parametrize(
    ("loaded", "whose", "level"),
    [
        (None, running.ABSENT, GOOD),
        ("ours", running.OURS, GOOD),
        ("earlier", running.OTHER_BUILD, GOOD),
        ("stock", running.STOCK, DEGRADED),
        ("vendor", running.FOREIGN, DEGRADED),
    ],
)
def test_whose_is_running(installed: Machine, loaded: str | None, whose: str, level: int) -> None:
    """Told by build id and mark: the file's name is the same for all of them."""
    installed.boot()
    files = {
        "ours": installed.file(OURS),
        "stock": installed.file(THEIRS),
        "earlier": installed.delivery("e1000e", mark="0").modules[0].file,
        "vendor": toys.module(installed.builds / "vendor/e1000e.ko", version="3.8.7"),
    }
    if loaded:
        installed.load(files[loaded])
    assert only(installed).running == whose
    assert look(installed).level == level


def test_the_way_of_packets(installed: Machine) -> None:
    installed.boot()
    installed.load(installed.file(OURS), "eth0", "eth1")
    installed.load(installed.file("kernel" / INTEL / "igb/igb.ko"), "eth2")
    devices = {device.name: device for device in look(installed).devices}
    assert [devices[name].hooked for name in ("eth0", "eth1", "eth2")] == [True, True, False]
    said = show.status(look(installed))
    assert "pfq is not loaded" in said and "past the hook" in said
    installed.load(installed.file("updates/pfq/pfq.ko"))
    table = installed.system.root / "proc/net/pfq/devices"
    table.parent.mkdir(parents=True)
    table.write_text(
        "ifindex: handed    consumed  passed    both      freed     groups           frames      name\n"
        "      2: 10        10        0         0         0         0000000000000009 accelerated eth0\n"
    )
    devices = {device.name: device for device in look(installed).devices}
    assert (devices["eth0"].groups, devices["eth1"].groups) == ((0, 3), ())
    assert look(installed).core == {"pfq_hook": None, "pfq": "1"}
    said = show.status(look(installed))
    assert "to PFQ: groups 0, 3" in said and "not bound" in said


def test_files_that_are_not_as_the_receipt_says(installed: Machine) -> None:
    with installed.file(OURS).open("ab") as file:
        file.write(b"changed")
    assert "not the one that was installed" in reasons(installed, BROKEN)
    installed.file(OURS).unlink()
    modprobe.depmod(installed.system, RELEASE)
    assert "modprobe would load the stock driver; its files are missing" in reasons(installed, DEGRADED)


def test_a_driver_without_its_hook(installed: Machine) -> None:
    installed.file("updates/pfq/pfq_hook.ko").unlink()
    modprobe.depmod(installed.system, RELEASE)
    assert "pfq_hook is not there" in reasons(installed, BROKEN)


def test_what_the_kernel_would_not_load(installed: Machine) -> None:
    """Installed while nobody asked for signatures; now somebody does."""
    installed.boot()
    enforced = installed.system.root / "sys/module/module/parameters/sig_enforce"
    enforced.parent.mkdir(parents=True)
    enforced.write_text("Y\n")
    said = reasons(installed, BROKEN)
    assert "would not load it: pfq_hook.ko is not signed" in said and "e1000e.ko is not signed" in said


def test_two_modules_of_a_name(installed: Machine) -> None:
    toys.module(installed.file("extra/e1000e.ko"))
    assert "is there twice" in reasons(installed, BROKEN)


def test_two_owners(installed: Machine) -> None:
    (installed.system.root / "var/lib/dkms/pfq-e1000e").mkdir(parents=True)
    assert "both `install` and DKMS own it" in reasons(installed, BROKEN)


def test_outranked_later(installed: Machine) -> None:
    config = installed.system.root / "etc/depmod.d/site.conf"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f"override e1000e * kernel/{INTEL}/e1000e\n")
    modprobe.depmod(installed.system, RELEASE)
    assert "modprobe would load the stock driver" in reasons(installed, DEGRADED)


def test_the_kernels_module_was_updated(installed: Machine) -> None:
    with installed.file(THEIRS).open("ab") as file:
        file.write(b"a security fix")
    assert "has changed since" in reasons(installed, DEGRADED)


def test_dkms_and_its_last_result(machine: Machine) -> None:
    """Registered means wanted; a failure is told with its reason until the driver is in place."""
    (machine.system.root / "var/lib/dkms/pfq-e1000e").mkdir(parents=True)
    assert "modprobe would load the stock driver" in reasons(machine, DEGRADED)
    dkmsrecord.write(machine.system, RELEASE, "e1000e", dkmsrecord.FAILED, "no network", hint="plug it in")
    assert "the stock driver is in charge: no network" in reasons(machine, DEGRADED)
    assert only(machine).owner == "dkms"
    (machine.system.root / "var/lib/dkms/pfq-e1000e").rmdir()
    machine.install("e1000e")
    kept = receipt.read(machine.system, RELEASE, "e1000e")
    assert kept is not None
    receipt.write(machine.system, replace(kept, owner="dkms"))
    dkmsrecord.write(machine.system, RELEASE, "e1000e", dkmsrecord.READY, "built")
    assert reasons(machine, GOOD) == ""


def test_an_unfinished_operation(installed: Machine) -> None:
    journal.begin(installed.system, "install", ["igb"], ["a", "b"])
    assert "`install igb` (0 of 2 steps done)" in reasons(installed, DEGRADED)


def test_the_command(installed: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit codes are the levels; JSON says the same."""
    root = str(installed.system.root)

    def run(*arguments: str) -> tuple[object, str]:
        with pytest.raises(SystemExit) as done:
            cli.main(["status", "--sysroot", root, *arguments])
        return done.value.code, capsys.readouterr().out

    assert run()[0] == 0
    toys.module(installed.file("extra/e1000e.ko"))
    code, out = run("--json")
    said = json.loads(out)
    assert code == said["level"] == 2
    assert said["drivers"][0]["name"] == "e1000e" and said["troubles"][0]["level"] == 2
    with pytest.raises(SystemExit) as done:
        cli.main(["uninstall", "igb", "--sysroot", root, "--kernel", RELEASE])
    assert done.value.code == 25
    assert "hint: " in capsys.readouterr().err
