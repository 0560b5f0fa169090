# SPDX-License-Identifier: GPL-2.0-or-later
"""What is done to a driver in a running guest, phase by phase. Each phase returns what it saw; none stops the others
unless the guest is gone.

The order matters: capture first, with PFQ loaded; then the very same driver, still loaded, without PFQ; then the many
repetitions; then everything is unloaded.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from omatic.lab import frames as workload
from omatic.lab import leaks, pcap
from omatic.lab.guest import CommandFailed, Guest, GuestGone
from omatic.lab.link import Link, WiredLink
from omatic.lab.machine import Machine
from omatic.lab.verdict import Phase

TRANSFER = 50 * 1000 * 1000
CYCLES = 100
_WARM_UP = 5
_LOOKS, _BETWEEN_LOOKS = 5, 5.0
_STALL = 60.0
"""How long, in seconds, a capture may show nothing new after the last frame was sent before it counts as lost."""


@dataclass(slots=True)
class Tally:
    """The phases so far, and how many frames were sent and captured over all of them."""

    phases: list[Phase]
    sent: int = 0
    captured: int = 0

    @contextmanager
    def phase(self, guest: Guest, name: str) -> Iterator["Notes"]:
        """Run the block as one phase: it passes unless the block notes a flaw or a command of it fails."""
        guest.must(f"mark '{name}'")
        notes = Notes([], [])
        try:
            yield notes
        except GuestGone as error:
            self.phases.append(Phase(name, False, error.message))
            raise
        except CommandFailed as error:
            notes.flaws.append(error.message)
        self.phases.append(Phase(name, not notes.flaws, "; ".join(notes.flaws or notes.seen)))


@dataclass(frozen=True, slots=True)
class Notes:
    """What a phase saw, and what was wrong."""

    seen: list[str]
    flaws: list[str]

    def check(self, good: bool, text: str) -> None:
        """Note what was seen, as a flaw unless it is good."""
        (self.seen if good else self.flaws).append(text)


class CaptureStream:
    """Counts the frames of a capture while it comes in over the data port."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._offset = len(machine.data.bytes_from(0))
        self._reader = pcap.Reader()
        self._ours = 0
        self.frames: list[bytes] = []

    @property
    def started(self) -> bool:
        """Whether the capture has written its header."""
        self._pull()
        return self._reader.started

    def count(self) -> int:
        """Return how many of our own frames have come so far."""
        self._pull()
        return self._ours

    def _pull(self) -> None:
        data = self._machine.data.bytes_from(self._offset)
        self._offset += len(data)
        for packet in self._reader.feed(data):
            self.frames.append(packet.data)
            self._ours += workload.number_of(packet.data) is not None


@dataclass(slots=True)
class Scenario:
    """The phases that a driver goes through; `modules` is its load order, the driver last."""

    machine: Machine
    link: Link
    driver: str
    modules: Sequence[str]
    frames: Sequence[bytes]
    tally: Tally

    def load(self) -> bool:
        """Load the driver with all it needs, and bring the device up."""
        guest = self.machine.guest
        with self.tally.phase(guest, "load") as notes:
            guest.must("load " + " ".join(self.modules))
            self.modules = guest.must("loaded " + " ".join(self.modules)).split()
            self.link.connect(guest)
            notes.seen.append(f"{self.driver} drives {self.link.iface}")
        return self.tally.phases[-1].passed

    def receive(self, *, pfq: bool) -> None:
        """Capture with the NIC taking VLAN tags out of the frames, and with it leaving them in."""
        guest, iface = self.machine.guest, self.link.iface
        before = guest.run(f"labtool rxvlan {iface}").output.strip()
        references = guest.must(f"references {self.driver} pfq_hook")
        tried = set()
        for wanted in ("on", "off"):
            now = guest.run(f"labtool rxvlan {iface} {wanted}").output.strip().splitlines()[-1:]
            state = now[0] if now and now[0] in ("on", "off") else "unknown"
            if state not in tried:
                tried.add(state)
                guest.must(f"up {iface}")
                self._receive(f"capture (rx-vlan {state})", self._expected(stripped=state == "on"), pfq=pfq)
        guest.run(f"labtool rxvlan {iface} {before}; up {iface}")
        if pfq:
            with self.tally.phase(guest, "unload PFQ") as notes:
                guest.must("unload pfq")
                after = guest.must(f"references {self.driver} pfq_hook")
                notes.check(after == references, f"references: {_flat(after)}" + _was(references, after))

    def _expected(self, *, stripped: bool) -> Sequence[bytes]:
        if stripped and self.link.drops_priority:
            return [workload.without_priority(data) for data in self.frames]
        return self.frames

    def _receive(self, name: str, expected: Sequence[bytes], *, pfq: bool) -> None:
        guest, iface = self.machine.guest, self.link.iface
        with self.tally.phase(guest, name) as notes:
            if pfq:
                guest.must("load pfq")
            stream = CaptureStream(self.machine)
            program = "pfq-capture -q --steal -w -" if pfq else "labtool capture"
            guest.must(f"capture_start {program} {iface}")
            if not _until(lambda: stream.started, _STALL):
                notes.flaws.append("the capture does not begin: " + guest.run("cat /tmp/capture.err").output.strip())
                return
            trouble = self.link.deliver(guest, self.frames, stream.count)
            self._drain(stream)
            notes.flaws.extend(guest.run("capture_stop").output.splitlines())
            stream.count()
            # PFQ comes before GRO, which lets some frames overtake others: the control experiment has no order.
            queues = int(guest.must(f"ls -d /sys/class/net/{iface}/queues/rx-* | wc -l")) if pfq else len(self.frames)
            result = workload.compare(expected, stream.frames)
            self.tally.sent += result.sent
            self.tally.captured += result.captured
            notes.flaws.extend([*([trouble] if trouble else []), *result.flaws(queues)])
            notes.seen.append(f"{result.captured} of {result.sent} frames captured, equal and in order")
            if notes.flaws:
                notes.flaws.append(self._counters())

    def _drain(self, stream: CaptureStream) -> None:
        seen, since = stream.count(), time.monotonic()
        while seen < len(self.frames) and time.monotonic() - since < _STALL:
            time.sleep(0.05)
            if (now := stream.count()) != seen:
                seen, since = now, time.monotonic()

    def _counters(self) -> str:
        said = self.machine.guest.run(
            f"cd /sys/class/net/{self.link.iface}/statistics && grep . rx_packets rx_dropped rx_missed_errors rx_errors"
            " rx_over_errors | tr '\\n' ' '; cd /; cat /proc/net/pfq/* 2>/dev/null; tail -3 /tmp/capture.err"
        )
        return f"counters: {' '.join(said.output.split())}"

    def stock(self) -> None:
        """Without PFQ the driver is an ordinary driver: it answers pings and carries TCP."""
        guest = self.machine.guest
        with self.tally.phase(guest, "ping without PFQ") as notes:
            notes.check(*self.link.ping(guest))
        with self.tally.phase(guest, "TCP without PFQ") as notes:
            notes.check(*self.link.transfer(guest, TRANSFER))

    def repeat(self, cycles: int = CYCLES) -> None:
        """Load PFQ, bind, capture and unload, many times under traffic, and look for what was not given back."""
        assert isinstance(self.link, WiredLink)
        guest, iface = self.machine.guest, self.link.iface
        with self.tally.phase(guest, f"load and unload PFQ {cycles} times under traffic") as notes:
            with _traffic(self.link, self.frames) as sent:
                guest.must(f"cycles {_WARM_UP} {iface} 50", patience=600.0)
            before = leaks.parse(guest.must("snapshot"))
            with _traffic(self.link, self.frames) as sent:
                guest.must(f"cycles {cycles} {iface} 50", patience=3600.0)
            notes.flaws.extend(self._growth(before, cycles))
            notes.seen.append(f"{cycles} times, {sent[0]} frames, nothing left behind")

    def _growth(self, before: leaks.Snapshot, cycles: int) -> tuple[str, ...]:
        # Some objects are freed seconds later, so one look proves nothing.
        guest = self.machine.guest
        after = leaks.parse(guest.must("snapshot"))
        for _again in range(_LOOKS):
            if not leaks.growth(before, after, cycles):
                break
            time.sleep(_BETWEEN_LOOKS)
            after = leaks.least(after, leaks.parse(guest.must("snapshot")))
        return leaks.growth(before, after, cycles)

    def unload(self) -> None:
        """Unload everything that was loaded, in reverse order."""
        guest = self.machine.guest
        with self.tally.phase(guest, "unload") as notes:
            self.link.disconnect(guest)
            self.unload_modules(self.modules)
            notes.seen.append(" ".join(reversed(self.modules)) + " unloaded")

    def load_only(self) -> None:
        """For a driver whose hardware nobody emulates: it loads as its stock twin does, and unloads."""
        guest, driver = self.machine.guest, self.driver
        needed = self.modules[:-1]
        with self.tally.phase(guest, "load") as notes:
            others = guest.run("load " + " ".join(needed))
            if others.status != 0:
                # hv_netvsc needs hv_vmbus, which wants its hypervisor; that is no different for the stock driver.
                notes.seen.append(f"what {driver} depends on does not load here: {_reason(others.output)}")
            else:
                notes.check(*self._insert())
        with self.tally.phase(guest, "unload") as notes:
            present = guest.must("loaded " + " ".join((*needed, driver))).split()
            self.unload_modules(present)
            notes.seen.append((" ".join(reversed(present)) or "nothing") + " unloaded")

    def _insert(self) -> tuple[bool, str]:
        # A refusal is fine if the stock module refuses in the same words.
        guest, driver = self.machine.guest, self.driver
        ours = guest.run(f"insmod /modules/{driver}.ko")
        if ours.status == 0:
            return True, f"{driver} loads; no hardware to drive"
        stock = guest.run(f"insmod /stock/{driver}.ko")
        said = f"insertion says '{_reason(ours.output)}'"
        if stock.status == 0:
            return False, f"{said}, but the stock module loads"
        if _reason(stock.output) != _reason(ours.output):
            return False, f"{said}, and that of the stock module '{_reason(stock.output)}'"
        return True, f"{said}, and so does that of the stock module"

    def unload_modules(self, modules: Sequence[str]) -> None:
        """Unload modules, given in the order in which they were loaded."""
        if modules:
            self.machine.guest.must("unload " + " ".join(reversed(modules)))


@contextmanager
def _traffic(link: WiredLink, frames: Sequence[bytes]) -> Iterator[list[int]]:
    # Sends in a thread for the length of the block; the list holds the number of frames afterwards.
    ended = threading.Event()
    sent = [0]

    def _run() -> None:
        sent[0] = link.stream(frames, ended.is_set)

    thread = threading.Thread(target=_run, daemon=True)
    thread.start()
    try:
        yield sent
    finally:
        ended.set()
        thread.join(30)


def _reason(output: str) -> str:
    # insmod: can't insert '/modules/x.ko': No such device
    return output.strip().rpartition(": ")[2]


def _flat(text: str) -> str:
    return ", ".join(text.strip().splitlines())


def _was(before: str, after: str) -> str:
    return "" if before == after else f", and {_flat(before)} before"


def _until(ready: Callable[[], bool], patience: float) -> bool:
    end = time.monotonic() + patience
    while not ready():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
