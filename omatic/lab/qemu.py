# SPDX-License-Identifier: GPL-2.0-or-later
"""Which QEMU is used, and what it can do.

PFQ_OMATIC_QEMU names another binary than the one in PATH, for example a newer one that emulates igb. What it emulates
is asked, never concluded from a version number.
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
    """A QEMU binary, the version that it states, and the names of the devices that it emulates."""

    path: Path
    version: str
    devices: frozenset[str]

    def emulates(self, model: str) -> bool:
        """Tell whether this QEMU has a device model."""
        return model in self.devices


def find() -> Qemu:
    """Return the QEMU to use; ToolMissing if there is none."""
    given = os.environ.get(VARIABLE)
    if given and not Path(given).is_file():
        raise ToolMissing(given, package="qemu-system-x86")
    path = Path(given) if given else proc.find(PROGRAM)
    version = proc.run([path, "--version"], timeout=60).stdout
    devices = proc.run([path, "-machine", "none", "-device", "help"], timeout=60).stdout
    found = re.search(r"version (\S+)", version)
    return Qemu(path, found[1] if found else "unknown", device_names(devices))


def device_names(listing: str) -> frozenset[str]:
    """Return the names, and alias names, in what `-device help` prints."""
    return frozenset(re.findall(r'(?:^name|, alias) "([^"]+)"', listing, re.M))
