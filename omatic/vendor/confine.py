# SPDX-License-Identifier: GPL-2.0-or-later
"""Run somebody's build so that it can change nothing but its own folder.

Makefiles install, call depmod, or enter the kernel's headers with an empty M= and there remove generated files. A user
may do none of this; for root the system's folders are mounted read-only, for this one command and its children.
"""

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from omatic import log, proc

_SYSTEM = ("/usr", "/lib", "/etc", "/boot", "/opt", "/var/lib")

# $1 is what stays writable, then what becomes read-only up to --, then the command.
_SCRIPT = """\
set -e
mount --bind "$1" "$1"
shift
while [ "$1" != -- ]; do
	mount --rbind "$1" "$1"
	mount -o remount,bind,ro "$1"
	shift
done
shift
exec "$@"
"""


def command(argv: Sequence[str | Path], writable: Path, protected: Sequence[Path] = ()) -> list[str | Path]:
    """Return a command that runs `argv` with only `writable` (and what is no part of the system) to write in;
    `protected` are further folders to keep as they are."""
    if os.geteuid() != 0:
        return [*argv]
    if not _possible():
        log.warn("this machine does not let the vendor's build be confined: it runs with all of root's rights")
        return [*argv]
    folders = dict.fromkeys(path.resolve() for path in (*map(Path, _SYSTEM), *protected) if path.is_dir())
    return [
        "unshare", "--mount", "--propagation", "private", "--", "/bin/sh", "-c", _SCRIPT, "sh",
        writable, *folders, "--", *argv,
    ]  # fmt: skip


@cache
def _possible() -> bool:
    if not proc.available("unshare"):
        return False
    probe = ["unshare", "--mount", "--propagation", "private", "--", "mount", "--bind", "/etc", "/etc"]
    return proc.run(probe, check=False).returncode == 0
