# SPDX-License-Identifier: GPL-2.0-or-later
"""No frame is lost from the books: what the sender sent, the device handed over, and the readers found, add up exactly.

Readers count the slots that they find (reader.c), the sender counts what the device took (traffic.c). Each scenario has
its own mix of groups, rings and accidents; the laws (docs/datapath.md) are the same.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from tests.vm import arena
from tests.vm.arena import DEVICE, PEER, Arena, Kit

pytestmark = pytest.mark.vm
FRAMES = 6_000


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader: its groups, its ring, and how long it dawdles between reads, in microseconds."""

    groups: str
    slots: int
    length: int = 64
    pace: int = 0
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Books:
    """What everybody counted."""

    sent: int
    dropped: int
    device: Mapping[str, int]
    groups: Mapping[int, Mapping[str, int]]
    everything: Mapping[str, int]
    readers: tuple[Mapping[str, int], ...]


@pytest.fixture(scope="module")
def guest(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """One guest for all scenarios."""
    with arena.arena(kit, tmp_path_factory.mktemp("conservation")) as running:
        yield running


def _start(guest: Arena, readers: tuple[Reader, ...]) -> None:
    guest.must("rm -f /tmp/reader.* /tmp/sent")
    for number, each in enumerate(readers):
        command = f"{each.environment} reader {DEVICE} {each.groups} {each.slots} {each.length} {each.pace}"
        guest.must(f"{command} >/tmp/reader.{number} 2>&1 & echo $! >/tmp/reader.{number}.pid")
        guest.must(f"for i in $(seq 600); do grep -q ready /tmp/reader.{number} && break; usleep 100000; done")
        assert "ready" in guest.must(f"cat /tmp/reader.{number}")


def _counters(guest: Arena) -> tuple[dict[str, int], dict[int, dict[str, int]], dict[str, int]]:
    device: dict[str, int] = {}
    for line in guest.must("cat /proc/net/pfq/devices").splitlines()[1:]:
        if line.split()[-1] == DEVICE:
            numbers = map(int, line.split(":")[1].split()[:5])
            device = dict(zip(("handed", "consumed", "passed", "both", "freed"), numbers, strict=True))
    groups = {}
    for line in guest.must("cat /proc/net/pfq/groups").splitlines()[1:]:
        gid, _, rest = line.partition(":")
        groups[int(gid)] = dict(zip(("recv", "lost", "drop"), map(int, rest.split()[:3]), strict=True))
    text = guest.must("cat /proc/net/pfq/global")
    return device, groups, {name: int(value) for name, value in re.findall(r"^ +(\w+) *: (\d+)$", text, re.M)}


def _dropped(guest: Arena) -> int:
    """Return what was lost between the sender and the hook: in the queue of the twins, or for want of a device."""
    files = f"/sys/class/net/{PEER}/statistics/tx_dropped /sys/class/net/{DEVICE}/statistics/rx_dropped"
    said = guest.must(f"cat {files} 2>/dev/null || true")
    return sum(map(int, said.split()))


def _keep_books(guest: Arena, readers: tuple[Reader, ...], accident: str = "", pause: str = "64 4000") -> Books:
    """Let readers read while frames are sent; halfway there may be an accident. Return the books afterwards."""
    guest.must("echo >/proc/net/pfq/global")
    _start(guest, readers)
    former = _dropped(guest)
    guest.must(f"traffic {PEER} {FRAMES} 0 {pause} >/tmp/sent 2>&1 & echo $! >/tmp/sender")
    if accident:
        guest.must(f"usleep 300000; {accident}")
    guest.must("wait $(cat /tmp/sender); sleep 1")
    device, groups, everything = _counters(guest)
    found = []
    for number in range(len(readers)):
        guest.machine.guest.run(
            f"kill -TERM $(cat /tmp/reader.{number}.pid); wait $(cat /tmp/reader.{number}.pid)", patience=300.0
        )
        said = guest.must(f"cat /tmp/reader.{number}").splitlines()
        found.append(json.loads(said[1]) if len(said) > 1 else {})
    sent = int(guest.must("tail -n 1 /tmp/sent"))
    return Books(sent, _dropped(guest) - former, device, groups, everything, tuple(found))


def _check_readers(books: Books) -> None:
    for reader in books.readers:
        assert not reader or reader["recv"] == reader["slots"] + reader["lost"], books
        assert not reader or reader["wrong"] == 0, books


def _check_device(books: Books) -> None:
    device = books.device
    assert device["handed"] == device["consumed"] + device["passed"] + device["both"] + device["freed"], books
    assert books.sent == device["handed"] + books.dropped, books
    assert books.everything["received"] == device["consumed"] + device["both"] + device["freed"], books
    assert books.everything["kernel"] >= device["both"], books
    taken = device["consumed"] + device["both"]
    for group in books.groups.values():
        assert group["recv"] == taken and group["drop"] == 0, books


def test_readers_that_keep_up_get_all(guest: Arena) -> None:
    """Without overload nothing is lost, and in order."""
    books = _keep_books(guest, (Reader("0", 8192), Reader("1,2", 8192, 1514)))
    _check_device(books)
    _check_readers(books)
    for reader in books.readers:
        assert reader["slots"] == books.device["consumed"] and reader["lost"] == 0, books
        # One processor after the other may have taken the sender's place; within one, order is kept.
        assert reader["backwards"] < reader["slots"] / 100, books


def test_overload(guest: Arena) -> None:
    """Rings that are much too small, readers that are much too slow, sockets in several groups."""
    readers = (Reader("0", 1), Reader("0,1", 3, 1514, 20_000), Reader("1", 4096), Reader("2", 64, 0, 5_000))
    books = _keep_books(guest, readers, pause="512 1000")
    _check_device(books)
    _check_readers(books)
    taken = books.device["consumed"]
    # A socket gets one copy, however many of its groups a frame is for.
    assert [reader["recv"] for reader in books.readers] == [taken] * 4, books
    assert books.readers[1]["lost"] > 0, books


def test_a_reader_dies(guest: Arena) -> None:
    """The dead reader's neighbours, in its group and in others, do not notice."""
    books = _keep_books(
        guest, (Reader("0", 4096), Reader("0", 512), Reader("1", 16)), "kill -9 $(cat /tmp/reader.1.pid)"
    )
    _check_device(books)
    _check_readers(books)
    assert not books.readers[1], books
    assert [books.readers[number]["recv"] for number in (0, 2)] == [books.device["consumed"]] * 2, books


def test_frames_that_go_on_to_the_stack(guest: Arena) -> None:
    """A group that taps, now and then, takes nothing away: the frame is counted once."""
    books = _keep_books(guest, (Reader("0", 4096, environment="PFQ_TAP=1"), Reader("1", 4096)))
    _check_device(books)
    _check_readers(books)
    device = books.device
    assert device["both"] > 0 and books.readers[1]["recv"] == device["consumed"] + device["both"], books


def test_the_device_goes_away(guest: Arena) -> None:
    """Under traffic; what was handed over until then was read or counted as lost, and the pair can be made again."""
    readers = (Reader("0", 4096), Reader("0,1", 4))
    try:
        books = _keep_books(guest, readers, f"ip link del {DEVICE}")
    finally:
        guest.must(f"[ -e /sys/class/net/{DEVICE} ] || ip link add {DEVICE} type veth && ip link set veth0 name {PEER}")
        guest.must(f"ip link set {PEER} up && up {DEVICE}")
    _check_readers(books)
    assert not books.device and books.sent < FRAMES, books
    freed = books.everything["lost"] - sum(reader["lost"] for reader in books.readers)
    assert freed >= 0, books
    for reader in books.readers:
        assert 0 < reader["recv"] == books.everything["received"] - freed <= books.sent, books


@pytest.mark.parametrize("how", ["poll", "select", "epoll"])
def test_one_packet_wakes_its_reader(guest: Arena, how: str) -> None:
    """One packet a second: no wait of a minute ends by its time, so no packet sits on an idle processor."""
    guest.must(f"reader --wake {how} {DEVICE} 4 >/tmp/wake 2>&1 & echo $! >/tmp/wake.pid")
    guest.must("for i in $(seq 600); do grep -q ready /tmp/wake && break; usleep 100000; done")
    guest.must(f"for i in 1 2 3 4; do sleep 1; traffic {PEER} 1 60 || break; done")
    guest.must("wait $(cat /tmp/wake.pid)", patience=400.0)
    said = json.loads(guest.must("tail -n 1 /tmp/wake"))
    assert said["late"] == 0 and said["slots"] == 4 and said["woken"] == 4, said


@pytest.mark.parametrize(("how", "least", "enough"), [("poll", 8, 8), ("epoll", 1000, 64)])
def test_a_reader_sleeps_until_there_is_enough(guest: Arena, how: str, least: int, enough: int) -> None:
    """SO_RCVLOWAT says how many slots wake it up; a ring that is full, of 64 slots, does so too."""
    guest.must(f"reader --wake {how} {DEVICE} 1 {least} >/tmp/wake 2>&1 & echo $! >/tmp/wake.pid")
    guest.must("for i in $(seq 600); do grep -q ready /tmp/wake && break; usleep 100000; done")
    guest.must(f"traffic {PEER} {enough - 1} 60 && sleep 2 && ! grep -q woken /tmp/wake && traffic {PEER} 1 60")
    guest.must("wait $(cat /tmp/wake.pid)", patience=400.0)
    said = json.loads(guest.must("tail -n 1 /tmp/wake"))
    assert said == {"woken": 1, "late": 0, "empty": 0, "slots": enough}, said
