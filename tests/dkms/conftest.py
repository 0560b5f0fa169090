# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian 12 system with a kernel, dkms and pfq-omatic from its wheel, and the packages of a newer kernel at hand.

PFQ_TEST_WHEELS is a folder with the wheels of pfq-omatic and of all that it needs; make fills it.
"""

import hashlib
import inspect
import json
import os
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from omatic.proc import Completed
from tests import roots

PROGRAM = "/opt/pfq/bin/pfq-omatic"
NEEDED = (
    "dkms", "gcc", "libc6-dev", "make", "git", "xz-utils", "zstd", "kmod", "binutils", "python3-venv",
    "initramfs-tools",
)  # fmt: skip
UNREACHABLE = 'Acquire::http::Proxy "http://127.0.0.1:9";\nAcquire::https::Proxy "http://127.0.0.1:9";\n'


@dataclass(frozen=True)
class Machine:
    """A system in a folder: the kernel that it has, and the one that it is going to be upgraded to."""

    path: Path
    old: str
    new: str

    def run(self, command: str, *, check: bool = True) -> Completed:
        """Run a line of shell in it."""
        done = roots.inside(self.path, command, check=False)
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def tool(self, *arguments: str, check: bool = True) -> Completed:
        """Run pfq-omatic in it."""
        return self.run(shlex.join([PROGRAM, *arguments]), check=check)

    def upgrade(self) -> Completed:
        """Install the newer kernel's image and headers, from the packages that are at hand."""
        packages = f"linux-image-{self.new} linux-headers-{self.new}"
        return self.run(f"apt-get -y --no-download --no-install-recommends install {packages}")

    def loads(self, release: str, name: str) -> str:
        """Return the file that modprobe would load, below the kernel's folder."""
        said = self.run(f"modinfo -k {release} -n {name}").stdout.strip()
        return said.split(f"lib/modules/{release}/")[-1]

    def record(self, release: str, driver: str) -> dict[str, str]:
        """Return what was recorded of a driver."""
        path = self.path / "var/lib/pfq-omatic/dkms" / release / f"{driver}.json"
        return dict(json.loads(path.read_text()))

    def verify(self, release: str) -> str:
        """Return in what the files of a kernel's package are not as they were."""
        return self.run(f"dpkg --verify linux-image-{release}").stdout

    def cut_off(self) -> None:
        """Make every package archive unreachable."""
        self._unreachable.write_text(UNREACHABLE)

    def reconnect(self) -> None:
        """Make them reachable again."""
        self._unreachable.unlink()

    @property
    def _unreachable(self) -> Path:
        return self.path / "etc/apt/apt.conf.d/zz-unreachable"

    def newer_dkms(self) -> None:
        """Bring dkms of the next Debian: its suite is added by copying the entries that are there."""
        sources = self.path / "etc/apt/sources.list.d"
        for path in [*sources.glob("*.list"), *sources.glob("*.sources")]:
            entries = re.split(r"\n" if path.suffix == ".list" else r"\n\s*\n", path.read_text())
            ours = [re.sub(r"\bbookworm-\w+", "", entry) for entry in entries if re.search(r"\bbookworm(?!-)\b", entry)]
            text = "\n\n".join(re.sub(r"\bbookworm\b", "trixie", entry) for entry in ours)
            path.with_name(f"trixie-{path.name}").write_text(text + "\n")
        pin = "Package: *\nPin: release n=trixie\nPin-Priority: 100\n"
        (self.path / "etc/apt/preferences.d/trixie").write_text(pin)
        self.run("apt-get -qq update && apt-get -y -qq --no-install-recommends -t trixie install dkms")
        assert "3.2" in self.run("dkms --version").stdout

    def listing(self) -> dict[str, str]:
        """Return the checksums of all files that we or dkms might leave or change, and the folders."""
        found: dict[str, str] = {}
        for top in ("lib/modules", "usr/src", "etc", "var/lib/dkms", "var/lib/pfq-omatic"):
            for path in (self.path / top).rglob("*"):
                name = str(path.relative_to(self.path))
                if name.startswith("usr/src/linux-"):
                    continue
                if path.is_symlink():
                    found[name] = str(path.readlink())
                elif path.is_file() and not _generated(name):
                    found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
                elif path.is_dir():
                    found[name] = "folder"
        return found


def _generated(name: str) -> bool:
    # dkms's own signing key stays: its owner may have had the firmware trust it. The rest is depmod's and apt's.
    return "/modules." in name or "dkms/mok." in name or name.endswith(("/ld.so.cache", ".pyc"))


@pytest.fixture(scope="session")
def base() -> tuple[Path, str, str]:
    """Return a root that has it all, and its two kernels; made once, and kept."""
    roots.require()
    wheels = Path(os.environ.get("PFQ_TEST_WHEELS", roots.TOP / "build/wheels"))
    if not any(wheels.glob("pfq_omatic-*.whl")):
        pytest.skip(f"no wheel of pfq-omatic in {wheels}: make test-dkms makes it")
    needs = sorted(path.name for path in wheels.glob("*.whl") if not path.name.startswith("pfq_omatic"))
    with roots.kept("dkms", NEEDED, needs, inspect.getsource(_fill)) as (path, there):
        if not there:
            roots.make("bookworm", path)
            roots.install(path, NEEDED)
            _fill(path, wheels)
        old, new = (path / "etc/test-kernels").read_text().split()
    return path, old, new


def _fill(path: Path, wheels: Path) -> None:
    newest = (
        "apt-cache search --names-only '^linux-image-6.12.[0-9]+[+]deb12-amd64$' | cut -d' ' -f1 | sort -V | tail -n1"
    )
    new = roots.inside(path, newest).stdout.strip().removeprefix("linux-image-")
    depends = roots.inside(path, "apt-cache depends linux-image-amd64").stdout
    old = re.findall(r"Depends: linux-image-(\S+)", depends)[0]
    roots.install(path, [f"linux-image-{old}", f"linux-headers-{old}"])
    roots.install(path, ["--download-only", f"linux-image-{new}", f"linux-headers-{new}"])
    (path / "etc/test-kernels").write_text(f"{old} {new}\n")
    _wheels(path, wheels)
    # What is tested is the upgrade: sources and builds for the kernel that is there may as well be at hand.
    roots.inside(
        path, f"python3 -m venv /opt/pfq && {_PIP} pfq-omatic && {PROGRAM} build e1000e vmxnet3 --kernel {old}"
    )


_PIP = "/opt/pfq/bin/pip install --quiet --no-index --find-links /opt/wheels"


def _wheels(path: Path, wheels: Path) -> None:
    folder = path / "opt/wheels"
    folder.mkdir(exist_ok=True)
    for wheel in wheels.glob("*.whl"):
        (folder / wheel.name).write_bytes(wheel.read_bytes())


@pytest.fixture
def machine(base: tuple[Path, str, str], tmp_path: Path) -> Iterator[Callable[[str], Machine]]:
    """Yield what makes a machine of its own for a test, with that version of dkms and today's pfq-omatic."""
    path, old, new = base
    made: list[Path] = []

    def _make(dkms: str) -> Machine:
        root = roots.copy(path, tmp_path / f"dkms-{dkms}")
        made.append(root)
        _wheels(root, Path(os.environ.get("PFQ_TEST_WHEELS", roots.TOP / "build/wheels")))
        roots.inside(root, f"{_PIP} --force-reinstall --no-deps pfq-omatic")
        # The images are made several times, and how small they are is not the question.
        (root / "etc/initramfs-tools/conf.d/quick").write_text("COMPRESS=zstd\nCOMPRESSLEVEL=1\n")
        found = Machine(root, old, new)
        if dkms != "3.0.10":
            found.newer_dkms()
        assert dkms in found.run("dkms --version").stdout
        return found

    yield _make
    for root in made:
        roots.remove(root)
