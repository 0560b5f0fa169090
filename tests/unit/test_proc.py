# SPDX-License-Identifier: GPL-2.0-or-later
"""The subprocess wrapper, on real programs."""

import os
import signal
import time
from pathlib import Path

import pytest

from omatic import proc
from omatic.errors import CommandError, DiskFull, ToolMissing


def test_output_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is a short list with a fixed locale; stdin is closed."""
    monkeypatch.setenv("MAKEFLAGS", "-j99")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    said = proc.run(["env"]).stdout
    assert "MAKEFLAGS" not in said
    assert "LC_ALL=C.UTF-8" in said
    assert proc.run(["cat"]).stdout == ""


def test_failure_tells_command_status_and_tail(tmp_path: Path) -> None:
    """A failing program's last words are in the error, and all of them in the log."""
    with pytest.raises(CommandError) as failed:
        proc.run(["sh", "-c", "echo one; echo two >&2; exit 3"], log_to=tmp_path / "log")
    assert failed.value.returncode == 3
    assert failed.value.details == ("one", "two")
    assert (tmp_path / "log").read_text().startswith("$ sh -c")


def test_missing_program_names_its_package() -> None:
    """What is not there is named with the package that brings it."""
    with pytest.raises(ToolMissing) as missing:
        proc.run(["no-such-program-here"])
    assert "apt-get install no-such-program-here" in missing.value.hint


def test_full_disk_is_told_apart() -> None:
    """A program that fails for want of space is a full disk, whatever its exit status means."""
    with pytest.raises(DiskFull):
        proc.run(["cp", "/etc/passwd", "/dev/full"])


def test_timeout_ends_the_whole_group(tmp_path: Path) -> None:
    """A program's children go with it."""
    pid_file = tmp_path / "pid"
    with pytest.raises(CommandError) as failed:
        proc.run(["sh", "-c", f"sleep 300 & echo $! > {pid_file}; wait"], timeout=0.5)
    assert failed.value.returncode == 124
    assert not alive(int(pid_file.read_text()))


def test_background_ends_with_the_block() -> None:
    """A program in the background does not outlive its block, even when the block fails."""
    with pytest.raises(RuntimeError), proc.background(["sleep", "300"]) as child:
        raise RuntimeError
    assert child.poll() == -signal.SIGTERM


def test_streams() -> None:
    """Reading to the end checks the status; feeding reports it."""
    with proc.reading(["seq", "3"]) as stream:
        assert stream.read() == b"1\n2\n3\n"
    with pytest.raises(CommandError), proc.reading(["sh", "-c", "echo x; exit 2"]) as stream:
        stream.read()
    with proc.reading(["yes"]) as stream:
        assert stream.read(2) == b"y\n"
    done = proc.feed(["sh", "-c", "cat; exit 1"], [b"a", b"b"])
    assert (done.returncode, done.stdout) == (1, "ab")
    assert proc.feed(["true"], (b"x" * 65536 for _ in range(100))).returncode == 0


def alive(pid: int) -> bool:
    """Tell whether a process still runs, giving the kernel a moment to bury it."""
    for _ in range(50):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        if state == "Z":
            return False
        time.sleep(0.02)
    return True
