# SPDX-License-Identifier: GPL-2.0-or-later
"""Which QEMU is used, and what it can do.

PFQ_OMATIC_QEMU names another binary than the one in PATH, for example a newer one that emulates igb. What it emulates
is asked device by device, never concluded from a version number; asking for a list of all devices would make it load
every module it can find, those of another QEMU included.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from omatic import proc
from omatic.errors import ToolMissing

PROGRAM = "qemu-system-x86_64"
VARIABLE = "PFQ_OMATIC_QEMU"


@dataclass(frozen=True, slots=True)
class Qemu:
    """A QEMU binary and the version that it states."""

    path: Path
    version: str

    def emulates(self, model: str) -> bool:
        """Ask this QEMU whether it has a device model."""
        # The exit status is 0 either way.
        said = proc.run([self.path, "-machine", "none", "-device", f"{model},help"], check=False, timeout=60)
        return f"{model} options:" in said.stdout


def find() -> Qemu:
    """Return the QEMU to use; ToolMissing if there is none."""
    given = os.environ.get(VARIABLE)
    if given and not Path(given).is_file():
        raise ToolMissing(given, package="qemu-system-x86")
    return at(Path(given) if given else proc.find(PROGRAM))


def at(path: Path) -> Qemu:
    """Return the QEMU at a path."""
    found = re.search(r"version (\S+)", proc.run([path, "--version"], timeout=60).stdout)
    return Qemu(path, found[1] if found else "unknown")
