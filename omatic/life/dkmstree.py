# SPDX-License-Identifier: GPL-2.0-or-later
"""What DKMS knows of us: a package for the core, one for each driver, and the calls of the dkms program.

Nothing is read from what `dkms status` prints, which differs between versions; its tree says the same. A package's
source folder has no C file in it: there is nothing that could be built for the wrong kernel.
"""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from omatic import __version__, log, proc
from omatic.dirs import Cache
from omatic.errors import CommandError, DkmsFailed
from omatic.life.receipt import CORE
from omatic.life.system import System, write_durably
from omatic.render import render

UNDER_LOCK = "PFQ_OMATIC_UNDER_LOCK"
"""Set in the environment of dkms when whoever called it holds the machine's lock: its scripts are us again."""


@dataclass(frozen=True, slots=True)
class Package:
    """A DKMS package: `driver` as lsmod names it (CORE: pfq_hook and pfq), `modules` the names of its files."""

    driver: str
    modules: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return the name that dkms knows."""
        return CORE if self.driver == CORE else f"{CORE}-{self.driver}"


CORE_PACKAGE = Package(CORE, ("pfq_hook", "pfq"))
"""What all drivers need."""


def command(cache: Cache) -> list[str]:
    """Return how to call this very program again, from a script, with the same cache."""
    program = Path(sys.argv[0]).absolute()
    called = (
        [str(program)] if os.access(program, os.X_OK) and program.suffix == "" else [sys.executable, "-m", "omatic"]
    )
    return [*called, "--cache-dir", str(cache.root)]


def source(system: System, package: Package, version: str = __version__) -> Path:
    """Return the package's source folder."""
    return system.root / "usr/src" / f"{package.name}-{version}"


def tree(system: System, package: Package) -> Path:
    """Return the package's folder in dkms's tree."""
    return system.root / "var/lib/dkms" / package.name


def registered(system: System) -> tuple[Package, ...]:
    """Return the drivers that are registered, whatever the version, without the core."""
    found: dict[str, Package] = {}
    for about in sorted((system.root / "usr/src").glob(f"{CORE}-*/pfq-omatic.json")):
        # One that is damaged counts as not there: `dkms add` writes it again.
        with suppress(ValueError, LookupError, TypeError):
            kept = json.loads(about.read_text())
            found[kept["driver"]] = Package(kept["driver"], tuple(kept["modules"]))
    found.pop(CORE, None)
    return tuple(found.values())


def versions(system: System, package: Package) -> tuple[str, ...]:
    """Return the versions of a package that dkms knows."""
    return tuple(sorted(path.parent.name for path in tree(system, package).glob("*/source")))


def remains(system: System, package: Package) -> tuple[str, ...]:
    """Return the versions of which anything may be there: what dkms knows, and this program's own."""
    return tuple(dict.fromkeys((*versions(system, package), __version__)))


def active(system: System, package: Package, release: str) -> bool:
    """Tell whether dkms has this version of the package installed for a kernel."""
    links = tree(system, package).glob(f"kernel-{release}-*")
    ours = tree(system, package) / __version__ / release
    return any(link.resolve().parent == ours.resolve() and link.resolve().is_dir() for link in links)


def write_source(system: System, package: Package, cache: Cache) -> None:
    """Write the package's source folder."""
    folder = source(system, package)
    values = {
        "name": package.name,
        "driver": package.driver,
        "version": __version__,
        "modules": package.modules,
        "depends": None if package.driver == CORE else CORE,
        "command": shlex.join(command(cache)),
    }
    for file, template in (("dkms.conf", "dkms.conf"), ("Makefile", "Makefile"), ("pfq-omatic", "script.sh")):
        write_durably(folder / file, render(f"dkms/{template}.j2", **values).encode())
    (folder / "pfq-omatic").chmod(0o755)
    about = {"driver": package.driver, "modules": package.modules}
    write_durably(folder / "pfq-omatic.json", json.dumps(about).encode())


def register(system: System, package: Package, cache: Cache) -> None:
    """Have dkms know the package in this program's version, and in no other."""
    for version in versions(system, package):
        if version != __version__:
            unregister(system, package, version)
    write_source(system, package, cache)
    if __version__ not in versions(system, package):
        call("add", package)
    # dkms does not see to it that the disk has what it wrote, nor has anybody the folder's own name.
    os.sync()


def unregister(system: System, package: Package, version: str) -> None:
    """Have dkms forget a version of the package, with all it built and installed; leave no folder behind."""
    if version in versions(system, package):
        call("remove", package, "--all", version=version)
    shutil.rmtree(tree(system, package) / version, ignore_errors=True)
    shutil.rmtree(source(system, package, version), ignore_errors=True)
    folder = tree(system, package)
    if folder.is_dir() and not any(path.is_dir() and not path.is_symlink() for path in folder.iterdir()):
        shutil.rmtree(folder)


def unbuild(system: System, package: Package, release: str) -> None:
    """Have dkms take what it has of the package for a kernel off the machine."""
    if (tree(system, package) / __version__ / release).is_dir():
        call("unbuild", package, "-k", release)
        shutil.rmtree(tree(system, package) / __version__ / release, ignore_errors=True)


def call(action: str, package: Package, *options: str, version: str = __version__) -> None:
    """Run dkms under the caller's lock; raise DkmsFailed with its last words."""
    argv: Sequence[str] = ["dkms", action, "-m", package.name, "-v", version, *options]
    try:
        with log.step(f"dkms {action} {package.name} {' '.join(options)}".rstrip()):
            done = proc.run(argv, env={UNDER_LOCK: "1"})
    except CommandError as error:
        raise DkmsFailed(
            f"dkms could not {action} {package.name} ({error.returncode})",
            hint=f"dkms {action} -m {package.name} -v {version} {' '.join(options)}".rstrip(),
            details=error.details[-6:],
        ) from error
    log.debug(done.stdout.strip())
