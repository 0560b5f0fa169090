# SPDX-License-Identifier: GPL-2.0-or-later
"""What makes DKMS's drivers follow the kernel: a hook in the kernel package's transaction, and a timer behind it."""

import shlex
from pathlib import Path

from omatic import proc
from omatic.dirs import Cache
from omatic.life import dkmstree
from omatic.life.system import System, remove_durably, write_durably
from omatic.render import render

HOOK = "00-pfq-omatic"
"""Before dkms, whose hook may fail, and before what makes the initramfs, which copies the drivers."""

UNIT = "pfq-omatic-dkms"

PREFETCH_LIMIT, BUILD_LIMIT = 900, 3600
"""Seconds that a kernel's package may be held up, for the download and for the build of all drivers."""


def hooks(system: System) -> tuple[Path, ...]:
    """Return the kernel hooks: whichever of image and headers is configured last makes the drivers."""
    return tuple(system.root / "etc/kernel" / folder / HOOK for folder in ("postinst.d", "header_postinst.d"))


def units(system: System) -> tuple[Path, ...]:
    """Return the files of the service and its timer, and the link that starts the timer at boot."""
    folder = system.root / "etc/systemd/system"
    return (folder / f"{UNIT}.service", folder / f"{UNIT}.timer", folder / "timers.target.wants" / f"{UNIT}.timer")


def put(system: System, cache: Cache) -> None:
    """Write the hooks and units and start the timer."""
    command = dkmstree.command(cache)
    values = {
        "command": shlex.join(command),
        "program": shlex.quote(command[0]),
        "prefetch_limit": PREFETCH_LIMIT,
        "build_limit": BUILD_LIMIT,
    }
    for hook in hooks(system):
        write_durably(hook, render("dkms/kernel-hook.sh.j2", **values).encode())
        hook.chmod(0o755)
    service, timer, link = units(system)
    for unit in (service, timer):
        write_durably(unit, render(f"dkms/{unit.name}.j2", **values).encode())
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(f"../{timer.name}")
    _tell_systemd(system, "start")


def remove(system: System) -> None:
    """Stop the timer and remove hooks and units, with the folder that only our link was in."""
    _tell_systemd(system, "stop")
    for path in (*hooks(system), *reversed(units(system))):
        remove_durably(path)
    wants = units(system)[2].parent
    if wants.is_dir() and not any(wants.iterdir()):
        wants.rmdir()
    _tell_systemd(system)


def _tell_systemd(system: System, action: str | None = None) -> None:
    if not (system.root / "run/systemd/system").is_dir():
        return
    proc.run(["systemctl", "daemon-reload"], check=False)
    if action:
        proc.run(["systemctl", action, f"{UNIT}.timer"], check=False)
