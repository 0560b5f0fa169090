# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual machine: the target's own kernel image, an initramfs, control ports, and NICs on unix datagram sockets.

Plain emulation always: /dev/kvm can exist and yet hang a distribution's guest kernel, and what is proven here is
what a driver does, not how fast. Sockets live in a folder of their own in the system's temporary folder, because
the path of a unix socket may not exceed 107 bytes.
"""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from omatic import log, proc
from omatic.errors import RehearsalFailed
from omatic.lab.guest import Collector, Guest, GuestGone, Port
from omatic.lab.nic import Nic
from omatic.lab.qemu import Qemu
from omatic.lab.wire import Wire

ACCELERATOR = "tcg,thread=single"
"""One host thread for all guest CPUs, which take turns. With a thread each (thread=multi), QEMU now and then runs an
int3 that the kernel has just patched away, and a guest that switches static branches, as PFQ does when a device is
bound, panics with "Oops: int3"; a stock kernel does so too when its own static branches are toggled in a loop."""

_BOOT_PATIENCE = 1200.0
KERNEL_ARGUMENTS = (
    "console=ttyS0", "quiet", "loglevel=4", "panic=1", "oops=panic", "ipv6.disable=1", "net.ifnames=0",
    "log_buf_len=8M", "printk.devkmsg=on", "mitigations=off", "random.trust_cpu=on",
    # Emulated processors that share a busy host stand still for seconds. A real hang lasts, and is still found.
    "rcupdate.rcu_cpu_stall_timeout=120", "watchdog_thresh=60", "tsc=reliable",
    # Its five-tick test of the timer fails on an emulated processor that is not run for that long.
    "no_timer_check",
)  # fmt: skip


class Child(Protocol):
    """A running program, as far as it concerns us."""

    def poll(self) -> int | None:
        """Return its exit status, or None while it runs."""


@dataclass(frozen=True, slots=True)
class Plug:
    """A NIC of the guest and what it is plugged into: a wire to the host, or the emulator's own small network."""

    nic: Nic
    wired: bool = True


@dataclass(frozen=True, slots=True)
class Setup:
    """What to boot, and where its logs go: kmsg.log, console.log and qemu.log in `logs`.

    `exact`: a nanosecond of the guest is an instruction of its only processor, and nothing else takes time. An
    iteration of a `rep` instruction counts as one, so `cpu` should then be one on which nobody moves bytes that way.
    `options` go to QEMU as they are.
    """

    qemu: Qemu
    kernel: Path
    initramfs: bytes = field(repr=False)
    logs: Path
    plugs: tuple[Plug, ...] = ()
    arguments: tuple[str, ...] = ()
    cpus: int = 2
    memory: int = 1024
    cpu: str = "max"
    exact: bool = False
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Machine:
    """A running guest: run commands in it, read its capture from `data`, talk to its NICs by `wires`."""

    guest: Guest
    kmsg: Collector
    data: Collector
    wires: tuple[Wire, ...]


@contextlib.contextmanager
def boot(setup: Setup) -> Iterator[Machine]:
    """Boot a guest for the length of the block; RehearsalFailed, with the last lines of its log, if it dies."""
    if not setup.kernel.is_file():
        raise RehearsalFailed(
            f"there is no kernel image {setup.kernel}",
            hint="install the image package of that kernel, or name an image",
        )
    setup.logs.mkdir(parents=True, exist_ok=True)
    rooms = Path(tempfile.mkdtemp(prefix="pfqlab-"))
    try:
        yield from _booted(setup, rooms)
    finally:
        shutil.rmtree(rooms, ignore_errors=True)


def _booted(setup: Setup, rooms: Path) -> Iterator[Machine]:
    archive = rooms / "initramfs"
    archive.write_bytes(setup.initramfs)
    for name in ("kmsg.log", "console.log", "qemu.log"):
        (setup.logs / name).unlink(missing_ok=True)
    with contextlib.ExitStack() as stack:
        ports = {name: Port(rooms / name) for name in ("ctl", "kmsg", "data")}
        for port in ports.values():
            stack.callback(port.close)
        wires = tuple(Wire(rooms, f"n{i}") for i, plug in enumerate(setup.plugs) if plug.wired)
        for wire in wires:
            stack.callback(wire.close)
        said = stack.enter_context((setup.logs / "qemu.log").open("wb"))
        child = stack.enter_context(proc.background(command(setup, rooms), stdout=said))
        kmsg = Collector(ports["kmsg"], setup.logs / "kmsg.log")
        try:
            machine = _connect(child, ports, kmsg, wires)
            stack.callback(machine.data.stop)
            stack.callback(kmsg.stop)
            yield machine
            machine.guest.power_off()
            _wait(child, 60.0)
        except GuestGone as error:
            raise GuestGone(
                error.message,
                hint=f"see {setup.logs}",
                details=_last_words(setup.logs),
            ) from error


def _connect(child: Child, ports: dict[str, Port], kmsg: Collector, wires: tuple[Wire, ...]) -> Machine:
    def _alive() -> bool:
        return child.poll() is None

    for port in ports.values():
        port.accept(_alive, 60.0)
    kmsg.start()
    data = Collector(ports["data"])
    data.start()
    guest = Guest(ports["ctl"], _alive)
    started = time.monotonic()
    guest.wait_until_up(_BOOT_PATIENCE)
    log.debug(f"the guest is up after {time.monotonic() - started:.1f} s")
    return Machine(guest, kmsg, data, wires)


def command(setup: Setup, rooms: Path) -> list[str]:
    """Return QEMU's command line; pure, so that tests can look at it."""
    ports = [
        part
        for name in ("ctl", "kmsg", "data")
        for part in (
            "-chardev", f"socket,id={name},path={rooms / name}",
            "-device", f"virtserialport,chardev={name},name={name}",
        )
    ]  # fmt: skip
    return [
        str(setup.qemu.path), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-machine", "q35", "-accel", ACCELERATOR, "-cpu", setup.cpu, *_clock(setup),
        "-smp", str(setup.cpus), "-m", str(setup.memory),
        "-kernel", str(setup.kernel), "-initrd", str(rooms / "initramfs"),
        "-append", " ".join((*KERNEL_ARGUMENTS, *setup.arguments)),
        "-serial", f"file:{setup.logs / 'console.log'}",
        "-device", "virtio-serial-pci", *ports,
        *_nics(setup.plugs, rooms), *setup.options,
    ]  # fmt: skip


def _clock(setup: Setup) -> list[str]:
    assert setup.cpus == 1 or not setup.exact, "with several processors an instruction is not a nanosecond"
    return ["-icount", "shift=0,sleep=off"] if setup.exact else []


def address(number: int) -> bytes:
    """Return the MAC address of the guest's NIC of that number, from 0."""
    return bytes((0x52, 0x54, 0x00, 0x70, 0x66, 0x71 + number))


def _nics(plugs: Sequence[Plug], rooms: Path) -> list[str]:
    parts = []
    for number, plug in enumerate(plugs):
        name = f"n{number}"
        here, there = Wire.paths(rooms, name)
        netdev = (
            f"dgram,id={name},local.type=unix,local.path={there},remote.type=unix,remote.path={here}"
            if plug.wired
            else f"user,id={name},ipv6=off"
        )
        mac = f"mac={address(number).hex(':')}"
        device = [plug.nic.model, f"netdev={name}", mac]
        if plug.nic.root_port:
            parts += ["-device", f"pcie-root-port,id=port{number},chassis={number + 1}"]
            device.append(f"bus=port{number}")
        parts += ["-netdev", netdev, "-device", ",".join(device)]
    return parts


def _wait(child: Child, patience: float) -> None:
    # A guest that does not power off is ended by proc.background.
    end = time.monotonic() + patience
    while child.poll() is None and time.monotonic() < end:
        time.sleep(0.05)


def _last_words(logs: Path) -> list[str]:
    # After a panic the console is all there is: the kernel does not run the program that streams its log any more.
    lines = []
    for name in ("qemu.log", "console.log"):
        path = logs / name
        if path.is_file():
            lines += path.read_text(errors="replace").strip().splitlines()[-40:]
    return lines
