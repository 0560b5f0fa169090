# SPDX-License-Identifier: GPL-2.0-or-later
"""Which package a file or folder belongs to: what the distribution ships is never written over or removed."""

from omatic import proc
from omatic.life.system import System


def owner(system: System, path: str) -> str | None:
    """Return the package that owns an absolute path of the machine; None if no package does, or nobody can tell."""
    for spelling in _spellings(path):
        if (system.root / "var/lib/dpkg/status").is_file() and proc.available("dpkg-query"):
            database = system.root / "var/lib/dpkg"
            found = proc.run(["dpkg-query", f"--admindir={database}", "-S", spelling], check=False)
            if found.returncode == 0:
                return found.stdout.partition(":")[0]
        if any((system.root / place).is_dir() for place in _RPM) and proc.available("rpm"):
            found = proc.run(["rpm", "--root", system.root, "-qf", "--qf", "%{NAME}", spelling], check=False)
            if found.returncode == 0:
                return found.stdout
    return None


_RPM = ("var/lib/rpm", "usr/lib/sysimage/rpm")


def _spellings(path: str) -> tuple[str, ...]:
    # Where /lib is a link to usr/lib, a package may have listed either.
    return (path, f"/usr{path}") if path.startswith("/lib/") else (path,)
