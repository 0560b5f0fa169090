# SPDX-License-Identifier: GPL-2.0-or-later
"""The initramfs follows what is installed, on this very machine seen through an overlay."""

import os
import shlex
from pathlib import Path

import pytest

from omatic import kernel, proc
from tests.build.conftest import Command

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

mkdir /etc/depmod.d
printf 'override e1000e * kernel/drivers/net/ethernet/intel/e1000e\n' > /etc/depmod.d/old.conf
depmod $R; update-initramfs -u -k $R; rm -r /etc/depmod.d; depmod $R
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


# dracut takes initramfs-tools' place, but leaves mkinitramfs where it is.
_DRACUT = r"""
listed() { lsinitrd /boot/initrd.img-$R | grep -c "$1" || true; }
is() { test "$1" = "$2" || { echo "line $3: '$1' is not '$2'"; exit 1; }; }

apt-get -y -qq --no-install-recommends install dracut
find /lib/modules/$R/kernel -name '*.ko*' | grep -v -e /e1000e/ -e /ptp/ -e /pps/ -e /virtio/ | xargs rm
printf 'hostonly=no\nadd_drivers+=" e1000e "\ndracutmodules="kernel-modules base"\n' > /etc/dracut.conf.d/small.conf
depmod $R
dracut -f /boot/initrd.img-$R $R
is $(listed kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko) 1 $LINENO

$OMATIC install e1000e --kernel $R
is $(listed updates/drivers/net/ethernet/intel/e1000e/e1000e.ko) 1 $LINENO
is $(listed kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko) 0 $LINENO
is $(listed updates/pfq/pfq_hook.ko) 1 $LINENO
$OMATIC status --kernel $R
$OMATIC uninstall e1000e --kernel $R
is $(listed kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko) 1 $LINENO
is $(listed updates/) 0 $LINENO
"""


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(_INSIDE, id="initramfs-tools", marks=pytest.mark.kbuild),
        # It takes minutes, and packages from the distribution.
        pytest.param(_DRACUT, id="dracut", marks=pytest.mark.packages),
    ],
)
def test_the_initramfs_follows(command: Command, tmp_path: Path, script: str) -> None:
    """With the real generator: made again with our driver, kept when that fails, made again on removal."""
    boot = Path("/boot")
    there = [r for r in kernel.releases() if (boot / f"initrd.img-{r}").is_file()]
    if os.geteuid() != 0 or not there or not proc.available("update-initramfs"):
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
        ["unshare", "--mount", "/bin/bash", "-eu", "-c", _OVERLAY, "overlay", tmp_path, script],
        env=settings, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
