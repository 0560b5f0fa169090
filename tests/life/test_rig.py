# SPDX-License-Identifier: GPL-2.0-or-later
"""The rig itself: both ways to boot, traffic, going back, and a power cut that loses what was not synced."""

import pytest

from tests.life.conftest import Boot

pytestmark = pytest.mark.life


def test_a_small_machine_goes_back_and_loses_power(rig: Boot) -> None:
    """Saved state comes back; after a power cut synced files are there and others are not."""
    with rig.boot(small=True, nics=("e1000e", "vmxnet3")) as vm:
        assert vm.bring_up(0) and vm.bring_up(1)
        assert vm.reaches(0) and vm.reaches(1)
        vm.save("ready")
        vm.must("echo gone >/root/gone; sync")
        vm.restore("ready")
        assert vm.run("test -e /root/gone").status == 1
        assert vm.reaches(0)
        vm.must("echo kept >/root/kept; sync /root/kept /root; echo lost >/root/lost")
        vm.kill()
    with rig.boot(small=True) as vm:
        assert vm.must("cat /root/kept") == "kept\n"
        assert vm.run("test -s /root/lost").status == 1
        assert vm.bring_up(0) and vm.reaches(0)
        assert not vm.complaints()


def test_systemd_boots_and_nothing_is_built_anew(rig: Boot) -> None:
    """The drivers that were built before the disk was made are found in the guest; channels work side by side."""
    with rig.boot() as vm:
        assert vm.wait_for_systemd() == "running", vm.run("systemctl --failed").output
        task = vm.background("pfq-omatic build e1000e")
        assert vm.bring_up(0) and vm.reaches(0)
        built = task.result()
        assert built.status == 0, built.output
        assert "nothing changed" in built.output
        vm.power_off()
    with rig.boot() as vm:
        assert vm.wait_for_systemd() == "running"
