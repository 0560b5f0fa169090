# SPDX-License-Identifier: GPL-2.0-or-later
"""The frames that a rehearsal sends, and what the comparison finds."""

import struct

import pytest

from omatic.lab import frames

MAC = bytes.fromhex("525400706671")
SENT = frames.frames(2000, MAC)


def test_frames_are_reproducible_and_carry_their_number() -> None:
    """Frame N is a function of N, and N can be read back."""
    assert frames.frames(2000, MAC) == SENT
    assert [frames.number_of(data) for data in SENT] == list(range(2000))


def test_frames_cover_what_the_rehearsal_promises() -> None:
    """All sizes from 60 to 1514 bytes, tagged ones of every priority, several protocols and flows."""
    sizes = {len(data) for data in frames.frames(10_000, MAC)}
    assert min(sizes) == 60 and max(sizes) == 1514 and len(sizes) > 1000
    tagged = [data for data in SENT if data[12:14] == b"\x81\x00"]
    assert len(tagged) > 500 and min(map(len, tagged)) == 64
    assert {data[14] >> 5 for data in tagged} == set(range(8))
    kinds = {data[16:18] if data[12:14] == b"\x81\x00" else data[12:14] for data in SENT}
    assert kinds == {b"\x08\x00", b"\x86\xdd", b"\x88\xb5"}
    assert len({data[6:12] for data in SENT}) == 8


def test_the_drop_eligible_bit_is_never_set() -> None:
    """PFQ's slots have no room for it: its place says that there is a tag."""
    assert not any(data[14] & 0x10 for data in SENT if data[12:14] == b"\x81\x00")


def test_ipv4_headers_have_good_checksums() -> None:
    """A NIC that checks sums must not see errors."""
    for data in SENT:
        at = 18 if data[12:14] == b"\x81\x00" else 14
        if data[at - 2 : at] == b"\x08\x00":
            assert frames.checksum(data[at : at + 20]) == 0
            (length,) = struct.unpack_from("!H", data, at + 2)
            assert length == len(data) - at


def test_scapy_agrees() -> None:
    """A second opinion on the checksums, where scapy is installed."""
    layers = pytest.importorskip("scapy.layers.all", reason="scapy is not installed")
    for data in SENT[:200]:
        packet = layers.Ether(data)
        for layer in ("IP", "UDP"):
            if layer in packet:
                again = packet.copy()
                del again[layer].chksum
                assert layers.Ether(bytes(again))[layer].chksum == packet[layer].chksum


def test_a_perfect_capture_has_no_flaw() -> None:
    """Foreign frames are ignored."""
    result = frames.compare(SENT, [b"\xff" * 80, *SENT])
    assert result.flaws(1) == ()
    assert (result.captured, result.foreign, result.lanes) == (2000, 1, 1)


@pytest.mark.parametrize(
    ("captured", "flaw"),
    [
        (SENT[:7] + SENT[9:], "2 of 2000 frames missing (first: 7, 8)"),
        (SENT[:5] + SENT[4:], "1 frames captured more than once"),
        ((SENT[1], SENT[0], *SENT[2:]), "out of order: it takes 2 queues"),
        (
            (SENT[0], SENT[1][:20] + b"\xee" + SENT[1][21:], *SENT[2:]),
            "1 frames differ: frame 1 has byte ee instead of",
        ),
        ((SENT[0], SENT[1][:12] + SENT[1][16:], *SENT[2:]), "frame 1 has"),
    ],
)
def test_each_flaw_is_found(captured: tuple[bytes, ...], flaw: str) -> None:
    """Loss, duplication, damage and order each have their message."""
    found = frames.compare(SENT, captured).flaws(1)
    assert len(found) == 1
    assert flaw in found[0]


def test_two_queues_explain_a_mixture() -> None:
    """Order holds per queue only."""
    mixture = [SENT[n] for pair in zip(range(1000), range(1000, 2000), strict=True) for n in pair]
    assert frames.compare(SENT, mixture).flaws(2) == ()
    assert frames.compare(SENT, mixture).flaws(1)


@pytest.mark.parametrize(
    ("numbers", "lanes"), [([], 0), ([1, 2, 3], 1), ([3, 2, 1], 3), ([1, 3, 2, 4], 2), ([2, 5, 1, 4, 3, 6], 3)]
)
def test_lanes(numbers: list[int], lanes: int) -> None:
    """The least number of increasing sequences is the length of the longest decreasing one."""
    assert frames.lanes(numbers) == lanes


def test_priority_is_taken_from_tagged_frames_only() -> None:
    """What e1000 does to a stripped tag."""
    tagged, plain = SENT[3], SENT[1]
    assert frames.without_priority(plain) == plain
    assert frames.without_priority(tagged)[14] == tagged[14] & 0x0F
    assert frames.number_of(frames.without_priority(tagged)) == 3
