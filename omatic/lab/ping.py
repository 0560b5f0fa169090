# SPDX-License-Identifier: GPL-2.0-or-later
"""ARP and ICMP echo, made by hand on a wire: the host's end needs no network stack and no privilege."""

import socket
import struct

from omatic.lab.frames import checksum
from omatic.lab.wire import Wire

OUR_MAC = bytes.fromhex("020000007077")
_BROADCAST = b"\xff" * 6
_ARP, _IPV4 = b"\x08\x06", b"\x08\x00"
_SIZES = (18, 56, 100, 500, 1000, 1472)
_ROUNDS = 4
_PATIENCE = 60.0


def exchange(wire: Wire, target: bytes, ours: str, theirs: str) -> tuple[int, int]:
    """Ask who has the address, then send pings of several sizes; return how many came back equal, and how many went."""
    here, there = socket.inet_aton(ours), socket.inet_aton(theirs)
    asked = _ROUNDS * len(_SIZES)
    wire.forget()
    wire.send(arp(1, _BROADCAST, here, bytes(6), there))
    if wire.expect(lambda frame: frame[12:14] == _ARP and frame[20:22] == b"\0\2" and frame[28:32] == there,
                   _PATIENCE) is None:  # fmt: skip
        return 0, asked
    answered = 0
    for number in range(asked):
        body = bytes((number + at) & 0xFF for at in range(_SIZES[number % len(_SIZES)]))
        wire.send(echo_request(target, here, there, number, body))

        def _reply(frame: bytes, number: int = number) -> bool:
            if is_question_for(frame, here):
                wire.send(arp(2, frame[6:12], here, frame[6:12], frame[28:32]))
            return is_reply(frame) and _number(frame) == number

        if (got := wire.expect(_reply, _PATIENCE)) is None:
            break
        answered += got[42 : 42 + len(body)] == body
    return answered, asked


def arp(operation: int, to: bytes, sender: bytes, asked_mac: bytes, asked: bytes) -> bytes:
    """Return an ARP frame from us: 1 asks, 2 answers."""
    head = to + OUR_MAC + _ARP + struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation)
    return (head + OUR_MAC + sender + asked_mac + asked).ljust(60, b"\0")


def is_question_for(frame: bytes, address: bytes) -> bool:
    """Tell whether a frame is an ARP question for an address."""
    return frame[12:14] == _ARP and frame[20:22] == b"\0\1" and frame[38:42] == address


def is_reply(frame: bytes) -> bool:
    """Tell whether a frame is an ICMP echo reply."""
    return len(frame) >= 42 and frame[12:14] == _IPV4 and frame[23] == 1 and frame[34] == 0


def echo_request(target: bytes, here: bytes, there: bytes, number: int, body: bytes) -> bytes:
    """Return an ICMP echo request."""
    icmp = struct.pack("!BBHHH", 8, 0, 0, 0x7066, number) + body
    icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(icmp), number, 0, 64, 1, 0, here, there)
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return (target + OUR_MAC + _IPV4 + head + icmp).ljust(60, b"\0")


def _number(frame: bytes) -> int:
    (number,) = struct.unpack_from("!H", frame, 40)
    return int(number)
