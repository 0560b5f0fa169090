# SPDX-License-Identifier: GPL-2.0-or-later
"""Run a vendor's build as it wants to be run, for the kernel that we want.

Vendors name the kernel in a dozen variables (BUILD_KERNEL, KVER, KDIR, KSRC ...), and nearly all of them default to
what `uname -r` says. So uname answers for the kernel to build for. Flags of ours reach the compiler through KCFLAGS,
which kbuild takes from the environment and vendors leave to the user. Nothing is installed.
"""

import os
import re
import shlex
from pathlib import Path

from omatic import buildlog, elf, proc
from omatic.dirs import write_atomically
from omatic.errors import BuildFailed, CommandError
from omatic.kernel import running
from omatic.model import KernelTarget
from omatic.vendor import confine, makefiles

HOOK = "pfq/hook.h"
"""The header that every file is compiled with: empty in the vanilla build."""

SYMVERS = "PFQ_OMATIC_SYMVERS"
"""The variable that names pfq_hook's Module.symvers."""


def run(
    target: KernelTarget, root: Path, driver: str, *, tools: Path, log_to: Path, jobs: int, symvers: Path | None = None
) -> None:
    """Build what is in `root`; `tools` is a folder of ours, whose programs come before all others."""
    proc.find(target.compiler)
    entry = makefiles.entry(root, driver)
    _pretend(target.release, tools)
    env = _environment(root, entry.folder, tools, symvers)

    def make(*arguments: str | Path, check: bool = True) -> proc.Completed:
        """Run make as somebody would who has gone to the folder."""
        protected = (target.build_dir, target.build_dir.parent, target.symvers.parent)
        argv = confine.command(["make", *arguments], root, protected)
        return proc.run(argv, cwd=entry.folder, env=env, log_to=log_to if check else None, check=check)

    try:
        if entry.direct:
            on = [f"{switch}=m" for switch in entry.switches]
            make("-C", target.build_dir, f"M={entry.folder}", f"-j{jobs}", *on, "modules")
            return
        # A goal of ours that needs nothing: make reads everything, says what it has read and does nothing.
        read = make("-pq", "--eval=.pfq-omatic-probe:;", ".pfq-omatic-probe", check=False)
        if "\n# Files\n" not in read.stdout:
            raise _explain(root, CommandError(read.argv, read.returncode, read.stdout + read.stderr, None), log_to)
        make(f"-j{jobs}", makefiles.goal(read.stdout))
    except CommandError as error:
        raise _explain(root, error, log_to) from error


def _environment(root: Path, folder: Path, tools: Path, symvers: Path | None) -> dict[str, str]:
    flags = f"-include {root}/{HOOK} -fmacro-prefix-map={root}/="
    nowhere = str(tools / "installed")
    return {
        "PATH": f"{tools}:{proc.environment()['PATH']}",
        # make does not set it, shells do; Makefiles give it to kbuild as M=, and an empty M= is the kernel itself.
        "PWD": str(folder),
        "KCFLAGS": flags,
        # Neither our own repositories around the source nor the user's are the vendor's.
        "GIT_CEILING_DIRECTORIES": str(root.parent),
        "INSTALL_MOD_PATH": nowhere,
        "DESTDIR": nowhere,
        SYMVERS: str(symvers or ""),
    }


def _pretend(release: str, tools: Path) -> None:
    real = proc.find("uname")
    script = tools / "uname"
    if real == script:
        return
    mine = re.escape(running())
    text = (
        "#!/bin/sh\n"
        "# For Makefiles that ask which kernel runs when they mean which one to build for.\n"
        f'said=$({shlex.quote(str(real))} "$@") || exit\n'
        f"printf '%s\\n' \"$said\" | sed {shlex.quote(f's|{mine}|{release}|g')}\n"
    )
    if not script.is_file() or script.read_text() != text:
        write_atomically(script, text.encode())
        script.chmod(0o755)


def check(target: KernelTarget, module: Path) -> None:
    """Raise BuildFailed if a module was built for another kernel than the one wanted."""
    magic = elf.stated(module, "vermagic") or ""
    if magic.split(" ")[0] != target.release:
        raise BuildFailed(
            f"{module.name} was built for kernel {magic.split(' ')[0] or 'unknown'}, not for {target.release}",
            hint="this source's Makefile does not let the kernel be chosen by what uname says",
        )


def _explain(root: Path, error: CommandError, log_to: Path) -> BuildFailed:
    found = buildlog.errors(error.output)
    details = [f"{os.path.relpath(e.path, root) if e.path.startswith('/') else e.path}:{e.line}: {e.text}"
               if e.line else e.text for e in found[:10]]  # fmt: skip
    return BuildFailed(
        "the vendor's own build failed" + (f" with {len(found)} errors" if len(found) > 1 else ""),
        hint=f"does this source know the kernel? the whole log: {log_to}",
        details=details or error.details,
    )
