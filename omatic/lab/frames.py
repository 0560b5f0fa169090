# SPDX-License-Identifier: GPL-2.0-or-later
"""The frames that a rehearsal sends, and the comparison of what was captured with what was sent.

Frame number N is always the same bytes: a flow, a size between 60 (64 if tagged) and 1514, perhaps an 802.1Q tag, a
payload, and at its very end a signature with N. What carries no signature was not sent by us (the guest's own
chatter) and is ignored.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MINIMUM, MAXIMUM = 60, 1514
_SIGNATURE = b"PFQ\xe7"
_TRAILER = struct.Struct("!4sI")
_SIZES = (60, 61, 64, 90, 128, 255, 256, 512, 777, 1024, 1500, 1513, 1514)
_VLANS = (1, 5, 42, 100, 2748, 4094)
_FLOWS = 8
_IPV4, _IPV6, _PRIVATE, _VLAN = 0x0800, 0x86DD, 0x88B5, 0x8100
_UDP = 17
_BROADCAST = b"\xff" * 6
_MULTICAST = bytes.fromhex("01005e000001")


def frame(number: int, target: bytes) -> bytes:
    """Return frame `number`; most are addressed to the MAC address `target`."""
    # Steps that are coprime to the lengths of the tables, so that all combinations occur.
    size = _SIZES[number * 5 % len(_SIZES)] if number % 4 else MINIMUM + number * 131 % (MAXIMUM - MINIMUM + 1)
    flow = number * 3 % _FLOWS
    to = {5: _BROADCAST, 6: _MULTICAST}.get(number % 32, target)
    addresses = to + bytes((0x02, 0, 0, 0, 0, flow + 1))
    tag = struct.pack("!HH", _VLAN, number % 8 << 13 | _VLANS[number % len(_VLANS)]) if number % 3 == 0 else b""
    # Drivers like igb pad what is shorter than 60 bytes once the NIC has taken the tag out.
    size = max(size, MINIMUM + len(tag))
    kind = _kind(number, size - len(tag))
    head = addresses + tag + struct.pack("!H", kind)
    return head + _body(kind, flow, number, size - len(head))


def frames(count: int, target: bytes) -> tuple[bytes, ...]:
    """Return the first `count` frames."""
    return tuple(frame(number, target) for number in range(count))


def without_priority(data: bytes) -> bytes:
    """Return a frame with the priority of its VLAN tag, if it has one, set to 0."""
    if data[12:14] != struct.pack("!H", _VLAN):
        return data
    return data[:14] + bytes((data[14] & 0x0F,)) + data[15:]


def number_of(data: bytes) -> int | None:
    """Return the number of a frame that we sent, or None if it is somebody else's."""
    if len(data) < MINIMUM:
        return None
    signature, number = _TRAILER.unpack_from(data, len(data) - _TRAILER.size)
    return int(number) if signature == _SIGNATURE else None


def _kind(number: int, room: int) -> int:
    if number % 16 == 7:
        return _PRIVATE
    return _IPV6 if number % 5 == 1 and room >= 14 + 40 + 8 + _TRAILER.size else _IPV4


def _body(kind: int, flow: int, number: int, size: int) -> bytes:
    if kind == _PRIVATE:
        return _payload(number, size)
    overhead = 28 if kind == _IPV4 else 48
    payload = _payload(number, size - overhead)
    ports = struct.pack("!HHH", 1024 + flow, 5000 + flow, len(payload) + 8)
    if kind == _IPV4:
        source, target = bytes((10, 1, 0, flow + 1)), bytes((10, 2, 0, flow + 1))
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, size, number & 0xFFFF, 0x4000, 64, _UDP, 0, source, target)
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    else:
        source, target = b"\xfd" + bytes(14) + bytes((flow + 1,)), b"\xfe" + bytes(14) + bytes((flow + 1,))
        head = struct.pack("!IHBB16s16s", 6 << 28, size - 40, _UDP, 64, source, target)
    pseudo = source + target + struct.pack("!II", len(payload) + 8, _UDP)
    udp = ports + struct.pack("!H", checksum(pseudo + ports + b"\0\0" + payload) or 0xFFFF)
    return head + udp + payload


def _payload(number: int, size: int) -> bytes:
    trailer = _TRAILER.pack(_SIGNATURE, number)
    filler = bytes((number + 7 * at) & 0xFF for at in range(64))
    room = size - len(trailer)
    return (filler * (room // 64 + 1))[:room] + trailer


def checksum(data: bytes) -> int:
    """Return the internet checksum of some bytes."""
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return int(~total & 0xFFFF)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a capture compares with what was sent; `lanes` is the least number of queues that explains its order."""

    sent: int
    captured: int
    missing: tuple[int, ...]
    duplicated: int
    damaged: tuple[str, ...]
    lanes: int
    foreign: int

    def flaws(self, queues: int) -> tuple[str, ...]:
        """Return what is wrong with the capture, given the number of receive queues; empty if nothing is."""
        found = []
        if self.missing:
            first = ", ".join(map(str, self.missing[:5]))
            found.append(f"{len(self.missing)} of {self.sent} frames missing (first: {first})")
        if self.duplicated:
            found.append(f"{self.duplicated} frames captured more than once")
        if self.damaged:
            found.append(f"{len(self.damaged)} frames differ: {self.damaged[0]}")
        if self.lanes > queues:
            found.append(f"out of order: it takes {self.lanes} queues to explain the order, the device has {queues}")
        return tuple(found)


def compare(sent: Sequence[bytes], captured: Iterable[bytes]) -> Comparison:
    """Compare a capture with the frames that were sent, of which frame number N is `sent[N]`."""
    order: list[int] = []
    seen: set[int] = set()
    damaged: list[str] = []
    duplicated = foreign = 0
    for data in captured:
        number = number_of(data)
        if number is None or number >= len(sent):
            foreign += 1
        elif number in seen:
            duplicated += 1
        else:
            seen.add(number)
            order.append(number)
            if data != sent[number]:
                damaged.append(_difference(number, sent[number], data))
    missing = tuple(number for number in range(len(sent)) if number not in seen)
    good = len(order) - len(damaged)
    return Comparison(len(sent), good, missing, duplicated, tuple(damaged), lanes(order), foreign)


def lanes(numbers: Iterable[int]) -> int:
    """Return the least number of increasing sequences that a sequence is a mixture of."""
    # Greedy, and exact: each number goes to the sequence with the largest last number below it.
    ends: list[int] = []
    for number in numbers:
        best = max((at for at, end in enumerate(ends) if end < number), key=lambda at: ends[at], default=None)
        if best is None:
            ends.append(number)
        else:
            ends[best] = number
    return len(ends)


def _difference(number: int, sent: bytes, got: bytes) -> str:
    if len(sent) != len(got):
        return f"frame {number} has {len(got)} bytes instead of {len(sent)}"
    at = next(i for i, (a, b) in enumerate(zip(sent, got, strict=True)) if a != b)
    return f"frame {number} has byte {got[at]:02x} instead of {sent[at]:02x} at offset {at}"
