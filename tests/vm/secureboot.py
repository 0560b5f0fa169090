# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine with Secure Boot, as users have it: OVMF with Microsoft's keys starts Debian's shim, which starts Debian's
GRUB, which starts Debian's kernel; MokList and db hold certificates that the test brings along.

Nothing is signed or patched for the occasion: all of it is what the packages ship. The machine sees the host's files
read-only over 9p, with a writable layer in memory on top, so that the tool under test runs in it as it is here.
"""

import contextlib
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from omatic import proc
from omatic.dirs import staging
from omatic.lab import initramfs, qemu
from omatic.lab.guest import Collector, Guest, Port, Said
from omatic.lab.machine import ACCELERATOR
from omatic.lab.modules import ModuleTree
from omatic.model import StockKernel

PACKAGES = ("ovmf", "shim-signed", "grub-efi-amd64-signed")
_MODULES = ("9pnet_virtio", "9p", "overlay", "efivarfs")
_OWNER = "605dab50-e046-4300-abb6-3dd810dd8b23"
_PATIENCE = 300.0
_GRUB = """\
linux /vmlinuz console=ttyS0 quiet loglevel=4 panic=1 oops=panic ipv6.disable=1 net.ifnames=0 \
printk.devkmsg=on mitigations=off random.trust_cpu=on tsc=reliable no_timer_check
initrd /initrd
boot
"""
_ENTER = (
    "mkdir -p /host /layer /machine",
    "mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=262144 host /host",
    "mount -t tmpfs layer /layer && mkdir /layer/upper /layer/work",
    "mount -t overlay -o lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work machine /machine",
    "mount -t proc proc /machine/proc && mount -t sysfs sys /machine/sys && mount --bind /dev /machine/dev",
    "mount -t securityfs security /machine/sys/kernel/security",
    "mount -t efivarfs efivars /machine/sys/firmware/efi/efivars",
)


@dataclass(frozen=True, slots=True)
class SecureMachine:
    """The running machine; `run` and `must` run a program in it as if it were installed there."""

    guest: Guest
    kmsg: Collector

    def run(self, *argv: str | Path) -> Said:
        """Run a program in the machine and return how it ended and what it wrote."""
        return self.guest.run(self._command(argv), patience=_PATIENCE)

    def must(self, *argv: str | Path) -> str:
        """Run a program that has to succeed and return what it wrote."""
        return self.guest.must(self._command(argv), patience=_PATIENCE)

    def _command(self, argv: Sequence[str | Path]) -> str:
        # By its path: busybox would run its own env, and its own depmod and so on after it.
        environment = (
            "/usr/bin/env",
            "-i",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/tmp",
            "PYTHONDONTWRITEBYTECODE=1",
        )
        return shlex.join(map(str, ("chroot", "/machine", *environment, *argv)))


def firmware(cache: Path) -> Path:
    """Return a folder with the packages' files, from the distribution, unpacked and not installed."""
    folder = cache / "firmware"
    if not folder.is_dir():
        with staging(folder) as into:
            proc.run(["apt-get", "download", *PACKAGES], cwd=into, timeout=600)
            for package in sorted(into.glob("*.deb")):
                proc.run(["dpkg-deb", "-x", package, into])
    return folder


@contextlib.contextmanager
def boot(
    kernel: StockKernel, files: Path, tools: Path, work: Path, *, mok: Sequence[Path], database: Sequence[Path]
) -> Iterator[SecureMachine]:
    """Boot the kernel with these certificates (PEM) enrolled; `files` is what `firmware` returned.

    `tools` is the folder of virt-fw-vars; the console's log is left in `work`.
    """
    _disk(kernel, files, work / "disk")
    variables = work / "variables.fd"
    enrolled = [part for path in mok for part in ("--add-mok", _OWNER, str(path))]
    enrolled += [part for path in database for part in ("--add-db", _OWNER, str(path))]
    template = files / "usr/share/OVMF/OVMF_VARS_4M.ms.fd"
    proc.run([tools / "virt-fw-vars", "--input", template, "--output", variables, *enrolled], timeout=120)
    rooms = Path(tempfile.mkdtemp(prefix="pfqlab-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, rooms, ignore_errors=True)
        ports = {name: Port(rooms / name) for name in ("ctl", "kmsg", "data")}
        for port in ports.values():
            stack.callback(port.close)
        said = stack.enter_context((work / "qemu.log").open("wb"))
        child = stack.enter_context(proc.background(_command(files, variables, work, rooms), stdout=said))

        def _alive() -> bool:
            return child.poll() is None

        for port in ports.values():
            port.accept(_alive, 60.0)
        kmsg = Collector(ports["kmsg"], work / "kmsg.log")
        kmsg.start()
        stack.callback(kmsg.stop)
        guest = Guest(ports["ctl"], _alive)
        guest.wait_until_up(_PATIENCE)
        guest.must("load $(cat /lab/order)")
        for command in _ENTER:
            guest.must(command)
        yield SecureMachine(guest, kmsg)
        guest.power_off()


def _disk(kernel: StockKernel, files: Path, disk: Path) -> None:
    """Lay out the boot partition as removable media have it, which every firmware tries."""
    tree = ModuleTree(kernel.modules)
    modules = tree.order(_MODULES)
    order = "".join(f"{module.name}\n" for module in modules).encode()
    for folder in ("EFI/BOOT", "EFI/debian"):
        (disk / folder).mkdir(parents=True)
    shutil.copy(files / "usr/lib/shim/shimx64.efi.signed", disk / "EFI/BOOT/BOOTX64.EFI")
    shutil.copy(files / "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", disk / "EFI/BOOT/grubx64.efi")
    assert kernel.image is not None
    shutil.copy(kernel.image, disk / "vmlinuz")
    (disk / "initrd").write_bytes(initramfs.build(tree, modules=modules, data={"order": order}))
    (disk / "EFI/debian/grub.cfg").write_text(_GRUB)


def _command(files: Path, variables: Path, work: Path, rooms: Path) -> list[str | Path]:
    code = files / "usr/share/OVMF/OVMF_CODE_4M.secboot.fd"
    ports = [
        part
        for name in ("ctl", "kmsg", "data")
        for part in (
            "-chardev", f"socket,id={name},path={rooms / name}",
            "-device", f"virtserialport,chardev={name},name={name}",
        )
    ]  # fmt: skip
    return [
        # The distribution's QEMU: a private one has no 9p helper beside it.
        proc.find(qemu.PROGRAM), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        # This OVMF keeps its variables from the system by System Management Mode.
        "-machine", "q35,smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on",
        "-accel", ACCELERATOR, "-cpu", "max", "-smp", "1", "-m", "1024",
        "-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={code}",
        "-drive", f"if=pflash,unit=1,format=raw,file={variables}",
        "-drive", f"file=fat:{work / 'disk'},format=raw,if=virtio,readonly=on",
        "-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap",
        "-serial", f"file:{work / 'console.log'}",
        "-device", "virtio-serial-pci", *ports,
    ]  # fmt: skip
