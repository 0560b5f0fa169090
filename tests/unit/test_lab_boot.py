# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest boots with: module order, the archive, QEMU's command line. No QEMU is run."""

import gzip
import lzma
import stat
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard

from omatic.errors import RehearsalFailed
from omatic.lab import cpio, machine, modules, nic
from omatic.lab.qemu import Qemu
from omatic.lab.verdict import Phase, Verdict


def _ko(depends: str) -> bytes:
    return f"\x7fELF...license=GPL\0depends={depends}\0name=x\0".encode()


@pytest.fixture
def stock(tmp_path: Path) -> Path:
    """Return a tree with modules of every compression, one built in, and a modules.dep."""
    files = {
        "kernel/drivers/net/phy/mii.ko.xz": lzma.compress(_ko("")),
        "kernel/drivers/net/nic-a.ko.zst": zstandard.compress(_ko("mii,ptp-core")),
        "kernel/drivers/ptp/ptp-core.ko.gz": gzip.compress(_ko("builtin-one")),
        "kernel/drivers/net/plain.ko": _ko("nic_a"),
    }
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    (tmp_path / "modules.dep").write_text("".join(f"{name}:\n" for name in files))
    (tmp_path / "modules.builtin").write_text("kernel/lib/builtin-one.ko\n")
    return tmp_path


def test_dependencies_come_first_and_built_in_ones_not_at_all(stock: Path) -> None:
    """Names are those of lsmod, whatever the file is called."""
    tree = modules.ModuleTree(stock)
    assert [module.name for module in tree.order(["plain"])] == ["mii", "ptp_core", "nic_a", "plain"]
    assert tree.built_in("builtin_one")
    assert all(module.data.startswith(b"\x7fELF") for module in tree.order(["plain"]))


def test_the_tree_is_searched_where_depmod_has_not_run(stock: Path) -> None:
    """An unpacked package has no modules.dep."""
    (stock / "modules.dep").unlink()
    assert "nic_a" in modules.ModuleTree(stock)


def test_a_replacement_has_its_own_dependencies(stock: Path, tmp_path: Path) -> None:
    """An accelerated driver needs pfq_hook, of which the stock tree knows nothing."""
    ours, hook = tmp_path / "ours.ko", tmp_path / "hook.ko"
    ours.write_bytes(_ko("mii,pfq_hook"))
    hook.write_bytes(_ko(""))
    tree = modules.ModuleTree(stock, {"nic_a": ours, "pfq_hook": hook})
    assert [module.name for module in tree.order(["nic_a"])] == ["mii", "pfq_hook", "nic_a"]
    assert tree.load("nic_a").data == ours.read_bytes()
    assert tree.load("nic_a", stock=True).data == _ko("mii,ptp-core")


def test_an_unknown_module_is_an_error(stock: Path) -> None:
    """The message names it."""
    with pytest.raises(RehearsalFailed, match="no module 'nosuch'"):
        modules.ModuleTree(stock).order(["nosuch"])


def test_the_archive_lists_every_member_once_with_its_parents() -> None:
    """Parents come before their content; sizes and modes are the entries' own."""
    entries = [
        cpio.file("lab/a", b"12345", executable=True),
        cpio.file("lab/b", b""),
        cpio.symlink("bin/sh", "busybox"),
        cpio.character_device("dev/console", 5, 1),
    ]
    listing = _listing(cpio.archive(entries))
    assert [name for name, *_ in listing] == ["lab", "lab/a", "lab/b", "bin", "bin/sh", "dev", "dev/console"]
    members = {name: rest for name, *rest in listing}
    assert members["lab/a"] == [stat.S_IFREG | 0o755, b"12345", (0, 0)]
    assert members["bin/sh"] == [stat.S_IFLNK | 0o777, b"busybox", (0, 0)]
    assert members["dev/console"] == [stat.S_IFCHR | 0o600, b"", (5, 1)]


def _listing(data: bytes) -> list[tuple[str, int, bytes, tuple[int, int]]]:
    found: list[tuple[str, int, bytes, tuple[int, int]]] = []
    at = 0
    while True:
        assert data[at : at + 6] == b"070701" and at % 4 == 0
        numbers = [int(data[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        name = data[at + 110 : at + 110 + numbers[11] - 1].decode()
        if name == "TRAILER!!!":
            return found
        start = at + 110 + numbers[11]
        start += -start % 4
        end = start + numbers[6]
        found.append((name, numbers[1], data[start:end], (numbers[9], numbers[10])))
        at = end + -end % 4


def test_the_command_line_has_the_devices_and_no_network_but_sockets(tmp_path: Path) -> None:
    """Emulation, ports, one wired NIC and one in the emulator's network."""
    card = nic.BY_DRIVER["e1000e"]
    setup = machine.Setup(
        Qemu(Path("/usr/bin/qemu"), "9"), Path("/boot/vmlinuz"), b"", tmp_path,
        (machine.Plug(card), machine.Plug(card, wired=False)),
    )  # fmt: skip
    words = machine.command(setup, Path("/tmp/r"))
    text = " ".join(words)
    assert words[0] == "/usr/bin/qemu"
    assert "-accel tcg,thread=single" in text and "kvm" not in text
    assert "dgram,id=n0,local.type=unix,local.path=/tmp/r/n0.qemu,remote.type=unix,remote.path=/tmp/r/n0.host" in text
    assert "user,id=n1" in text and "hostfwd" not in text
    assert text.count("e1000e,netdev=") == 2
    assert "-cpu max -smp 2" in text and "icount" not in text


def test_the_command_line_of_a_guest_with_an_exact_clock(tmp_path: Path) -> None:
    """A nanosecond is an instruction, of one processor; further options are at the end."""
    setup = machine.Setup(
        Qemu(Path("/usr/bin/qemu"), "9"), Path("/boot/vmlinuz"), b"", tmp_path,
        cpus=1, cpu="max,-erms", exact=True, options=("-plugin", "x.so"),
    )  # fmt: skip
    text = " ".join(machine.command(setup, Path("/tmp/r")))
    assert "-accel tcg,thread=single -cpu max,-erms -icount shift=0,sleep=off -smp 1" in text
    assert text.endswith("-plugin x.so")
    with pytest.raises(AssertionError):
        machine.command(replace(setup, cpus=2), Path("/tmp/r"))


def test_the_nic_table_names_each_driver_once() -> None:
    """A driver has one model."""
    assert len(nic.BY_DRIVER) == len(nic.NICS)


def test_a_verdict_passes_when_every_phase_does() -> None:
    """And its JSON says so."""
    good, bad = Phase("load", passed=True, detail="x"), Phase("ping", passed=False, detail="y")
    verdict = Verdict("e1000e", "6.1", "e1000e", "9", (good,), 1, 1, 1.25, Path("/l"))
    assert verdict.passed and verdict.to_json()["passed"] is True
    worse = Verdict("e1000e", "6.1", None, "9", (good, bad), 1, 1, 1.25, Path("/l"))
    assert not worse.passed
    assert worse.to_json()["phases"] == [good.to_json(), bad.to_json()]


def test_what_was_installed_beside_the_stock_modules_is_none_of_them(stock: Path) -> None:
    """depmod lists updates/ as well, where an accelerated driver may be: it must not be taken for the stock one."""
    (stock / "updates").mkdir()
    (stock / "updates/plain.ko").write_bytes(_ko("pfq-hook"))
    with (stock / "modules.dep").open("a") as file:
        file.write("updates/plain.ko:\n")
    assert modules.ModuleTree(stock).load("plain").data == _ko("nic_a")
