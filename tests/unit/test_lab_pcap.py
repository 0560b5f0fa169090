# SPDX-License-Identifier: GPL-2.0-or-later
"""Pcap files, written and read."""

import struct

import pytest

from omatic.lab import pcap

FRAMES = (b"a" * 60, b"b" * 1514, b"c" * 61)


def test_what_is_written_can_be_read() -> None:
    """Times are nanoseconds, a step apart."""
    packets = pcap.read(pcap.write(FRAMES, start=1_500_000_000_999_999_999, step=2))
    assert [packet.data for packet in packets] == list(FRAMES)
    assert packets[1].time == 1_500_000_001_000_000_001
    assert packets[1].length == 1514


def test_a_stream_may_come_in_pieces_of_any_size() -> None:
    """What is incomplete waits."""
    data = pcap.write(FRAMES)
    for size in (1, 7, 100):
        reader = pcap.Reader()
        found = [p.data for at in range(0, len(data), size) for p in reader.feed(data[at : at + size])]
        assert found == list(FRAMES)
        assert reader.pending == 0


def test_microseconds_and_the_other_byte_order() -> None:
    """As other programs write them."""
    head = struct.pack(">IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    record = struct.pack(">IIII", 5, 6, 3, 99) + b"xyz"
    (packet,) = pcap.read(head + record)
    assert packet == pcap.Packet(5_000_006_000, b"xyz", 99)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"#!/bin/sh, which is not a pcap file",
        pcap.write(FRAMES)[:-1],
        struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 113),
        pcap.write(()) + struct.pack("<IIII", 0, 0, 1 << 30, 1 << 30),
    ],
    ids=["empty", "text", "cut", "not Ethernet", "absurd length"],
)
def test_garbage_is_refused(data: bytes) -> None:
    """Never a wrong packet."""
    with pytest.raises(pcap.PcapError):
        pcap.read(data)
