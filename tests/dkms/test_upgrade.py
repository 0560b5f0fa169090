# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel upgrade with real apt, dpkg and dkms: the drivers follow, or the stock ones stay, and apt never fails."""

from collections.abc import Callable
from pathlib import Path

import pytest

from omatic import clients, dirs
from omatic.dirs import Cache
from omatic.lab.rehearse import Rehearsal, rehearse
from tests.dkms.conftest import Machine

pytestmark = pytest.mark.dkms
VERSIONS = ("3.0.10", "3.2")


@pytest.mark.parametrize("dkms", VERSIONS)
def test_drivers_follow_an_upgrade(dkms: str, machine: Callable[[str], Machine], tmp_path: Path) -> None:
    """When apt is done the new kernel has its drivers, proven, also in its initramfs; it boots and captures with them.

    Then they are removed, and nothing is left.
    """
    there = machine(dkms)
    before = there.listing()
    there.tool("dkms", "add", "e1000e", "vmxnet3")
    there.upgrade()
    for release in (there.old, there.new):
        for driver in ("e1000e", "vmxnet3", "pfq_hook"):
            assert there.loads(release, driver).startswith(f"updates/dkms/{driver}.ko")
        for driver in ("e1000e", "vmxnet3"):
            assert there.record(release, driver)["result"] == "ready"
        # Not even moved, which is what dkms 3.2 does to a driver that it replaces.
        assert there.verify(release) == ""
        inside = there.run(f"lsinitramfs /boot/initrd.img-{release}").stdout
        assert "updates/dkms/e1000e.ko" in inside
        assert "kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko" not in inside
    for driver in ("e1000e", "vmxnet3"):
        _boots_and_captures(there, driver, tmp_path)
    there.run(f"apt-get -y purge linux-image-{there.new} linux-headers-{there.new}")
    assert not (there.path / "var/lib/pfq-omatic/receipts" / there.new).exists()
    there.tool("dkms", "remove", "e1000e")
    assert there.loads(there.old, "e1000e").startswith("kernel/")
    assert there.loads(there.old, "vmxnet3").startswith("updates/")
    there.tool("dkms", "remove", "vmxnet3")
    assert there.verify(there.old) == ""
    after = there.listing()
    assert {name: after.get(name) for name in after.keys() | before.keys() if after.get(name) != before.get(name)} == {}


def _boots_and_captures(there: Machine, driver: str, tmp_path: Path) -> None:
    tree = there.path / "lib/modules" / there.new
    installed = {name: next((tree / "updates/dkms").glob(f"{name}.ko*")) for name in (driver, "pfq_hook", "pfq")}
    verdict = rehearse(
        Rehearsal(
            driver=driver,
            kernel=there.path / "boot" / f"vmlinuz-{there.new}",
            modules=tree,
            work=tmp_path / driver,
            replacements={driver: installed[driver]},
            hook=installed["pfq_hook"],
            core=installed["pfq"],
            capture=clients.capture(Cache(dirs.default_cache())),
        )
    )
    assert verdict.passed, "\n".join(f"{phase.name}: {phase.detail}" for phase in verdict.phases)
    assert verdict.sent == verdict.captured > 0


@pytest.mark.parametrize("dkms", VERSIONS)
def test_no_network_during_the_upgrade(dkms: str, machine: Callable[[str], Machine]) -> None:
    """apt succeeds, the stock driver is in charge, and the reason is on record; later it is made up for."""
    there = machine(dkms)
    before = there.listing()
    there.tool("dkms", "add", "vmxnet3")
    there.cut_off()
    there.upgrade()
    assert there.loads(there.new, "vmxnet3").startswith("kernel/")
    assert there.loads(there.old, "vmxnet3").startswith("updates/dkms/")
    record = there.record(there.new, "vmxnet3")
    assert record["result"] == "failed"
    assert "could not be downloaded" in record["why"]
    assert "pfq-omatic dkms retry" in record["hint"]
    status = there.tool("status", "--kernel", there.new, "--json", check=False)
    assert status.returncode == 1
    assert "could not be downloaded" in status.stdout
    # Still unreachable: said once more, and nothing breaks.
    again = there.tool("dkms", "retry", check=False)
    assert again.returncode == 23
    there.reconnect()
    there.tool("dkms", "retry")
    assert there.loads(there.new, "vmxnet3").startswith("updates/dkms/")
    assert there.record(there.new, "vmxnet3")["result"] == "ready"
    there.run(f"apt-get -y purge linux-image-{there.new} linux-headers-{there.new}")
    there.tool("dkms", "remove", "vmxnet3")
    assert there.verify(there.old) == ""
    after = there.listing()
    assert {name: after.get(name) for name in after.keys() | before.keys() if after.get(name) != before.get(name)} == {}


def test_dkms_takes_over_from_install(machine: Callable[[str], Machine]) -> None:
    """One owner at any time: dkms takes driver and core over; the core does not go while somebody needs it."""
    there = machine("3.0.10")
    # Most machines have it; `uninstall` makes it where it is missing, and leaves it.
    (there.path / "etc/depmod.d").mkdir(exist_ok=True)
    before = there.listing()
    there.tool("install", "vmxnet3", "--kernel", there.old)
    there.tool("dkms", "add", "vmxnet3", "--kernel", there.old)
    updates = there.path / "lib/modules" / there.old / "updates"
    assert {path.name for path in updates.rglob("*.ko")} == {"vmxnet3.ko", "pfq_hook.ko", "pfq.ko"}
    assert there.loads(there.old, "vmxnet3").startswith("updates/dkms/")
    assert there.tool("install", "vmxnet3", "--kernel", there.old, check=False).returncode == 19
    there.tool("install", "e1000e", "--kernel", there.old)
    refused = there.tool("dkms", "remove", "vmxnet3", check=False)
    assert refused.returncode == 23
    assert "pfq-omatic uninstall e1000e" in refused.stderr
    there.tool("uninstall", "e1000e", "--kernel", there.old)
    there.tool("dkms", "remove", "vmxnet3")
    after = there.listing()
    assert {name: after.get(name) for name in after.keys() | before.keys() if after.get(name) != before.get(name)} == {}
