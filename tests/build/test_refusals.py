# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes wrong, on a real machine: one message with a hint and an exit code of its own, and a cache that works."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from omatic import kernel, proc
from tests.build.conftest import Command, litter

pytestmark = pytest.mark.kbuild


def assert_refused(done: proc.Completed, code: int, *words: str) -> None:
    """One error with a hint, the words in it, no traceback, and nothing that a program could take for a result."""
    assert done.returncode == code, done.stderr
    assert done.stderr.count("pfq-omatic: error:") == 1
    assert done.stderr.count("hint: ") == 1
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
    assert done.stdout.strip() in ("", "[]")


def test_unknown_driver(command: Command) -> None:
    """A slip of the finger gets a proposal; a module that is no NIC driver says so."""
    assert_refused(command.run("build", "ixgbee", "--kernel", command.release), 5, "ixgbee", "did you mean ixgbe")
    assert_refused(command.run("build", "ext4", "--kernel", command.release), 5, "ext4")
    assert_refused(command.run("plan", "mlx4_core", "--kernel", command.release), 5, "mlx4_en")


def test_built_in_driver(command: Command) -> None:
    """What is part of the kernel image cannot be replaced."""
    stock = json.loads(command.run("list-supported", "--kernel", command.release, "--json").stdout)[0]["stock"]
    builtin = Path(stock.split("/kernel/drivers/")[0]) / "modules.builtin"
    name = Path(builtin.read_text().split()[0]).name.removesuffix(".ko")
    assert_refused(command.run("build", name, "--kernel", command.release), 6, "built into")


def test_no_headers(command: Command) -> None:
    """A kernel without headers: those that have them are listed."""
    done = command.run("build", "e1000e", "--kernel", "4.4.0-nothing")
    assert_refused(done, 3, *(f"present: {name}" for name in kernel.releases()))


def test_no_network(command: Command, tmp_path: Path) -> None:
    """Nothing listens at the proxy: one error, no litter; and --offline says that it did not try."""
    dead = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    alone = Command(command.release, tmp_path / "cache")
    if (command.cache / "stock").is_dir():
        alone.cache.mkdir()
        (alone.cache / "stock").symlink_to(command.cache / "stock")
    done = alone.run("build", "vmxnet3", "--kernel", command.release, env=dead)
    assert_refused(done, 8)
    assert litter(alone.cache) == []
    assert not list((alone.cache / "downloads").glob("*")) if (alone.cache / "downloads").is_dir() else True
    done = alone.run("build", "vmxnet3", "--kernel", command.release, "--offline")
    assert_refused(done, 8, "offline")


def test_bad_sources(command: Command, tmp_path: Path) -> None:
    """A garbage tarball, a git URL that does not exist, a path that does not exist, a folder that is no tree."""
    garbage = tmp_path / "garbage.tar.xz"
    garbage.write_bytes(b"garbage" * 1000)
    for source, code in (
        (str(garbage), 10),
        ("file:///no/such/repo.git", 9),
        ("/no/such/path", 9),
        (str(tmp_path), 9),
    ):
        assert_refused(command.run("build", "vmxnet3", "--kernel", command.release, "--source", source), code)
    assert command.json("build", ["vmxnet3"])[0]["refused"] is None


@pytest.fixture
def small_disk(private: Command, tmp_path: Path) -> Iterator[Command]:
    """A cache on a file system of 2 MB that shares the fetched sources."""
    mount = tmp_path / "small"
    mount.mkdir()
    proc.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", mount])
    try:
        for name in ("downloads", "sources", "stock"):
            if (private.cache / name).exists():
                (mount / name).symlink_to((private.cache / name).resolve())
        yield Command(private.release, mount)
    finally:
        proc.run(["umount", mount])


def test_full_disk(small_disk: Command) -> None:
    """The disk fills up during the build: said so, nothing half-done is left, and with space it goes on."""
    done = small_disk.run("build", "vmxnet3", "--kernel", small_disk.release)
    assert_refused(done, 11, "no space left")
    assert litter(small_disk.cache) == []
    proc.run(["mount", "-o", "remount,size=300m", small_disk.cache])
    assert small_disk.json("build", ["vmxnet3"])[0]["state"] == "built"


def test_full_disk_while_downloading(command: Command, tmp_path: Path) -> None:
    """The same with a package that does not fit: nothing of it is kept."""
    mount = tmp_path / "tiny"
    mount.mkdir()
    proc.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", mount])
    try:
        (mount / "stock").symlink_to(command.cache / "stock")
        tiny = Command(command.release, mount)
        assert_refused(tiny.run("build", "vmxnet3", "--kernel", command.release), 11, "no space left")
        assert [path for path in (mount / "downloads").iterdir()] == []
    finally:
        proc.run(["umount", mount])


def wait_for(condition: Path, pattern: str, child: proc.Child) -> None:
    """Wait until something appears, as long as the program runs."""
    while child.poll() is None and not list(condition.glob(pattern)):
        time.sleep(0.02)
    assert child.poll() is None, "ended too early"


def test_interrupted_download(command: Command, tmp_path: Path) -> None:
    """Ctrl-C in the middle of a download leaves no part of it."""
    alone = Command(command.release, tmp_path / "cache")
    alone.cache.mkdir()
    (alone.cache / "stock").symlink_to(command.cache / "stock")
    argv = alone.argv("build", "vmxnet3", "--kernel", command.release)
    with (tmp_path / "log").open("wb") as log, proc.background(argv, stdout=log) as child:
        wait_for(alone.cache / "downloads", ".*/*", child)
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == 130
    assert list((alone.cache / "downloads").iterdir()) == []
    assert "interrupted" in (tmp_path / "log").read_text()


def test_interrupted_build_and_two_at_once(private: Command, tmp_path: Path) -> None:
    """A second run on the same driver is refused; Ctrl-C ends the first with all its compilers; then it works."""
    argv = private.argv("build", "e1000e", "--kernel", private.release)
    tree = private.cache / "work" / private.release / "e1000e/tree/drivers/net/ethernet/intel/e1000e"
    with (tmp_path / "log").open("wb") as log, proc.background(argv, stdout=log) as child:
        wait_for(tree, "*.o", child)
        assert_refused(private.run("build", "e1000e", "--kernel", private.release), 15, "e1000e")
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == 130
    assert proc.run(["pgrep", "-f", f"M={tree.parents[4]}"], check=False).stdout == ""
    assert litter(private.cache) == []
    (built,) = private.json("build", ["e1000e"])
    assert (built["state"], built["refused"]) == ("built", None)
