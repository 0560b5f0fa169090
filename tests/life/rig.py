# SPDX-License-Identifier: GPL-2.0-or-later
"""The rig: a Debian 12 in QEMU, with systemd or with a first process that is up at once, for tests of a whole machine.

    def test_it(rig: Boot) -> None:                 the fixture of conftest.py; rig.boot() boots again, the same disk
        with rig.boot(small=True, nics=("e1000e", "vmxnet3")) as vm:
            vm.wait_for_systemd()                   not with small=True
            said = vm.run("pfq-omatic status")      .status, .output; vm.must() if it has to succeed
            vm.run("...", channel=1)                three channels, each for one command at a time
            vm.bring_up(0)                          NIC 0: 10.0.2.15/24, link up, carrier
            assert vm.reaches(0)                    ping to the gateway, TCP from the host
            session = vm.session(0)                 a TCP session from the host that stays open: session.works()
            task = vm.background("pfq-omatic -v load e1000e")
            task.wait_for("journal: 2/7")           what it wrote so far: task.text(); task.result()
            vm.save("ready"); vm.restore("ready")   the whole machine, disk included; with all channels at rest
            vm.freeze_disk(path)                    later writes go to a new file; the file so far stays as it is now
            vm.kill()                               power cut
            assert not vm.complaints()              kernel warnings since the boot was over

NIC n is in the network 10.0.(2+n).0/24, whose gateway answers pings; nothing beyond it can be reached. Host and guest
talk over virtio ports, so no NIC is needed for that. A power cut is SIGKILL to QEMU: what the guest has sent to its
disk is there, what was only in the guest's memory is gone, which is what fsync is about. The host stays up, so QEMU's
own cache mode does not matter.
"""

import contextlib
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from omatic import proc
from omatic.lab import kmsg, machine
from omatic.lab.guest import Collector, Guest, GuestGone, Port, Said
from omatic.lab.qemu import Qemu
from tests.life.net import Forward, Session, free_port
from tests.life.qmp import Qmp

CHANNELS = 3
TASKS = 16
_BOOT_PATIENCE = 400.0
_PATIENCE = 600.0


@dataclass(frozen=True, slots=True)
class Setup:
    """What to boot: `small` is without systemd; `nics` are QEMU's models; logs go to a folder."""

    qemu: Qemu
    kernel: Path
    initramfs: Path
    disk: Path
    logs: Path
    nics: tuple[str, ...] = ("e1000e",)
    small: bool = False
    cpus: int = 1
    memory: int = 1024
    arguments: tuple[str, ...] = ()


class Task:
    """A program running in the guest beside the channels; what it writes is seen as it comes."""

    def __init__(self, output: Collector, number: int) -> None:
        self._output = output
        self._start = len(output.bytes_from(0))
        self._end = f"[task {number} ended with ".encode()

    def text(self) -> str:
        """Return what it has written so far."""
        return self._written()[0].decode(errors="replace")

    def wait_for(self, needle: str, patience: float = _PATIENCE) -> bool:
        """Wait until it has written something; False if it ends before, or patience does."""
        end = time.monotonic() + patience
        while needle not in self.text():
            if self.ended() or time.monotonic() > end:
                return needle in self.text()
            time.sleep(0.005)
        return True

    def ended(self) -> bool:
        """Tell whether it has ended."""
        return b"]" in self._written()[1]

    def result(self, patience: float = _PATIENCE) -> Said:
        """Wait for its end."""
        end = time.monotonic() + patience
        while not self.ended():
            assert time.monotonic() < end, f"still running after {patience:.0f} s: {self.text()[-2000:]}"
            time.sleep(0.05)
        output, rest = self._written()
        return Said(int(rest.split(b"]")[0]), output.decode(errors="replace"))

    def _written(self) -> tuple[bytes, bytes]:
        output, _, rest = self._output.bytes_from(self._start).partition(self._end)
        return output, rest


class Rig:
    """A running machine; `boot` makes it."""

    def __init__(self, setup: Setup, rooms: Path, forwards: Sequence[Forward]) -> None:
        self.setup = setup
        self._rooms = rooms
        self._forwards = forwards
        self._disk = setup.disk
        self._ports = [Port(rooms / f"ctl{number}") for number in range(CHANNELS)]
        self._kmsg = Port(rooms / "kmsg")
        self._out = [Port(rooms / f"out{number}") for number in range(TASKS)]
        self._tasks: dict[int, Task] = {}
        self._started = 0

    def connect(self, child: proc.Child) -> None:
        """Wait until the guest's agents answer."""
        self._child = child
        for port in (*self._ports, self._kmsg, *self._out):
            port.accept(self.alive, 60.0)
        self._log = Collector(self._kmsg, self.setup.logs / "kmsg.log")
        self._outputs = [Collector(port) for port in self._out]
        for collector in (self._log, *self._outputs):
            collector.start()
        self._qmp = Qmp(self._rooms / "qmp", self.alive)
        self._guests = [Guest(port, self.alive) for port in self._ports]
        for guest in self._guests:
            guest.wait_until_up(_BOOT_PATIENCE)
        self.mark("test")

    def disconnect(self) -> None:
        """Close what `connect` has opened."""
        for collector in (self._log, *self._outputs):
            collector.stop()
        self._qmp.close()

    def close(self) -> None:
        """Close the ports."""
        for port in (*self._ports, self._kmsg, *self._out):
            port.close()

    def alive(self) -> bool:
        """Tell whether QEMU runs."""
        return self._child.poll() is None

    # --- commands

    def run(self, command: str, *, channel: int = 0, patience: float = _PATIENCE) -> Said:
        """Run a line of shell in the guest."""
        return self._guests[channel].run(command, patience=patience)

    def must(self, command: str, *, channel: int = 0, patience: float = _PATIENCE) -> str:
        """Run a line of shell that has to succeed and return what it wrote."""
        return self._guests[channel].must(command, patience=patience)

    def background(self, command: str) -> Task:
        """Start a line of shell without waiting for it; its output, both kinds, is seen as it comes."""
        slot, number = self._started % TASKS, self._started
        assert slot not in self._tasks or self._tasks[slot].ended(), "too many tasks at once"
        self._started += 1
        task = self._tasks[slot] = Task(self._outputs[slot], number)
        whole = f"sh -c {shlex.quote(command)}; printf '[task {number} ended with %s]' $?"
        self.must(f'port=$(rig-port out{slot}); setsid sh -c {shlex.quote(whole)} >"$port" 2>&1 </dev/null &')
        return task

    def wait_for_systemd(self, patience: float = _BOOT_PATIENCE) -> str:
        """Wait until systemd has started everything; returns "running", or "degraded" if a unit failed."""
        return self.run("systemctl is-system-running --wait", patience=patience).output.strip()

    # --- the network

    def iface(self, number: int) -> str:
        """Return the name that the guest gives to a NIC; "" if no driver has made an interface of it."""
        mac = machine.address(number).hex(":")
        found = self.run(f"grep -l {mac} /sys/class/net/*/address").output.split()
        # A VLAN or a bond on top has the same address; the NIC is what has a device.
        names = [Path(path).parent.name for path in found]
        return next((name for name in names if self.run(f"test -e /sys/class/net/{name}/device").status == 0), "")

    def driver(self, number: int) -> str:
        """Return the module that drives a NIC."""
        return self.must(f"basename $(readlink /sys/class/net/{self.iface(number)}/device/driver/module)").strip()

    def bring_up(self, number: int) -> str:
        """Give a NIC its address, bring it up and wait for its carrier; returns the interface's name."""
        iface = self.iface(number)
        assert iface, f"NIC {number} has no interface: {self.run('ip link; lsmod').output}"
        self.must(f"ip addr replace {self._forwards[number].address}/24 dev {iface} && ip link set {iface} up")
        wait = (
            f'for i in $(seq 300); do [ "$(cat /sys/class/net/{iface}/carrier)" = 1 ] && exit; sleep 0.2; done; exit 1'
        )
        self.must(wait)
        return iface

    def reaches(self, number: int) -> bool:
        """Tell whether a NIC carries traffic: pings to its gateway, and a TCP session from the host."""
        if self.run(f"ping -n -c 3 -i 0.2 -w 60 {self._forwards[number].gateway}").status != 0:
            return False
        try:
            session = self.session(number)
        except OSError:
            return False
        with contextlib.closing(session):
            return session.works()

    def session(self, number: int) -> Session:
        """Open a TCP session from the host over a NIC that is up."""
        self.must("rig-echo")
        return Session(self._forwards[number].port)

    # --- the kernel's log

    def mark(self, phase: str) -> None:
        """Write a line into the kernel's log that tells which phase later complaints belong to."""
        self.must(f"echo '{kmsg.MARK}{phase}' >/dev/kmsg")

    def complaints(self) -> list[str]:
        """Return every warning and worse that the kernel has logged since the boot was over."""
        text = (self.setup.logs / "kmsg.log").read_text(errors="replace")
        return [f"{found.phase}: {found.kind}: {found.line}" for found in kmsg.complaints(kmsg.parse(text))]

    # --- the machine

    @property
    def disk(self) -> Path:
        """The file that is written to."""
        return self._disk

    def kill(self) -> None:
        """Cut the power: QEMU is killed without a chance to do anything."""
        self._child.kill()
        self._child.wait()

    def power_off(self) -> None:
        """Shut down in order and wait for it."""
        command = "sync; sleep 1; poweroff -ff" if self.setup.small else "systemctl poweroff"
        self.run(f"(sleep 0.5; {command}) >/dev/null 2>&1 &")
        self._child.wait(_PATIENCE)

    def save(self, name: str) -> None:
        """Save the whole machine, memory and disk, under a name; all channels must be at rest."""
        self._qmp.human(f"savevm {name}")

    def restore(self, name: str) -> None:
        """Go back to what was saved; sessions from the host are broken by it, tasks that ran then are forgotten."""
        self._qmp.execute("stop")
        self._qmp.human(f"loadvm {name}")
        for port in self._ports:
            while port.receive():
                pass
        self._tasks.clear()
        self._guests = [Guest(port, self.alive) for port in self._ports]
        self._qmp.execute("cont")

    def freeze_disk(self, new: Path) -> Path:
        """Have all later writes go to a new file; returns the file that now stays as the disk is at this moment.

        Booting an overlay of that file later is booting after a power cut at this moment: the guest's memory is lost.
        """
        frozen, self._disk = self._disk, new
        self._qmp.execute("blockdev-snapshot-sync", device="disk", format="qcow2", **{"snapshot-file": str(new)})
        return frozen


@contextlib.contextmanager
def boot(setup: Setup) -> Iterator[Rig]:
    """Boot a machine for the length of the block; it is killed at the end unless the test has ended it before."""
    setup.logs.mkdir(parents=True, exist_ok=True)
    for name in ("kmsg.log", "console.log", "qemu.log"):
        (setup.logs / name).write_bytes(b"")
    # The path of a unix socket may not exceed 107 bytes.
    rooms = Path(tempfile.mkdtemp(prefix="pfqrig-"))
    forwards = tuple(Forward(number, free_port()) for number in range(len(setup.nics)))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, rooms, ignore_errors=True)
        rig = Rig(setup, rooms, forwards)
        stack.callback(rig.close)
        said = stack.enter_context((setup.logs / "qemu.log").open("wb"))
        child = stack.enter_context(proc.background(command(setup, rooms, forwards), stdout=said))
        stack.callback(child.kill)
        try:
            rig.connect(child)
            stack.callback(rig.disconnect)
            yield rig
        except GuestGone as error:
            console = (setup.logs / "console.log").read_text(errors="replace").splitlines()[-30:]
            raise GuestGone(error.message, hint=f"see {setup.logs}", details=console) from error


def command(setup: Setup, rooms: Path, forwards: Sequence[Forward]) -> list[str]:
    """Return QEMU's command line."""
    names = (*(f"ctl{n}" for n in range(CHANNELS)), "kmsg", *(f"out{n}" for n in range(TASKS)))
    ports = [
        part
        for name in names
        for part in (
            "-chardev", f"socket,id={name},path={rooms / name}",
            "-device", f"virtserialport,chardev={name},name={name}",
        )
    ]  # fmt: skip
    nics = [
        part
        for model, forward in zip(setup.nics, forwards, strict=True)
        for part in ("-netdev", forward.netdev(), "-device", f"{model},netdev={forward.name},mac={forward.mac}")
    ]
    first = ("cryptomgr.notests", "nokaslr") if setup.small else ("systemd.show_status=0",)
    arguments = (*machine.KERNEL_ARGUMENTS, "root=/dev/vda", "rw", *first, *setup.arguments)
    return [
        str(setup.qemu.path), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-machine", "q35", "-accel", machine.ACCELERATOR, "-cpu", "max",
        "-smp", str(setup.cpus), "-m", str(setup.memory),
        "-kernel", str(setup.kernel), "-initrd", str(setup.initramfs), "-append", " ".join(arguments),
        "-drive", f"file={setup.disk},if=none,id=disk,format=qcow2", "-device", "virtio-blk-pci,drive=disk",
        "-serial", f"file:{setup.logs / 'console.log'}", "-qmp", f"unix:{rooms / 'qmp'},server=on,wait=off",
        "-device", "virtio-serial-pci", *ports, *nics,
    ]  # fmt: skip
