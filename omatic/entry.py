# SPDX-License-Identifier: GPL-2.0-or-later
"""How the kernel's top Makefile enters a folder of module sources, learnt once per kernel, and dry runs by it.

Most of a dry run's time goes into the top Makefile, which probes the compiler for every flag. What it hands down is
the same for every folder, so an empty one is entered and writes down what it was given.
"""

import hashlib
import json
import re
import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from omatic import kbuild, proc, sysroot
from omatic.dirs import sha256, write_atomically
from omatic.errors import BuildFailed
from omatic.model import KernelTarget


@dataclass(frozen=True, slots=True)
class Entry:
    """What make is run with in a folder: where, its arguments, and what is added to the environment. The folder's
    own path is _PLACE in all of them."""

    directory: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]

    def place(self, tree: Path) -> Path:
        """Return where make is run for a folder, as it is known inside the kernel's root."""
        return Path(self.directory.replace(_PLACE, str(tree)))


_PLACE = "@tree@"
_PROBE = """\
$(shell env -0 > $(src)/environment)
$(info entered $(CURDIR) -f $(firstword $(MAKEFILE_LIST)) $(MAKEOVERRIDES))
"""


def learn(target: KernelTarget, folder: Path) -> Entry:
    """Return the entry of a kernel, kept in `folder`. Nothing that the user has in the environment is kept."""
    about = (target.place, sha256(target.build_dir / ".config"), target.package, target.compiler)
    kept = folder / f"entry-{hashlib.sha256(repr(about).encode()).hexdigest()[:24]}.json"
    try:
        found = json.loads(kept.read_text())
        return Entry(found["directory"], tuple(found["arguments"]), found["environment"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".entry.", dir=folder) as name:
        found = _enter(target, Path(name))
    write_atomically(kept, json.dumps(asdict(found)).encode())
    return found


def _enter(target: KernelTarget, probe: Path) -> Entry:
    (probe / "Kbuild").write_text(_PROBE)
    argv = [*kbuild.arguments(target, probe), "-n", "modules"]
    done = proc.run(sysroot.command(target.root, argv, shown=[probe]), check=False)
    entered = re.search(r"^entered (\S+) (.+)$", done.stdout, re.MULTILINE)
    if entered is None or not (probe / "environment").is_file():
        raise BuildFailed(
            f"the build system of kernel {target.release} cannot be used",
            hint="are the headers complete? apt-get install --reinstall linux-headers-" + target.release,
            details=done.stderr.strip().splitlines()[-5:],
        )
    text = (probe / "environment").read_text(errors="surrogateescape").replace(str(probe), _PLACE)
    ours = proc.environment()
    pairs = (pair.split("=", 1) for pair in text.split("\0") if "=" in pair)
    changed = {name: value for name, value in pairs if ours.get(name) != value}
    return Entry(
        entered[1].replace(str(probe), _PLACE), tuple(shlex.split(entered[2].replace(str(probe), _PLACE))), changed
    )


def dry_run(entered: Entry, tree: Path, root: Path) -> str:
    """Return what make would do in a folder, by the programs of a root; it ends early, at modpost, which is no failure
    here."""
    environment = {name: value.replace(_PLACE, str(tree)) for name, value in entered.environment.items()}
    argv = ["make", "-n", "-w", *(argument.replace(_PLACE, str(tree)) for argument in entered.arguments)]
    inside = sysroot.command(root, argv, shown=[tree], cwd=entered.place(tree))
    done = proc.run(inside, env=environment, check=False)
    if " -c -o " not in done.stdout and done.returncode != 0:
        raise BuildFailed(
            f"the kernel's build refuses {tree}",
            hint="run again with -v; does the folder's Makefile build this driver?",
            details=done.stderr.strip().splitlines()[-5:],
        )
    return done.stdout
