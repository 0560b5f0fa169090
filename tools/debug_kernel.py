# SPDX-License-Identifier: GPL-2.0-or-later
"""Build a kernel that finds faults: Debian's own sources, a small configuration, and every checker there is.

    tools/debug_kernel.py [--series 6.1] [--flavour kasan|kcsan|plain] [--jobs N]    prints the folder when it is there
    tools/debug_kernel.py ... -- COMMAND...     runs a command that finds that kernel at /lib/modules and /boot (root)

What is built stays in the cache: debug-kernel/VERSION/linux are the sources, FLAVOUR beside them the products:
boot/vmlinuz-RELEASE and lib/modules/RELEASE, whose `build` modules are compiled against. A second run goes on where the
first one stopped; nothing is done for a kernel that is there and whose options (debug-kernel*.config) are the same.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import filelock

from omatic import apt, dirs, log, proc
from omatic.dirs import Cache
from omatic.errors import OmaticError, SourceNotFound

FLAVOURS = ("kasan", "kcsan", "plain")
PACKAGES = ("gcc", "make", "flex", "bison", "bc", "libelf-dev", "libssl-dev", "xz-utils", "kmod")
_HERE = Path(__file__).resolve().parent
_ENTER = 'mount --bind "$1/lib/modules" /lib/modules && mount --bind "$1/boot" /boot && shift && exec "$@"'


@dataclass(frozen=True, slots=True)
class DebugKernel:
    """Where everything of one kernel is."""

    folder: Path
    flavour: str

    @property
    def sources(self) -> Path:
        """The unpacked tree, for all flavours."""
        return self.folder / "linux"

    @property
    def output(self) -> Path:
        """What the kernel's build makes."""
        return self.folder / self.flavour / "build"

    @property
    def root(self) -> Path:
        """What the system sees of it: boot/ and lib/modules/."""
        return self.folder / self.flavour

    @property
    def stamp(self) -> Path:
        """Written when all is there; says of which options."""
        return self.root / "complete"

    def release(self) -> str:
        """Return what uname -r says in it."""
        return (self.output / "include/config/kernel.release").read_text().strip()


def fragments(flavour: str) -> tuple[Path, Path]:
    """Return the files with the options of a flavour."""
    return _HERE / "debug-kernel.config", _HERE / f"debug-kernel-{flavour}.config"


def options(text: str) -> dict[str, str]:
    """Return the options that a configuration sets."""
    return dict(re.findall(r"^(CONFIG_\w+)=(.*)$", text, re.MULTILINE))


def refused(wanted: Mapping[str, str], config: str) -> list[str]:
    """Return the options that are wanted and did not take effect."""
    got = options(config)
    return [f"{name}={value}" for name, value in wanted.items() if got.get(name) != value]


def newest(series: str, cache: Cache) -> Path:
    """Return the source package of a series: the newest that apt knows, or else one that is in the cache."""
    name = f"linux-source-{series}"
    if known := apt.candidates(name):
        return apt.download(known[0], cache.downloads)
    if kept := sorted(cache.downloads.glob(f"{name}_*.deb")):
        return kept[-1]
    raise SourceNotFound(f"apt knows no {name}", hint="run apt-get update, or choose another with --series")


def unpack(package: Path, into: Path) -> None:
    """Unpack the kernel's tree out of a source package, all or nothing."""
    if into.is_dir():
        return
    into.parent.mkdir(parents=True, exist_ok=True)
    with log.step(f"Unpacking {package.name}"), dirs.staging(into) as staged:
        script = 'dpkg-deb --fsys-tarfile "$1" | tar -xO --wildcards "./usr/src/*.tar.*" | tar -xJ --strip-components=1'
        proc.run(["sh", "-c", script, "sh", package], cwd=staged)


def configure(kernel: DebugKernel) -> None:
    """Write the configuration; OmaticError if an option did not take effect."""
    wanted = "".join(path.read_text() for path in fragments(kernel.flavour))
    kernel.output.mkdir(parents=True, exist_ok=True)
    fragment = kernel.root / "wanted.config"
    fragment.write_text(wanted + f'CONFIG_LOCALVERSION="-pfq-{kernel.flavour}"\n')
    make(kernel, "allnoconfig", f"KCONFIG_ALLCONFIG={fragment}")
    if lost := refused(options(wanted), (kernel.output / ".config").read_text()):
        raise OmaticError(
            f"{len(lost)} options of the debug kernel did not take effect",
            hint="give what they depend on in tools/debug-kernel*.config",
            details=lost,
        )


def make(kernel: DebugKernel, *arguments: str | Path) -> None:
    """Run the kernel's make."""
    command = ["make", "-C", kernel.sources, f"O={kernel.output}", "KBUILD_BUILD_TIMESTAMP=1", *arguments]
    proc.run(command, log_to=kernel.root / "build.log")


def build(series: str, flavour: str, cache: Cache, jobs: int) -> DebugKernel:
    """Return a debug kernel, built unless it is there."""
    package = newest(series, cache)
    version = package.name.removesuffix(".deb").split("_")[1]
    kernel = DebugKernel(cache.root / "debug-kernel" / version, flavour)
    texts = [path.read_bytes() for path in fragments(flavour)]
    digest = hashlib.sha256(b"\0".join((*texts, version.encode()))).hexdigest()
    kernel.root.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(kernel.folder / ".lock"):
        if kernel.stamp.is_file() and kernel.stamp.read_text() == digest:
            return kernel
        kernel.stamp.unlink(missing_ok=True)
        unpack(package, kernel.sources)
        configure(kernel)
        with log.step(f"Building Linux {version}, {flavour}: an hour or more"):
            make(kernel, f"-j{jobs}", "bzImage", "modules")
        place(kernel)
        dirs.write_atomically(kernel.stamp, digest.encode())
    return kernel


def place(kernel: DebugKernel) -> None:
    """Put the image and the modules where a system has them."""
    make(kernel, "modules_install", f"INSTALL_MOD_PATH={kernel.root}")
    boot = kernel.root / "boot"
    boot.mkdir(exist_ok=True)
    shutil.copyfile(kernel.output / "arch/x86/boot/bzImage", boot / f"vmlinuz-{kernel.release()}")


def main() -> int:
    """Build, and run the command if one is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", default="6.1")
    parser.add_argument("--flavour", choices=FLAVOURS, default="kasan")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("command", nargs="*")
    asked = parser.parse_args()
    try:
        kernel = build(asked.series, asked.flavour, Cache(dirs.default_cache()), asked.jobs)
    except OmaticError as error:
        print(f"debug_kernel: {error.message}. Next: {error.hint}", *error.details, sep="\n  ", file=sys.stderr)
        return 1
    if not asked.command:
        print(kernel.root, kernel.release())
        return 0
    inside = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER, "sh", str(kernel.root)]
    return subprocess.run(
        [*inside, *asked.command], env={**os.environ, "PFQ_TEST_KERNEL": kernel.release()}, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
