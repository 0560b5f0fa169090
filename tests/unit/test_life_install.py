# SPDX-License-Identifier: GPL-2.0-or-later
"""Installing and removing below another root, with the real depmod, modinfo and dpkg-query, and power cuts anywhere."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from omatic.dirs import Cache, sha256
from omatic.errors import (
    Busy,
    InstallFailed,
    Interrupted,
    KernelMissing,
    NotInstalled,
    Unfinished,
    UsageError,
)
from omatic.life import initramfs, journal, receipt, status, steps
from omatic.life.change import Result
from omatic.life.install import deploy
from omatic.life.journal import Journal
from omatic.life.uninstall import withdraw
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


def level(machine: Machine) -> int:
    return status.examine(machine.system, Cache(machine.builds)).level


# --- what is put where, and taken away


def test_installed_beside_the_stock_module_and_preferred(machine: Machine) -> None:
    before = machine.content()
    result = machine.install("e1000e")
    assert machine.loads("e1000e") == str(OURS)
    assert machine.loads("pfq_hook") == "updates/pfq/pfq_hook.ko"
    after = machine.content()
    assert {path: after[path] for path in before if path.startswith("kernel/")} == {
        path: sum for path, sum in before.items() if path.startswith("kernel/")
    }
    (kept,) = [one for one in receipt.every(machine.system) if one.driver == "e1000e"]
    assert kept in result.receipts
    assert [(file.path, file.sha256) for file in kept.files] == [
        (f"/lib/modules/{RELEASE}/{OURS}", sha256(machine.file(OURS)))
    ]
    assert kept.stock is not None and kept.stock.sha256 == sha256(machine.file(THEIRS))
    assert (kept.owner, kept.sites, kept.provenance, kept.signer) == ("install", 1, "equal sections", "")
    assert journal.unfinished(machine.system) is None


def test_a_second_time_nothing_is_done(machine: Machine) -> None:
    machine.install("e1000e")
    before = {path: path.stat().st_mtime_ns for path in machine.system.root.rglob("*")}
    assert machine.install("e1000e").steps == ()
    after = {path: path.stat().st_mtime_ns for path in machine.system.root.rglob("*")}
    assert {path for path in after if after[path] != before.get(path)} <= {machine.system.run / "lock"}


def test_removed_without_a_trace(machine: Machine) -> None:
    before = machine.content()
    machine.install("e1000e")
    machine.uninstall("e1000e")
    assert machine.content() == before
    assert not (machine.system.root / "etc/depmod.d").exists()
    assert list(receipt.every(machine.system)) == []
    with pytest.raises(NotInstalled):
        machine.uninstall("e1000e")


def test_the_core_stays_while_a_driver_needs_it(machine: Machine) -> None:
    machine.install("e1000e", "igb")
    machine.uninstall("e1000e")
    assert (machine.loads("e1000e"), machine.loads("pfq_hook")) == (str(THEIRS), "updates/pfq/pfq_hook.ko")
    machine.uninstall("igb")
    assert not machine.file("updates").exists()


def test_a_helper_comes_and_goes_with_its_driver(machine: Machine) -> None:
    machine.install("ne2k_pci", "8390")
    machine.uninstall("ne2k-pci")
    assert list(receipt.every(machine.system)) == []
    assert machine.loads("8390") == "kernel/drivers/net/ethernet/8390/8390.ko"


def test_dry_runs_change_nothing(machine: Machine) -> None:
    before = set(machine.system.root.rglob("*"))
    planned = machine.install("e1000e", dry_run=True)
    assert set(machine.system.root.rglob("*")) == before
    assert machine.install("e1000e").steps == planned.steps
    before = set(machine.system.root.rglob("*"))
    assert any("remove" in step for step in machine.uninstall("e1000e", dry_run=True).steps)
    assert set(machine.system.root.rglob("*")) == before


def test_a_new_build_replaces_the_old_one(machine: Machine) -> None:
    machine.install("e1000e")
    old = sha256(machine.file(OURS))
    machine.install("e1000e", mark="2")
    kept = receipt.read(machine.system, RELEASE, "e1000e")
    assert kept is not None and [file.sha256 for file in kept.files] == [sha256(machine.file(OURS))]
    assert sha256(machine.file(OURS)) != old
    assert level(machine) == status.GOOD


# --- what is refused, and undone


def test_outranked_by_depmods_configuration(machine: Machine) -> None:
    """All is undone, and the line that decides is shown."""
    config = machine.system.root / "etc/depmod.d/site.conf"
    config.parent.mkdir(parents=True)
    config.write_text(f"# ours\noverride e1000e * kernel/{INTEL}/e1000e\n")
    before = machine.content()
    with pytest.raises(InstallFailed) as failed:
        machine.install("e1000e")
    assert failed.value.details == (f"/etc/depmod.d/site.conf:2: override e1000e * kernel/{INTEL}/e1000e",)
    assert machine.content() == before
    assert journal.unfinished(machine.system) is None
    assert list(receipt.every(machine.system)) == []


def test_a_failed_upgrade_leaves_the_old_build(machine: Machine) -> None:
    machine.install("e1000e", "igb")
    before = machine.content()
    config = machine.system.root / "etc/depmod.d/site.conf"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f"override igb * kernel/{INTEL}/igb\n")
    with pytest.raises(InstallFailed):
        machine.install("igb", mark="2")
    config.unlink()
    machine.install("igb")
    assert machine.content() == before


def test_ctrl_c_undoes(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    before = machine.content()

    def interrupt(*_: object) -> None:
        raise Interrupted

    monkeypatch.setattr(steps.Expect, "do", interrupt)
    with pytest.raises(Interrupted):
        machine.install("e1000e")
    assert machine.content() == before
    assert journal.unfinished(machine.system) is None


def test_somebody_elses_file_is_in_the_way(machine: Machine) -> None:
    toys.module(machine.file(OURS), version="somebody's")
    before = machine.content()
    with pytest.raises(InstallFailed, match="was not put there by pfq-omatic"):
        machine.install("e1000e")
    assert machine.content() == before


def test_a_packages_file_is_in_the_way(machine: Machine) -> None:
    toys.module(machine.file(OURS), version="vendor's")
    database = machine.system.root / "var/lib/dpkg"
    (database / "info").mkdir(parents=True)
    entry = "Package: vendor-e1000e\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n"
    (database / "status").write_text(f"{entry}Maintainer: x\nDescription: x\n\n")
    (database / "info/vendor-e1000e.list").write_text(f"/usr/lib/modules/{RELEASE}/{OURS}\n")
    (database / "info/format").write_text("1\n")
    with pytest.raises(InstallFailed, match="belongs to the package vendor-e1000e"):
        machine.install("e1000e")


def test_another_module_of_that_name(machine: Machine) -> None:
    toys.module(machine.file("extra/e1000e.ko"))
    with pytest.raises(InstallFailed, match=f"another e1000e is at /lib/modules/{RELEASE}/extra/e1000e.ko"):
        machine.install("e1000e")


@pytest.mark.parametrize(("folder", "driver"), [("pfq-e1000e", "e1000e"), ("pfq-ne2k-pci", "ne2k_pci")])
def test_dkms_owns_the_driver(machine: Machine, folder: str, driver: str) -> None:
    (machine.system.root / "var/lib/dkms" / folder).mkdir(parents=True)
    with pytest.raises(InstallFailed) as failed:
        machine.install(driver)
    assert f"pfq-omatic dkms remove {driver}" in failed.value.hint


def test_the_core_of_dkms_is_used(machine: Machine) -> None:
    """Where DKMS has put the core, it stays the only one."""
    machine.install("e1000e")
    core = receipt.read(machine.system, RELEASE, "pfq")
    assert core is not None
    receipt.write(machine.system, replace(core, owner="dkms"))
    machine.uninstall("e1000e")
    assert machine.loads("pfq_hook") == "updates/pfq/pfq_hook.ko"
    result = machine.install("igb")
    assert [kept.driver for kept in result.receipts] == ["igb"]


def test_no_such_kernel(machine: Machine) -> None:
    with pytest.raises(KernelMissing):
        deploy([machine.delivery("e1000e", release="5.4.0-toy")], machine.options("e1000e"))


def test_one_at_a_time(machine: Machine) -> None:
    with machine.system.lock(), pytest.raises(Busy):
        machine.install("e1000e")


# --- what removal leaves alone


def test_a_changed_file_stays(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.install("e1000e")
    with machine.file(OURS).open("ab") as file:
        file.write(b"changed")
    machine.uninstall("e1000e")
    assert machine.file(OURS).is_file()
    assert str(OURS) in capsys.readouterr().err


def test_not_without_the_stock_module(machine: Machine) -> None:
    machine.install("e1000e")
    machine.file(THEIRS).rename(machine.builds / "hidden.ko")
    with pytest.raises(InstallFailed) as failed:
        machine.uninstall("e1000e")
    assert "reinstall" in failed.value.hint
    assert machine.loads("e1000e") == str(OURS)


def test_after_the_kernel_has_gone(machine: Machine) -> None:
    """The kernel's package leaves our files behind: they go, and nothing else is made."""
    machine.install("e1000e")
    for path in sorted(machine.file("kernel").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    machine.file("kernel").rmdir()
    machine.uninstall("e1000e")
    assert not machine.file("updates").exists()
    assert list(receipt.every(machine.system)) == []


def test_what_cannot_be_removed(machine: Machine) -> None:
    with pytest.raises(UsageError):
        machine.uninstall("pfq")
    machine.install("e1000e")
    with pytest.raises(NotInstalled) as refused:
        withdraw(["e1000e"], "5.4.0-toy", machine.options("e1000e"))
    assert refused.value.details == (f"installed for {RELEASE}",)
    kept = receipt.read(machine.system, RELEASE, "e1000e")
    assert kept is not None
    receipt.write(machine.system, replace(kept, owner="dkms"))
    with pytest.raises(NotInstalled, match="DKMS"):
        machine.uninstall("e1000e")


# --- power cuts


def cut(machine: Machine, work: Callable[[], Result], after: int) -> bool:
    """Do `work` in a process that dies, as if the power went, once `after` steps are done; tell whether it did."""
    child = os.fork()
    if child == 0:
        begin, done = journal.begin, Journal.done

        def die(_: object = None) -> None:
            left = journal.unfinished(machine.system)
            if left is not None and left.done == after:
                os._exit(9)

        def begin_and_die(*arguments: Any) -> Journal:
            begun = begin(*arguments)
            die()
            return begun

        def done_and_die(self: Journal) -> None:
            done(self)
            die()

        journal.begin, Journal.done = begin_and_die, done_and_die  # type: ignore[assignment,method-assign]
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def assert_bootable(machine: Machine) -> None:
    """Whatever modprobe would load is there, and so is what it needs."""
    text = machine.file("modules.dep").read_text()
    for name in ("e1000e", "igb"):
        path = machine.loads(name)
        assert path is not None and machine.file(path).is_file()
        (line,) = [line for line in text.splitlines() if line.startswith(f"{path}:")]
        assert all(machine.file(needed).is_file() for needed in line.split(":")[1].split())


@pytest.mark.parametrize("started", ["fresh", "upgrade"])
def test_install_after_a_power_cut(tmp_path: Path, kernel: Path, started: str) -> None:
    """At every step: a driver can be loaded, status knows, and the same command finishes."""
    count = 0
    while True:
        (tmp_path / str(count)).mkdir()
        machine = toys.machine(tmp_path / str(count), kernel)
        if started == "upgrade":
            machine.install("e1000e", mark="0")
        if not cut(machine, lambda m=machine: m.install("e1000e"), count):  # type: ignore[misc]
            break
        assert_bootable(machine)
        assert level(machine) >= status.DEGRADED
        with pytest.raises(Unfinished):
            machine.install("igb")
        machine.install("e1000e")
        assert machine.loads("e1000e") == str(OURS)
        assert level(machine) == status.GOOD
        machine.uninstall("e1000e")
        assert not machine.file("updates").exists()
        count += 1
    assert count >= 8


def test_uninstall_ends_an_unfinished_install(tmp_path: Path, kernel: Path) -> None:
    for count in (0, 1, 4, 7):
        (tmp_path / str(count)).mkdir()
        machine = toys.machine(tmp_path / str(count), kernel)
        before = machine.content()
        assert cut(machine, lambda m=machine: m.install("e1000e"), count)  # type: ignore[misc]
        machine.uninstall("e1000e")
        assert machine.content() == before
        assert journal.unfinished(machine.system) is None


def test_uninstall_after_a_power_cut(tmp_path: Path, kernel: Path) -> None:
    count = 0
    while True:
        (tmp_path / str(count)).mkdir()
        machine = toys.machine(tmp_path / str(count), kernel)
        before = machine.content()
        machine.install("e1000e")
        if not cut(machine, lambda m=machine: m.uninstall("e1000e"), count):  # type: ignore[misc]
            break
        assert_bootable(machine)
        assert level(machine) >= status.DEGRADED
        machine.uninstall("e1000e")
        assert machine.content() == before
        assert journal.unfinished(machine.system) is None and list(receipt.every(machine.system)) == []
        count += 1
    assert count >= 10


def test_undone_after_a_power_cut_means_the_stock_driver(machine: Machine) -> None:
    """What was there before the first run is not known any more; but another driver keeps its core."""
    machine.install("igb")
    assert cut(machine, lambda: machine.install("e1000e", mark="2"), 4)
    config = machine.system.root / "etc/depmod.d/site.conf"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f"override e1000e * kernel/{INTEL}/e1000e\n")
    with pytest.raises(InstallFailed):
        machine.install("e1000e", mark="2")
    assert_bootable(machine)
    assert not machine.file(OURS).exists()
    assert machine.loads("igb") == f"updates/{INTEL}/igb/igb.ko"
    assert level(machine) == status.GOOD


# --- listings of images

LISTINGS = {
    "lsinitramfs": "usr/lib/modules/6.1-x/updates/a/e1000e.ko\nusr/lib/modules/6.1-x/kernel/b/igb.ko.xz\nusr/bin/sh\n",
    "lsinitrd": "-rw-r--r--   1 root root 9 Jan  1 00:00 usr/lib/modules/6.1-x/updates/a/e1000e.ko\n"
    "-rw-r--r--   1 root root 9 Jan  1 00:00 usr/lib/modules/6.1-x/kernel/b/igb.ko.xz\n"
    "drwxr-xr-x   1 root root 0 Jan  1 00:00 usr/lib/modules/6.1-x/kernel\n",
    "lsinitcpio": "usr/lib/modules/6.1-x/updates/a/e1000e.ko\nusr/lib/modules/6.1-x/kernel/b/igb.ko.xz\n",
}


@pytest.mark.parametrize("listing", LISTINGS)
def test_modules_of_an_image(listing: str) -> None:
    image = initramfs.Image(Path("/boot/x"), initramfs.modules(LISTINGS[listing], "6.1-x"))
    assert image.modules == {"e1000e": ("updates/a/e1000e.ko",), "igb": ("kernel/b/igb.ko.xz",)}
    assert image.holds("igb", "kernel/b/igb.ko") and not image.holds("e1000e", "kernel/b/e1000e.ko")
