# SPDX-License-Identifier: GPL-2.0-or-later
"""Which installed package a file belongs to, asked from dpkg or from rpm, and from which source it was built."""

import re
from pathlib import Path

from omatic import proc, sysroot
from omatic.model import PackageId
from omatic.sysroot import HERE


def owner(path: Path, root: Path = HERE) -> PackageId | None:
    """Return the installed package that owns a file; None if none does, as with kernels that somebody built himself."""
    return _of_dpkg(path, root) or (_of_rpm(path) if root == HERE else None)


def distribution(os_release: Path = Path("/etc/os-release")) -> str:
    """Return the distribution's ID from os-release, e.g. "debian" or "fedora"."""
    if not os_release.is_file():
        return "unknown"
    found = re.search(r'^ID="?([\w.-]+)', os_release.read_text(), re.MULTILINE)
    return found[1] if found else "unknown"


def _of_dpkg(path: Path, root: Path) -> PackageId | None:
    # Not by the root's own program: its database is text that every dpkg reads, and that needs no rights.
    database = sysroot.outside(root, "var/lib/dpkg")
    if not proc.available("dpkg-query") or not database.is_dir():
        return None
    query = ["dpkg-query", *([f"--admindir={database}"] if root != HERE else [])]
    found = proc.run([*query, "-S", sysroot.inside(root, path)], check=False)
    if found.returncode != 0:
        return None
    name = found.stdout.split(":")[0]
    fields = "${Version}\t${source:Package}\t${source:Version}"
    version, source, source_version = proc.run([*query, "-W", "-f", fields, name]).stdout.split("\t")
    return PackageId(name, version, source, source_version, distribution(_os_release(root)))


def _os_release(root: Path) -> Path:
    return sysroot.resolve(root, sysroot.outside(root, "etc/os-release"))


def _of_rpm(path: Path) -> PackageId | None:
    if not proc.available("rpm"):
        return None
    fields = r"%{NAME}\t%{VERSION}-%{RELEASE}\t%{SOURCERPM}\n"
    found = proc.run(["rpm", "-qf", "--qf", fields, path], check=False)
    if found.returncode != 0:
        return None
    name, version, source_rpm = found.stdout.splitlines()[0].split("\t")
    # kernel-6.8.5-301.fc40.src.rpm; SUSE's binary packages come from kernel-default-6.4.0-150600.21.nosrc.rpm.
    parts = re.fullmatch(r"(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm", source_rpm)
    source, source_version = parts.groups() if parts else (name, version)
    return PackageId(name, version, source, source_version, distribution())
