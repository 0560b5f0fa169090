# SPDX-License-Identifier: GPL-2.0-or-later
"""Run the installed command on real kernels, with the checkout's cache or a private one that shares its sources."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from omatic import dirs, kernel, proc

COMMAND = Path(sys.executable).with_name("pfq-omatic")


@dataclass(frozen=True)
class Command:
    """The command line for one kernel and one cache."""

    release: str
    cache: Path

    def argv(self, *arguments: str) -> list[str | Path]:
        """Return the whole command line."""
        return [COMMAND, "--cache-dir", self.cache, *arguments]

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> proc.Completed:
        """Run a command, whatever its exit code (proc.run would raise for a full disk)."""
        done = subprocess.run(self.argv(*arguments), env={**os.environ, **(env or {})}, capture_output=True, text=True)
        return proc.Completed(tuple(map(str, done.args)), done.returncode, done.stdout, done.stderr)

    def json(self, command: str, drivers: Sequence[str], *options: str) -> list[dict[str, Any]]:
        """Run a command that must succeed and return what it printed."""
        done = self.run(command, *drivers, "--kernel", self.release, "--json", *options)
        assert done.returncode == 0, done.stderr
        printed = json.loads(done.stdout)
        assert isinstance(printed, list)
        return printed


@pytest.fixture(scope="session")
def release() -> str:
    """The kernel under test; make names the distribution's default kernel."""
    return os.environ.get("PFQ_TEST_KERNEL") or kernel.releases()[0]


@pytest.fixture(scope="session")
def command(release: str) -> Command:
    """The command with the checkout's own cache, or the one that the environment names."""
    return Command(release, dirs.default_cache())


@pytest.fixture
def private(command: Command, tmp_path: Path) -> Command:
    """The command with an empty work folder but with what the shared cache has fetched."""
    command.json("plan", ["vmxnet3"])
    cache = tmp_path / "private"
    cache.mkdir()
    for name in ("downloads", "sources", "stock", "core"):
        if (command.cache / name).is_dir():
            (cache / name).symlink_to(command.cache / name)
    return Command(command.release, cache)


def litter(cache: Path) -> list[str]:
    """Return what an aborted run may have left: hidden files and folders other than locks and git's own."""
    return [
        str(path.relative_to(cache))
        for path in cache.rglob(".*")
        if ".git" not in path.parts and not path.name.endswith((".lock", ".cmd", ".d")) and "tree" not in path.parts
    ]
