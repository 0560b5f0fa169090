# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian packages on a fresh Debian 12: installed by the real apt, used, purged, and gone without a trace."""

import json
import shutil
from pathlib import Path

import pytest

from omatic import proc
from tests import roots
from tests.build.conftest import Command

pytestmark = pytest.mark.packages

ROOT = Path(__file__).resolve().parents[2]
_KERNEL = ("linux-image-amd64", "linux-headers-amd64")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the packages, built as `make deb` does."""
    roots.require()
    folder = tmp_path_factory.mktemp("deb")
    proc.run([ROOT / "tools/deb.sh", folder], timeout=1200)
    return folder


@pytest.fixture
def fresh(packages: Path, command: Command, tmp_path: Path) -> Path:
    """A Debian 12 with its kernel and nothing else; the packages are in /debs."""
    with roots.kept("kernel-only", _KERNEL) as (kept, there):
        if not there:
            roots.make("bookworm", kept)
            roots.install(kept, _KERNEL)
    root = roots.copy(kept, tmp_path / "root")
    shutil.copytree(packages, root / "debs")
    # What the checkout has downloaded need not be downloaded again.
    if (command.cache / "downloads").is_dir():
        shutil.copytree(command.cache / "downloads", root / "var/cache/pfq-omatic/downloads")
    return root


def ours(root: Path) -> list[str]:
    """Return everything in a root whose name says that it is ours."""
    found = proc.run(["find", root, "-xdev", "-path", root / "debs", "-prune", "-o", "-name", "*pfq*", "-print"]).stdout
    return found.splitlines()


def kernel_files(root: Path) -> dict[str, int]:
    """Return all files of the kernel, what depmod makes included, with their sizes."""
    files = (path for top in ("lib/modules", "boot") for path in (root / top).rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.stat().st_size for path in files if not path.name.startswith("initrd.")}


def modules_inside(root: Path, release: str) -> list[str]:
    """Return the modules of the initramfs.

    It is made anew when e1000e goes, with what else the root has by then (a file of the dkms package's): its size tells
    nothing.
    """
    listed = roots.inside(root, f"lsinitramfs /boot/initrd.img-{release}").stdout.splitlines()
    return sorted(path for path in listed if ".ko" in path)


def test_a_fresh_debian(fresh: Path) -> None:
    """Install, build, install the driver, add another to DKMS; purging puts all of it back."""
    (release,) = (path.name for path in (fresh / "lib/modules").iterdir())
    before, inside = kernel_files(fresh), modules_inside(fresh, release)
    roots.inside(fresh, "apt-get -y -qq --no-install-recommends install /debs/pfq-omatic_*.deb")
    assert roots.inside(fresh, "pfq-omatic --version").stdout.startswith("pfq-omatic ")
    assert roots.inside(fresh, f"pfq-omatic doctor --kernel {release}").returncode == 0
    built = json.loads(roots.inside(fresh, f"pfq-omatic build e1000e --kernel {release} --json").stdout)
    assert [(each["driver"], each["refused"]) for each in built] == [("e1000e", None)]
    roots.inside(fresh, f"pfq-omatic install e1000e --kernel {release}")
    assert "/updates/" in roots.inside(fresh, f"modinfo -k {release} -n e1000e").stdout
    roots.inside(fresh, "apt-get -y -qq --no-install-recommends install /debs/pfq-dkms_*.deb")
    roots.inside(fresh, f"pfq-omatic dkms add vmxnet3 --kernel {release}")
    assert "pfq-vmxnet3" in roots.inside(fresh, "dkms status").stdout
    # pfq-dkms goes first and has to leave the core to e1000e; pfq-omatic then takes all.
    gone = roots.inside(fresh, "apt-get -y purge pfq-omatic pfq-dkms")
    assert "pfq-omatic: dkms still" not in gone.stderr
    assert ours(fresh) == []
    assert not (fresh / "usr/lib/pfq-omatic").exists()
    after = kernel_files(fresh)
    assert {path: size for path, size in after.items() if before.get(path) != size} == {}
    assert before.keys() == after.keys()
    assert inside == modules_inside(fresh, release)
    assert any(path.endswith("/e1000e.ko") for path in inside)
    assert roots.inside(fresh, "dpkg --verify", check=False).stdout == ""


def test_manual_and_completion_are_where_they_are_looked_for(packages: Path) -> None:
    """The packages' files are in the places of Debian's policy, and nothing else is."""
    (deb,) = packages.glob("pfq-omatic_*.deb")
    listed = {line.split()[5] for line in proc.run(["dpkg-deb", "-c", deb]).stdout.splitlines()}
    assert {
        "./usr/bin/pfq-lang",
        "./usr/bin/pfq-omatic",
        "./usr/lib/pfq-omatic/pfq/lang/compiler/tables.json",
        "./usr/share/man/man1/pfq-omatic.1.gz",
        "./usr/share/man/man1/pfq-omatic-build.1.gz",
        "./usr/share/bash-completion/completions/pfq-omatic",
        "./usr/share/zsh/vendor-completions/_pfq-omatic",
        "./usr/share/fish/vendor_completions.d/pfq-omatic.fish",
    } <= listed
    tracked = proc.run(["git", "-C", ROOT, "ls-files", "templates", "patches", "kernel"]).stdout.split()
    assert {f"./usr/lib/pfq-omatic/omatic/data/{name}" for name in tracked} <= listed
    private = ("./usr/bin/", "./usr/lib/pfq-omatic/", "./usr/share/")
    assert all(path.startswith(private) or path.endswith("/") for path in listed)
