# SPDX-License-Identifier: GPL-2.0-or-later
"""The Ansible role on a fleet of Debian systems with a kernel and no compiler: real ansible, apt, dpkg and depmod.

Each host is a layer over one system, entered by `ssh` beside this file. They have no kernel of their own to run, so
drivers are installed and not swapped; tests/life swaps them in virtual machines.
"""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from omatic import elf, proc
from tests import roots
from tests.build.conftest import Command, command, release

__all__ = ["command", "release"]
pytestmark = pytest.mark.packages

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOK = ROOT / "contrib/ansible/rolling.yml"
DRIVER, PATH = "vmxnet3", "drivers/net/vmxnet3/vmxnet3.ko"


@dataclass(frozen=True)
class Fleet:
    """Hosts by name, over one system; `release` is their kernel."""

    folder: Path
    base: Path
    release: str

    def play(self, *hosts: str, **settings: object) -> subprocess.CompletedProcess[str]:
        """Run the rolling playbook for these hosts, in this order."""
        inventory = self.folder / "hosts"
        inventory.write_text("".join(f"{host} ansible_python_interpreter=/usr/bin/python3\n" for host in hosts))
        environment = {
            "FLEET": str(self.folder),
            "FLEET_BASE": str(self.base),
            "HOME": str(self.folder),
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_SSH_EXECUTABLE": str(ROOT / "tests/fleet/ssh"),
            "ANSIBLE_SSH_TRANSFER_METHOD": "piped",
            "ANSIBLE_SSH_ARGS": "",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_RETRY_FILES_ENABLED": "0",
        }
        given = json.dumps(settings, default=str)
        argv = ["/usr/bin/ansible-playbook", "-i", str(inventory), str(PLAYBOOK), "-e", given]
        return subprocess.run(argv, env=environment, capture_output=True, text=True)

    def module(self, host: str) -> Path:
        """Return where a host's accelerated driver is, if it is there."""
        return self.folder / host / "changes/lib/modules" / self.release / "updates" / PATH

    def usr_module(self, host: str) -> Path:
        """Return the same where /lib is a link to usr/lib."""
        return self.folder / host / "changes/usr/lib/modules" / self.release / "updates" / PATH

    def has(self, host: str) -> bool:
        """Tell whether a host has the accelerated driver."""
        return self.module(host).is_file() or self.usr_module(host).is_file()


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Debian package."""
    roots.require()
    if not Path("/usr/bin/ansible-playbook").is_file():
        pytest.skip("ansible-core is not installed")
    folder = tmp_path_factory.mktemp("deb")
    proc.run([ROOT / "tools/deb.sh", folder], timeout=1200)
    (found,) = folder.glob("pfq-omatic_*.deb")
    return found


@pytest.fixture(scope="module")
def base(package: Path, release: str) -> Path:
    """A Debian system with a kernel and what the package needs, but without it."""
    needed = [each.split("|")[0].split("(")[0].strip() for each in
              proc.run(["dpkg-deb", "-f", package, "Depends"]).stdout.split(",")]  # fmt: skip
    wanted = sorted(
        {f"linux-image-{release}", "openssh-client", "python3-apt", *(name.replace(":any", "") for name in needed)}
    )
    with roots.kept("fleet", wanted) as (kept, there):
        if not there:
            roots.make("bookworm", kept)
            roots.install(kept, wanted)
    return kept


@pytest.fixture
def fleet(base: Path, release: str, tmp_path: Path) -> Fleet:
    """A fleet without hosts; they come to be when they are first reached."""
    (tmp_path / "fleet").mkdir()
    return Fleet(tmp_path / "fleet", base, release)


@pytest.fixture(scope="module")
def bundle(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A bundle signed with a key, and the file that says that the key is trusted."""
    folder = tmp_path_factory.mktemp("bundle")
    proc.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "fleet", "-f", folder / "key"])
    (folder / "allowed").write_text(f"fleet@example {(folder / 'key.pub').read_text()}")
    file = folder / f"{DRIVER}.tar.zst"
    command.json("build", [DRIVER], "--bundle", str(file), "--sign-with", str(folder / "key"))
    return {"file": file, "trust": folder / "allowed"}


def recap(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, int]]:
    """Return Ansible's counts by host."""
    lines = re.findall(r"^(\w+) +: (ok=.*)$", done.stdout, re.MULTILINE)
    return {host: {key: int(n) for key, n in re.findall(r"(\w+)=(\d+)", counts)} for host, counts in lines}


def test_rolled_out(fleet: Fleet, bundle: Mapping[str, Path], package: Path) -> None:
    """Every host gets the package and the driver; a second run changes nothing; the driver is what is loaded next."""
    given = {"pfq_omatic_bundle": bundle["file"], "pfq_omatic_trust": bundle["trust"],
             "pfq_omatic_package": package, "pfq_omatic_load": False}  # fmt: skip
    done = fleet.play("one", "two", "three", **given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(fleet.has(host) for host in ("one", "two", "three"))
    again = fleet.play("one", "two", "three", **given)
    assert again.returncode == 0, again.stdout + again.stderr
    assert {host: counts["changed"] for host, counts in recap(again).items()} == {"one": 0, "two": 0, "three": 0}
    environment = {**os.environ, "FLEET": str(fleet.folder), "FLEET_BASE": str(fleet.base)}
    asked = ["tests/fleet/ssh", "one", f"modinfo -k {fleet.release} -n {DRIVER}; which gcc || echo no compiler"]
    said = subprocess.run(asked, cwd=ROOT, env=environment, capture_output=True, text=True).stdout.splitlines()
    assert said == [f"/lib/modules/{fleet.release}/updates/{PATH}", "no compiler"]


def test_the_first_failure_ends_it(fleet: Fleet, bundle: Mapping[str, Path], package: Path) -> None:
    """A host with another build of the kernel is refused, and the hosts after it keep what they have."""
    stock = Path("lib/modules", fleet.release, "kernel", PATH)
    other = fleet.folder / "other/changes" / ("usr" if (fleet.base / "lib").is_symlink() else "") / stock
    other.parent.mkdir(parents=True)
    image = elf.read_module(fleet.base / stock)
    other.write_bytes(image.replace(b"license=GPL", b"license=GPI", 1))
    done = fleet.play("other", "two", "three", pfq_omatic_bundle=bundle["file"], pfq_omatic_package=package)
    assert done.returncode != 0
    assert "not the stock module" in done.stdout
    assert recap(done)["other"]["failed"] == 1
    assert not any(fleet.has(host) for host in ("other", "two", "three"))
    assert not (fleet.folder / "two").exists()


def test_an_unsigned_bundle_is_not_trusted(
    fleet: Fleet, bundle: Mapping[str, Path], package: Path, command: Command
) -> None:
    """With a file of allowed signers only what one of them has signed is installed."""
    unsigned = fleet.folder / "unsigned.tar.zst"
    command.json("build", [DRIVER], "--bundle", str(unsigned))
    given = {"pfq_omatic_bundle": unsigned, "pfq_omatic_trust": bundle["trust"], "pfq_omatic_package": package}
    done = fleet.play("one", **given)
    assert done.returncode != 0
    assert "it is not signed" in done.stdout
    assert not fleet.has("one")


def test_drivers_that_no_device_uses_are_not_swapped(fleet: Fleet, bundle: Mapping[str, Path], package: Path) -> None:
    """The part that swaps leaves hosts alone whose driver is not loaded."""
    if Path("/sys/module", DRIVER).exists():
        pytest.skip(f"this machine itself uses {DRIVER}")
    done = fleet.play("one", pfq_omatic_bundle=bundle["file"], pfq_omatic_package=package, pfq_omatic_load=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert fleet.has("one")
