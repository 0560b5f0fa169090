# SPDX-License-Identifier: GPL-2.0-or-later
"""How frames reach the device under test: over a wire from the host, or, for veth, from a peer inside the guest.

Both kinds answer the same questions: bring the device up, deliver these frames, exchange pings, carry a TCP transfer.
"""

import hashlib
import random
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from omatic.lab import ping
from omatic.lab.guest import Guest
from omatic.lab.nic import Nic
from omatic.lab.wire import Wire, WireStuck

_GUEST, _HOST = "10.77.0.2", "10.77.0.1"
_EMULATOR = "10.0.2.2"
_PIECE = 1 << 16


class Link(Protocol):
    """What a scenario needs of the device under test and of whatever is at its other end."""

    iface: str
    mac: bytes
    drops_priority: bool

    def connect(self, guest: Guest) -> None:
        """Bring the device up."""

    def deliver(self, guest: Guest, frames: Sequence[bytes], received: Callable[[], int]) -> str | None:
        """Send frames to the device; return what went wrong, or None. `received` counts what was captured so far."""

    def ping(self, guest: Guest) -> tuple[bool, str]:
        """Let the device answer pings; return whether all came back, and what was seen."""

    def transfer(self, guest: Guest, size: int) -> tuple[bool, str]:
        """Carry that many bytes of TCP to the device's side; return whether they arrived equal, and what was seen."""

    def disconnect(self, guest: Guest) -> None:
        """Take away what was set up, so that the driver can be unloaded."""


class WiredLink:
    """A NIC of the guest at a wire to the host, and a second of the same model in the emulator's network for TCP."""

    def __init__(self, nic: Nic, wire: Wire) -> None:
        self.iface = ""
        self.drops_priority = nic.drops_priority
        self._second = ""
        self._nic = nic
        self._wire = wire
        self.mac = b""

    def connect(self, guest: Guest) -> None:
        """Bring both NICs up."""
        names = guest.must(f"interfaces_of {self._nic.driver} 2").split()
        self.iface, self._second = names
        for name in (self.iface, self._second):
            guest.must(f"up {name}")
        address = guest.must(f"cat /sys/class/net/{self.iface}/address").strip()
        self.mac = bytes.fromhex(address.replace(":", ""))

    def deliver(self, guest: Guest, frames: Sequence[bytes], received: Callable[[], int]) -> str | None:
        """Send the frames as fast as the NIC takes them, or no further ahead of the capture than its window."""
        del guest
        window = self._nic.window
        try:
            for number, data in enumerate(frames):
                if window is not None and not _wait(lambda n=number: n - received() < window, 30.0):  # type: ignore[misc]
                    return f"the capture stopped at {received()} frames with {number} sent"
                self._wire.send(data)
        except WireStuck as error:
            return str(error)
        return None

    def ping(self, guest: Guest) -> tuple[bool, str]:
        """Ping the NIC from the host with frames made by hand."""
        guest.must(f"ip addr add {_GUEST}/24 dev {self.iface}")
        answered, asked = ping.exchange(self._wire, self.mac, _HOST, _GUEST)
        guest.must(f"ip addr flush dev {self.iface}")
        return answered == asked, f"{answered} of {asked} pings answered with equal content"

    def transfer(self, guest: Guest, size: int) -> tuple[bool, str]:
        """Let the guest fetch the bytes from a server on the host's loopback, through the second NIC."""
        guest.must(f"ip addr add 10.0.2.15/24 dev {self._second}")
        with socket.create_server(("127.0.0.1", 0)) as server:
            wanted: list[str] = []
            thread = threading.Thread(target=_serve, args=(server, size, wanted), daemon=True)
            thread.start()
            port = server.getsockname()[1]
            said = guest.run(f"nc {_EMULATOR} {port} | sha256sum", patience=900.0)
            thread.join(10)
        guest.must(f"ip addr flush dev {self._second}")
        got = said.output.split()[0] if said.output.split() else ""
        return bool(wanted) and got == wanted[0], _transfer_detail(size, got, wanted)

    def disconnect(self, guest: Guest) -> None:
        """Take both NICs down."""
        for name in (self.iface, self._second):
            guest.run(f"ip link set {name} down")

    def stream(self, frames: Sequence[bytes], stop: Callable[[], bool]) -> int:
        """Send the frames again and again until `stop`, about a thousand a second; return how many went.

        A flood would keep the emulated CPUs in softirq and stretch every system call to a second.
        """
        sent = 0
        while not stop():
            if not self._wire.send(frames[sent % len(frames)], stop=stop):
                break
            sent += 1
            time.sleep(0.001)
        return sent


class VethLink:
    """A veth pair in the guest whose peer lives in a network namespace of its own."""

    def __init__(self) -> None:
        self.iface = "v0"
        self.drops_priority = False
        # Frames come from a file of the initramfs, made before any address is known.
        self.mac = bytes(6)
        self._peer = "v1"
        self._inside = "nsenter -t $(cat /tmp/peer) -n"

    def connect(self, guest: Guest) -> None:
        """Make the pair, move the peer, bring both ends up."""
        guest.must("unshare -n sleep 1000000 & echo $! >/tmp/peer; usleep 300000")
        guest.must(f"ip link add {self.iface} type veth && ip link set veth0 name {self._peer}")
        guest.must(f"ip link set {self._peer} netns $(cat /tmp/peer)")
        guest.must(f"{self._inside} ip link set {self._peer} up")
        guest.must(f"up {self.iface}")

    def deliver(self, guest: Guest, frames: Sequence[bytes], received: Callable[[], int]) -> str | None:
        """Replay the frames that travelled in the initramfs; they are the same bytes."""
        del received
        said = guest.run(f"{self._inside} labtool send {self._peer} /lab/frames.pcap", patience=600.0)
        if said.status == 0 and said.output.strip() == str(len(frames)):
            return None
        return f"the peer sent {said.output.strip()} frames"

    def ping(self, guest: Guest) -> tuple[bool, str]:
        """Ping one end from the other."""
        guest.must(f"ip addr add {_GUEST}/24 dev {self.iface}")
        guest.must(f"{self._inside} ip addr add {_HOST}/24 dev {self._peer}")
        said = guest.run(f"{self._inside} ping -c 20 -i 0.1 -s 1000 -W 30 {_GUEST}")
        return said.status == 0 and " 0% packet loss" in said.output, _last_line(said.output)

    def transfer(self, guest: Guest, size: int) -> tuple[bool, str]:
        """Send random bytes from one end to the other; uses the addresses that `ping` has set."""
        guest.must(f"head -c {size} /dev/urandom >/tmp/bulk")
        wanted = guest.must("sha256sum </tmp/bulk").split()
        # A listener whose own input ends closes its side, and the sender then stops half way.
        listener = "nc -l -p 5001 <>/tmp/open | sha256sum >/tmp/got"
        guest.must(f"mkfifo /tmp/open; ({listener}; echo >/tmp/got.done) & usleep 300000")
        guest.must(f"{self._inside} nc {_GUEST} 5001 </tmp/bulk", patience=600.0)
        got = guest.must("while [ ! -s /tmp/got.done ]; do usleep 100000; done; cat /tmp/got").split()
        guest.must("rm -f /tmp/bulk /tmp/got /tmp/got.done /tmp/open")
        return got[:1] == wanted[:1], _transfer_detail(size, "".join(got[:1]), wanted)

    def disconnect(self, guest: Guest) -> None:
        """Remove the pair and the namespace."""
        guest.run(f"ip link del {self.iface}; kill $(cat /tmp/peer)")


def _serve(server: socket.socket, size: int, digest: list[str]) -> None:
    server.settimeout(300)
    stream, _ = server.accept()
    source, summary = random.Random(size), hashlib.sha256()
    with stream:
        for at in range(0, size, _PIECE):
            piece = source.randbytes(min(_PIECE, size - at))
            summary.update(piece)
            stream.sendall(piece)
    digest.append(summary.hexdigest())


def _transfer_detail(size: int, got: str, wanted: Sequence[str]) -> str:
    if wanted and got == wanted[0]:
        return f"{size} bytes of TCP arrived, SHA-256 {got[:16]}... equal"
    return f"{size} bytes of TCP: SHA-256 '{got[:16]}' instead of '{''.join(wanted[:1])[:16]}'"


def _wait(ready: Callable[[], bool], patience: float) -> bool:
    end = time.monotonic() + patience
    while not ready():
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


def _last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if "packets" in line] or text.strip().splitlines()
    return lines[-1] if lines else "no answer"
