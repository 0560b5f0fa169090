# SPDX-License-Identifier: GPL-2.0-or-later
"""The power fails at each step of a command: the machine comes up with a working NIC, `status` tells the truth, and
running the command again finishes the job.

In small machines at each journal entry and within the long steps; with systemd and the distribution's own initramfs
once per command, by killing QEMU at the worst moment. PFQ_TEST_LIFE=short does a few moments of one command only.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from omatic.errors import OmaticError
from tests.life import cuts
from tests.life.conftest import Boot
from tests.life.cuts import Cut
from tests.life.image import Image

pytestmark = pytest.mark.life
SHORT = os.environ.get("PFQ_TEST_LIFE") == "short"
long_only = pytest.mark.skipif(SHORT, reason="the short form")
# QEMU's model has the same name. It is not in the initramfs, which an emulated machine takes minutes to make again.
DRIVER = "vmxnet3"


@pytest.fixture(scope="module")
def installed(made_image: Image, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Cut], Path]:
    """Install the driver once; return the disk at each entry and at the end."""
    folder = tmp_path_factory.mktemp("install")
    with Boot(made_image, folder).boot(small=True, nics=(DRIVER,)) as vm:
        found = cuts.at_every_entry(vm, f"install {DRIVER}", folder / "cuts")
        assert cuts.whose(vm, DRIVER) == "ours"
        vm.power_off()
        return found, vm.disk


def _survive_all(found: Sequence[Cut], made: Image, folder: Path, command: str) -> None:
    # Every moment is looked at, even if an earlier one was bad. The command is run again where it was cut short, from
    # each entry; what lies within a step differs from the entry before by files that nobody knows of yet.
    bad = []
    for number, cut in enumerate(found):
        boot = Boot(made, folder / f"cut{number}", disk=cut.disk)
        try:
            cuts.survive(boot, command, DRIVER, again=not cut.moment.endswith("..."))
        except (AssertionError, OmaticError) as error:
            bad.append(f"{cut.moment}: {type(error).__name__}: {error}")
    assert not bad, "\n".join(bad)


def _few(found: Sequence[Cut]) -> Sequence[Cut]:
    return (found[len(found) // 2],) if SHORT else found


def test_cut_short_installing(installed: tuple[list[Cut], Path], made_image: Image, tmp_path: Path) -> None:
    """Cut short anywhere, the stock driver or ours drives the NIC, and install ends well when it is run again."""
    found, _ = installed
    _survive_all(_few(found), made_image, tmp_path, f"install {DRIVER}")


@long_only
@pytest.mark.parametrize(("command", "after"), [("uninstall", "stock"), ("load --confirm-within 1h", "ours")])
def test_what_needs_an_installed_driver(
    command: str, after: str, installed: tuple[list[Cut], Path], made_image: Image, tmp_path: Path
) -> None:
    """Removing files, and swapping the running driver under the watchdog."""
    _, disk = installed
    first = Boot(made_image, tmp_path / "first", disk=disk)
    with first.boot(small=True, nics=(DRIVER,)) as vm:
        vm.bring_up(0)
        if command.startswith("load"):
            # What runs after a boot is ours already.
            vm.must(f"rmmod {DRIVER}; insmod $(find /lib/modules/*/kernel -name {DRIVER}.ko)")
            vm.bring_up(0)
        found = cuts.at_every_entry(vm, f"{command} {DRIVER}", tmp_path / "cuts")
        assert cuts.whose(vm, DRIVER) == after
    _survive_all(found, made_image, tmp_path, f"{command} {DRIVER}")


@long_only
def test_dkms_add(made_image: Image, tmp_path: Path) -> None:
    """Registering, building and installing with DKMS."""
    with Boot(made_image, tmp_path / "first").boot(small=True, nics=(DRIVER,)) as vm:
        found = cuts.at_every_entry(vm, f"dkms add {DRIVER}", tmp_path / "cuts")
        assert cuts.whose(vm, DRIVER) == "ours"
    _survive_all(found, made_image, tmp_path, f"dkms add {DRIVER}")


@long_only
@pytest.mark.parametrize(
    ("before", "command", "moment"),
    [
        ("", "install e1000e", "making the initramfs"),
        ("install e1000e", "uninstall e1000e", "making the initramfs"),
        ("install vmxnet3", "load vmxnet3", "journal: 1/"),
        ("", "dkms add vmxnet3", "journal: 2/"),
    ],
)
def test_a_whole_system(before: str, command: str, moment: str, rig: Boot) -> None:
    """systemd, udev and the initramfs of the disk; QEMU is killed."""
    driver = command.split()[-1]
    with rig.boot(nics=(driver,)) as vm:
        vm.wait_for_systemd()
        if before:
            vm.must(f"pfq-omatic {before}", patience=1800.0)
        task = vm.background(f"pfq-omatic -v {command}")
        assert task.wait_for(moment, 1800.0), task.text()
        vm.kill()
    with rig.boot(nics=(driver,)) as vm:
        assert vm.wait_for_systemd() == "running", vm.run("systemctl --failed").output
        cuts.examine(vm, command, driver)
        cuts.finish(vm, command)
        vm.power_off()
    with rig.boot(nics=(driver,)) as vm:
        vm.wait_for_systemd()
        cuts.examine(vm, command, driver)
        assert cuts.running(vm, driver) == ("stock" if command.startswith("uninstall") else "ours")
