# SPDX-License-Identifier: GPL-2.0-or-later
"""Compiles the little C program that the guest needs beside busybox (guest/labtool.c), static."""

from pathlib import Path

from omatic import proc
from omatic.errors import CommandError, RehearsalFailed
from omatic.lab.initramfs import guest_file


def labtool(work: Path) -> Path:
    """Return the program, compiled unless `work` holds it already for the same source."""
    work.mkdir(parents=True, exist_ok=True)
    source, program = work / "labtool.c", work / "labtool"
    text = guest_file("labtool.c")
    if program.is_file() and source.is_file() and source.read_bytes() == text:
        return program
    program.unlink(missing_ok=True)
    source.write_bytes(text)
    try:
        proc.run(["gcc", "-std=gnu11", "-O2", "-Wall", "-static", "-o", program, source], timeout=300)
    except CommandError as error:
        raise RehearsalFailed(
            "the guest's helper program does not compile",
            hint="apt-get install gcc libc6-dev (a static C library is needed)",
            details=error.details,
        ) from error
    return program
