# SPDX-License-Identifier: GPL-2.0-or-later
"""The disk of the rig: Debian 12 with systemd, a kernel with its headers, pfq-omatic, and drivers already built.

Compiling in an emulated machine takes far too long, so the drivers are built in a chroot before the image is made; in
the guest, `pfq-omatic build` then finds that nothing has changed. Two layers are kept in drivers-cache/roots/: the
system with all packages, made once; and the disk, made anew whenever a source file of pfq-omatic changes (a minute).
"""

import shutil
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from omatic import dirs, proc
from omatic.dirs import sha256
from tests import roots
from tests.life import small

DRIVERS = ("e1000e", "vmxnet3")
_SUITE = "bookworm"
_GUEST = Path(__file__).with_name("guest")
_SYSTEM = (
    "systemd-sysv", "dbus", "udev", "kmod", "initramfs-tools", "zstd", "iproute2", "ethtool", "iputils-ping", "socat",
    "procps", "mokutil", "tcpdump",
)  # fmt: skip
_TOOLS = ("python3", "python3-venv", "gcc", "libc6-dev", "make", "git", "binutils", "xz-utils", "dpkg-dev", "dkms")
_SIZE = "6G"
# A small initramfs: it is made and unpacked by an emulated processor. The driver under test is inside, as it is in
# Debian's default one, which has them all.
_INITRAMFS = {
    "etc/initramfs-tools/conf.d/rig": "MODULES=list\nCOMPRESS=zstd\n",
    "etc/initramfs-tools/modules": "virtio_pci\nvirtio_blk\next4\ne1000e\n",
}
# What would run at some time by itself and get into a test's way.
_UNWANTED = ("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer",
             "dpkg-db-backup.timer", "getty@tty1.service")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Image:
    """A disk that must not be written to (use an overlay), with the kernels and initramfs that start it."""

    release: str
    folder: Path

    @property
    def disk(self) -> Path:
        """The disk."""
        return self.folder / "disk.raw"

    @property
    def boot(self) -> tuple[Path, Path]:
        """The kernel and the initramfs that are on the disk."""
        return self.folder / f"vmlinuz-{self.release}", self.folder / f"initrd.img-{self.release}"

    @property
    def small(self) -> tuple[Path, Path]:
        """The kernel and the initramfs of a small boot."""
        return self.folder / "small-kernel", self.folder / "small-initramfs"


def image(release: str) -> Image:
    """Return the disk with that kernel, made unless it is there."""
    system = _system(release)
    files = _sources()
    content = [(str(path.relative_to(roots.TOP)), sha256(path)) for path in (*files, *sorted(_GUEST.iterdir()))]
    with roots.kept(f"life-disk-{release}", system.name, content, DRIVERS, _SIZE) as (path, there):
        if not there:
            path.mkdir()
            root = roots.copy(system, path / "root")
            _install_pfq_omatic(root, files, path)
            _build(root, release)
            _install_rig(root)
            made = Image(release, path)
            for file in made.boot:
                shutil.copyfile(root / "boot" / file.name, file)
            made.small[0].write_bytes(small.kernel(made.boot[0].read_bytes()))
            made.small[1].write_bytes(small.initramfs(root / "lib/modules" / release))
            proc.run(["mke2fs", "-q", "-t", "ext4", "-L", "rig", "-d", root, made.disk, _SIZE], timeout=900)
            roots.remove(root)
    return Image(release, path)


def _system(release: str) -> Path:
    packages = (*_SYSTEM, *_TOOLS, f"linux-image-{release}", f"linux-headers-{release}")
    wanted = tomllib.loads((roots.TOP / "pyproject.toml").read_text())["project"]["dependencies"]
    with roots.kept(f"life-system-{release}", _SUITE, packages, wanted, _INITRAMFS) as (path, there):
        if not there:
            roots.make(_SUITE, path)
            for name, text in _INITRAMFS.items():
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                (path / name).write_text(text)
            # With what initramfs-tools is to do in place before the kernel comes; conffiles that exist stay.
            roots.inside(path, "apt-get -qq update")
            keep = "-o Dpkg::Options::=--force-confold"
            roots.install(path, [keep, *_SYSTEM, *_TOOLS])
            roots.install(path, [f"linux-image-{release}", f"linux-headers-{release}"])
            roots.inside(path, "apt-get clean; systemd-machine-id-setup")
            wheels = path / "root/wheels"
            proc.run([sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:",
                      "--python-version", "3.11", "--dest", wheels, *wanted], timeout=900)  # fmt: skip
            roots.inside(path, "python3 -m venv /opt/pfq-omatic")
            names = " ".join(f"'{name}'" for name in wanted)
            roots.inside(path, f"/opt/pfq-omatic/bin/pip install -q --no-index --find-links /root/wheels {names}")
            roots.remove(wheels)
    return path


def _sources() -> list[Path]:
    """Return the files that the wheel is made of, those not yet committed included."""
    told = proc.run(["git", "-C", roots.TOP, "ls-files", "-co", "--exclude-standard", "pyproject.toml", "README.md",
                     "LICENSE", "omatic", *dirs.RESOURCES])  # fmt: skip
    return [path for line in sorted(set(told.stdout.splitlines())) if (path := roots.TOP / line).is_file()]


def _install_pfq_omatic(root: Path, files: Iterable[Path], scratch: Path) -> None:
    # From a copy: a build in the checkout would take in what older builds have left in build/.
    tree, wheels = scratch / "tree", root / "root/wheel"
    for path in files:
        copied = tree / path.relative_to(roots.TOP)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copied)
    proc.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir",
              wheels, tree], timeout=300)  # fmt: skip
    roots.inside(root, "/opt/pfq-omatic/bin/pip install -q --no-index --no-deps /root/wheel/*.whl")
    roots.inside(root, "ln -s /opt/pfq-omatic/bin/pfq-omatic /usr/local/bin/pfq-omatic")
    # Compiled as on a machine where it has been run before.
    roots.inside(root, "/opt/pfq-omatic/bin/python -m compileall -q /opt/pfq-omatic/lib || true")
    roots.remove(wheels)
    roots.remove(tree)


def _build(root: Path, release: str) -> None:
    """Build the drivers in the root, with what an earlier build or this machine's own cache has."""
    cache, last = root / "var/cache/pfq-omatic", roots.KEPT / f"life-cache-{release}"
    own = dirs.default_cache()
    if last.is_dir():
        roots.copy(last, cache)
    else:
        cache.mkdir(parents=True)
        for path in sorted((own / "sources").glob("*")):
            if path.name.startswith((release, "linux-source-6.1_")):
                (cache / "sources").mkdir(exist_ok=True)
                roots.copy(path, cache / "sources" / path.name)
    roots.inside(root, f"pfq-omatic build {' '.join(DRIVERS)} --kernel {release} --jobs 2")
    for path in (cache / "downloads").glob("*.deb"):
        path.unlink()
    roots.remove(last)
    roots.copy(cache, last)


def _install_rig(root: Path) -> None:
    for path in _GUEST.glob("rig-*"):
        folder = "etc/systemd/system" if path.suffix == ".service" else "usr/local/sbin"
        shutil.copy2(path, root / folder / path.name)
    agents = " ".join(f"rig-agent@{number}.service" for number in range(3))
    roots.inside(root, f"systemctl enable -q {agents}; systemctl mask -q {' '.join(_UNWANTED)}")
    (root / "etc/hostname").write_text("rig\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost rig\n")
    (root / "etc/resolv.conf").write_text("")
