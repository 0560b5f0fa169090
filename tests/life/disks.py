# SPDX-License-Identifier: GPL-2.0-or-later
"""Disk files: overlays that keep the original as it is, and what a boot loader would read from a disk."""

from pathlib import Path

from omatic import proc


def overlay(disk: Path, to: Path) -> Path:
    """Make a disk that begins as another one is; that one must not change any more."""
    kind = "raw" if disk.suffix == ".raw" else "qcow2"
    proc.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", disk.absolute(), "-F", kind, to])
    return to


def boot_files(disk: Path, release: str, into: Path) -> tuple[Path, Path]:
    """Take kernel and initramfs out of a disk, its journal replayed, as the next boot finds them."""
    into.mkdir(parents=True, exist_ok=True)
    raw = into / "disk.raw"
    proc.run(["qemu-img", "convert", "-O", "raw", disk, raw], timeout=600)
    # 1: errors corrected; replaying the journal is not even that.
    checked = proc.run(["e2fsck", "-p", raw], check=False, timeout=600)
    assert checked.returncode in (0, 1), checked.stdout
    for name in (f"vmlinuz-{release}", f"initrd.img-{release}"):
        proc.run(["debugfs", "-R", f"dump /boot/{name} {into / name}", raw])
    raw.unlink()
    return into / f"vmlinuz-{release}", into / f"initrd.img-{release}"
