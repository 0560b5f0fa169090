# SPDX-License-Identifier: GPL-2.0-or-later
"""Installing real modules: into a copy of a kernel's folder, and on this very machine seen through an overlay."""

import json
import os
import shlex
import shutil
from pathlib import Path

import pytest

from omatic import elf, kernel, proc
from omatic.dirs import sha256
from omatic.rules import TWINS
from tests.build.conftest import Command

pytestmark = pytest.mark.kbuild

FOLDERS = ("net/ethernet/intel/e1000e", "net/ethernet/intel/igb", "net/vmxnet3", "ptp", "pps", "i2c", "dca")


@pytest.fixture
def root(command: Command, tmp_path: Path) -> Path:
    """A root with the kernel's own e1000e, igb and vmxnet3, and what they depend on."""
    (built,) = command.json("build", ["vmxnet3"])
    stock = Path(built["stock"])
    original = next(folder for folder in stock.parents if folder.name == command.release)
    top = tmp_path / "root/lib/modules" / command.release
    for name in FOLDERS:
        source = original / "kernel/drivers" / name
        if source.is_dir():
            shutil.copytree(source, top / "kernel/drivers" / name)
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copyfile(original / name, top / name)
    proc.run(["depmod", "-b", tmp_path / "root", command.release])
    return tmp_path / "root"


def content(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): sha256(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def test_install_and_uninstall(command: Command, root: Path) -> None:
    """What modprobe would load is ours, with the hook before it; afterwards every file is as it was."""
    place = ("--kernel", command.release, "--sysroot", str(root))
    folder = root / "lib/modules" / command.release
    before = content(folder)
    dry = command.run("install", "e1000e", "vmxnet3", *place, "--dry-run", "--json")
    assert dry.returncode == 0, dry.stderr
    assert content(folder) == before
    done = command.run("install", "e1000e", "vmxnet3", *place, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == json.loads(dry.stdout)["steps"]
    after = content(folder)
    for path in (path for path in before if path.startswith("kernel/")):
        assert after[path] == before[path]
    dependencies = (folder / "modules.dep").read_text().splitlines()
    for name, intree in (("e1000e", "net/ethernet/intel/e1000e"), ("vmxnet3", "net/vmxnet3")):
        ours = folder / "updates/drivers" / intree / f"{name}.ko"
        said = proc.run(["modinfo", "-b", root, "-k", command.release, "-n", name]).stdout.strip()
        assert Path(said) == ours
        assert "pfq" in elf.modinfo(ours) and elf.imports(ours) & set(TWINS.values())
        (line,) = [line for line in dependencies if line.startswith(f"updates/drivers/{intree}/{name}.ko:")]
        assert "updates/pfq/pfq_hook.ko" in line
    status = command.run("status", *place, "--json")
    assert status.returncode == 0, status.stdout
    drivers = {one["name"]: one for one in json.loads(status.stdout)["drivers"]}
    for name in ("e1000e", "vmxnet3"):
        assert (drivers[name]["modprobe"], drivers[name]["installed"]) == ("ours", "yes")
        assert drivers[name]["provenance"] == "equal sections"
    removed = command.run("uninstall", "e1000e", "vmxnet3", *place)
    assert removed.returncode == 0, removed.stderr
    assert content(folder) == before


def test_outranked(command: Command, root: Path) -> None:
    """A depmod configuration that prefers the stock module: refused with its line, and nothing is left."""
    folder = root / "lib/modules" / command.release
    before = content(folder)
    config = root / "etc/depmod.d/dist.conf"
    config.parent.mkdir(parents=True)
    config.write_text("search built-in updates\n")
    done = command.run("install", "vmxnet3", "--kernel", command.release, "--sysroot", str(root))
    assert done.returncode == 19, done.stderr
    assert "/etc/depmod.d/dist.conf:1: search built-in updates" in done.stderr
    assert content(folder) == before


# --- the machine itself, through an overlay

_INSIDE = r"""
files() { find . -type f ! -name 'modules.*' | sort | xargs sha256sum; }
state() { (cd /lib/modules/$R && files && cat modules.dep) | sha256sum; }
listed() { lsinitramfs /boot/initrd.img-$R | grep -c "$1" || true; }
is() { test "$1" = "$2" || { echo "line $3: '$1' is not '$2'"; exit 1; }; }

# A kernel and an image with little in them: depmod reads every module, each time.
find /lib/modules/$R/kernel -name '*.ko*' | grep -v -e /e1000e/ -e /ptp/ -e /pps/ -e /virtio/ | xargs rm
echo MODULES=list > /etc/initramfs-tools/conf.d/small
echo e1000e > /etc/initramfs-tools/modules
update-initramfs -u -k $R
depmod $R
before=$(state)
is $(listed kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko) 1 $LINENO

image=$(sha256sum < /boot/initrd.img-$R)
printf '#!/bin/sh\n[ "$1" = prereqs ] || exit 1\n' > /etc/initramfs-tools/hooks/broken
chmod +x /etc/initramfs-tools/hooks/broken
code=0; $OMATIC install e1000e --kernel $R || code=$?
is $code 19 $LINENO
is "$(sha256sum < /boot/initrd.img-$R)" "$image" $LINENO
is "$(state)" "$before" $LINENO
is "$(find /var/lib/pfq-omatic -type f)" "" $LINENO
rm /etc/initramfs-tools/hooks/broken

$OMATIC install e1000e --kernel $R
is $(listed updates/drivers/net/ethernet/intel/e1000e/e1000e.ko) 1 $LINENO
is $(listed kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko) 0 $LINENO
is $(listed updates/pfq/pfq_hook.ko) 1 $LINENO
$OMATIC status --kernel $R

printf 'override e1000e * kernel/drivers/net/ethernet/intel/e1000e\n' > /etc/depmod.d/old.conf
depmod $R; update-initramfs -u -k $R; rm /etc/depmod.d/old.conf; depmod $R
code=0; $OMATIC status --kernel $R || code=$?
is $code 1 $LINENO
$OMATIC install e1000e --kernel $R
is $(listed updates/drivers/net/ethernet/intel/e1000e/e1000e.ko) 1 $LINENO

$OMATIC uninstall e1000e --kernel $R
is $(listed kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko) 1 $LINENO
is $(listed updates/) 0 $LINENO
is "$(state)" "$before" $LINENO
"""

_OVERLAY = r"""
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
for place in /proc /dev $BOUND; do mkdir -p "$1/root$place"; mount --rbind "$place" "$1/root$place"; done
mount -t tmpfs none "$1/root/run"
exec chroot "$1/root" /bin/bash -eu -c "$2"
"""


def test_the_initramfs_follows(command: Command, tmp_path: Path) -> None:
    """With the real initramfs-tools: made again with our driver, kept when that fails, made again on removal."""
    boot = Path("/boot")
    there = [r for r in kernel.releases() if (boot / f"initrd.img-{r}").is_file()]
    if os.geteuid() != 0 or not there or not proc.available("mkinitramfs"):
        pytest.skip("needs root and a kernel with an initramfs made by initramfs-tools")
    if proc.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", tmp_path], check=False).returncode != 0:
        pytest.skip("mounts are not allowed here")
    release = there[0]
    other = Command(release, command.cache)
    other.json("build", ["e1000e"])
    settings = {
        "R": release,
        "OMATIC": shlex.join(map(str, other.argv())),
        "BOUND": f"{command.cache} {Path(__file__).resolve().parents[2]}",
    }
    done = proc.run(
        ["unshare", "--mount", "/bin/bash", "-eu", "-c", _OVERLAY, "overlay", tmp_path, _INSIDE],
        env=settings, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
