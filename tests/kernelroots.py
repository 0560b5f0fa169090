# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian roots that have a kernel of another release than this machine's, with the compiler that built it.

    root = kernelroots.root("5.10")      drivers-cache/roots/kernel-5.10-..., made at the first call: minutes, network
    root.path, root.release              where it is, and its kernel: 5.10.0-37-amd64
    root = kernelroots.root("7-rt")      the same line with PREEMPT_RT

A suite's own kernel, or that of its backports, is what its meta packages bring: the newest of that line. Deleting what
is kept brings newer ones.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from omatic import kernel
from tests import roots


@dataclass(frozen=True)
class Suite:
    """Where a line of kernels is: a suite of Debian, and whether its backports are meant."""

    name: str
    backports: bool = False


SUITES: Mapping[str, Suite] = {
    "5.10": Suite("bullseye"),
    "6.1": Suite("bookworm"),
    "6.12": Suite("trixie"),
    "7": Suite("trixie", backports=True),
}
"""By line of kernels; 7 is the newest that Debian ships."""

PACKAGES = ("linux-image-amd64", "linux-headers-amd64", "binutils", "make", "sparse")
RT_PACKAGES = ("linux-image-rt-amd64", "linux-headers-rt-amd64", "binutils", "make", "sparse")


@dataclass(frozen=True)
class KernelRoot:
    """A root and the release of its one kernel."""

    path: Path
    release: str


def root(line: str) -> KernelRoot:
    """Return the root with the newest kernel of a line (or of its flavour, LINE-rt); skips the test where roots cannot
    be made."""
    roots.require()
    suite = SUITES[line.removesuffix("-rt")]
    packages = RT_PACKAGES if line.endswith("-rt") else PACKAGES
    with roots.kept(f"kernel-{line}", suite, packages) as (path, there):
        if not there:
            roots.make(suite.name, path)
            if suite.backports:
                _add_backports(path, suite.name)
            target = f"-t {suite.name}-backports" if suite.backports else ""
            wanted = " ".join(packages)
            roots.inside(path, f"apt-get -y -qq --no-install-recommends {target} install {wanted} && apt-get clean")
    (release,) = kernel.releases(root=path)
    return KernelRoot(path, release)


def _add_backports(path: Path, suite: str) -> None:
    """Have apt know the backports of a suite: the entry of the suite itself is copied, and its name changed."""
    folder = path / "etc/apt/sources.list.d"
    for file in [*folder.glob("*.list"), *folder.glob("*.sources")]:
        entries = re.split(r"\n" if file.suffix == ".list" else r"\n\s*\n", file.read_text())
        # Of an entry with several suites, only the suite itself: not its -updates, nor an entry of -security.
        plain = [re.sub(rf"\b{suite}-\w+", "", entry) for entry in entries]
        ours = [entry for entry in plain if re.search(rf"\b{suite}\b", entry)]
        text = "\n\n".join(re.sub(rf"\b{suite}\b", f"{suite}-backports", entry) for entry in ours)
        file.with_name(f"backports-{file.name}").write_text(text + "\n")
    roots.inside(path, "apt-get -qq update")
