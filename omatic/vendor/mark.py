# SPDX-License-Identifier: GPL-2.0-or-later
"""Mark a vendor's module as accelerated: in .modinfo, after the build.

How a vendor's Makefile puts a module together is the vendor's business, so nothing is compiled into it: the tags are
added to the section that holds the others. Nothing before them moves; the former version is blanked out, and the
kernel and kmod skip zeros.
"""

import tempfile
from pathlib import Path

from omatic import elf, proc

SECTION = ".modinfo"


def tagged(modinfo: bytes, *, version: str, pfq: str) -> bytes:
    """Return the content of .modinfo with exactly one version and the mark."""
    kept = b"\0".join(
        b"\0" * len(entry) if entry.startswith(b"version=") else entry for entry in modinfo.rstrip(b"\0").split(b"\0")
    )
    return kept + f"\0version={version}\0pfq={pfq}\0".encode()


def apply(module: Path, *, version: str, pfq: str) -> None:
    """Rewrite the tags of a module file."""
    content = tagged(elf.load(module).sections[SECTION].data, version=version, pfq=pfq)
    with tempfile.TemporaryDirectory(prefix=".mark.", dir=module.parent) as scratch:
        file, marked = Path(scratch, "modinfo"), Path(scratch, module.name)
        file.write_bytes(content)
        proc.run(["objcopy", "--update-section", f"{SECTION}={file}", module, marked])
        marked.replace(module)
