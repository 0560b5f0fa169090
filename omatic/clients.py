# SPDX-License-Identifier: GPL-2.0-or-later
"""Build the static user programs that guests need."""

import hashlib
import shutil
from pathlib import Path

import filelock

from omatic import dirs, log, proc
from omatic.dirs import Cache, staging


def capture(cache: Cache) -> Path:
    """Return a static pfq-capture, built unless the same sources were built before."""
    user, uapi = dirs.resource("user"), dirs.resource("kernel") / "include/uapi"
    files = [path for top in (user, uapi) for path in sorted(top.rglob("*")) if path.suffix in (".c", ".h")]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    folder = cache.root / "clients" / digest
    program = folder / "pfq-capture.static"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder.parent / ".lock"):
        if not program.is_file():
            with log.step("Building pfq-capture"), staging(folder) as into:
                shutil.copytree(user, into / "user", ignore=shutil.ignore_patterns("build"))
                shutil.copytree(uapi, into / "kernel/include/uapi")
                proc.run(["make", "-C", into / "user", "static"], log_to=into / "build.log")
                shutil.move(into / "user/build/pfq-capture.static", into / program.name)
    return program
