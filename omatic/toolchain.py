# SPDX-License-Identifier: GPL-2.0-or-later
"""Which programs build for a kernel: compiler, linker, make and the kernel's own tools, with their versions.

Recorded with the proof, because a rebuild by other programs need not equal the stock module. Every version is the
first line of what the program itself says, asked inside the root that it runs in.
"""

from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from omatic import packages, proc, sysroot
from omatic.model import KernelTarget


@dataclass(frozen=True, slots=True)
class Toolchain:
    """The programs by version; `kbuild` is the package of the kernel's own tools, or where they are."""

    root: str
    compiler: str
    linker: str
    make: str
    kbuild: str

    def to_json(self) -> dict[str, str]:
        """Return it as it is recorded."""
        return asdict(self)


def of_kernel(target: KernelTarget) -> Toolchain:
    """Return what builds for a kernel."""
    return _ask(target.root, target.compiler, target.build_dir)


@lru_cache(maxsize=8)
def _ask(root: Path, compiler: str, build_dir: Path) -> Toolchain:
    sysroot.find(root, compiler)
    tools = sysroot.resolve(root, build_dir / "scripts")
    # The folder itself is in no package where it is but a link; modpost is what every build of modules runs.
    owner = packages.owner(tools / "mod/modpost", root)
    script = 'for tool in "$1" "$("$1" -print-prog-name=ld)" make; do "$tool" --version | head -n 1; done'
    said = proc.run(sysroot.command(root, ["sh", "-c", script, "sh", compiler])).stdout.splitlines()
    versions = (said + ["unknown"] * 3)[:3]
    kbuild = f"{owner.name} {owner.version}" if owner else str(sysroot.inside(root, tools))
    return Toolchain(str(root), versions[0], versions[1], versions[2], kbuild)
