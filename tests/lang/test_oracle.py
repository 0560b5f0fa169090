# SPDX-License-Identifier: GPL-2.0-or-later
"""What libpcap thinks: each function with a filter expression in the table is compared with it, where libpcap is."""

import ctypes
import random
from collections.abc import Iterator

import pytest
from scapy.layers.l2 import ARP, Ether

from pfq.lang import term, types
from pfq.lang.functions.entry import Entry
from pfq.lang.functions.table import TABLE
from pfq.lang.interpreter.packet import Fanout, Packet
from pfq.lang.interpreter.run import ask, run, value
from pfq.lang.term import Function, Predicate, Property

from . import frames

try:
    PCAP: ctypes.CDLL | None = ctypes.CDLL("libpcap.so.0.8")
except OSError:
    PCAP = None

pytestmark = pytest.mark.skipif(PCAP is None, reason="libpcap is not installed (apt-get install libpcap0.8)")

ARGUMENTS: dict[str, list[object]] = {
    "PORT": [80, 53, 1234, 9],
    "PREFIX": ["192.168.0.0/16", "10.1.2.3/32", "0.0.0.0/0", "224.0.0.0/4"],
    "PREFIX6": ["2001:db8::/32", "fe80::2/128", "::/0"],
    "ETHERTYPE": [0x800, 0x86DD, 0x806],
    "PROTOCOL": [6, 17, 1, 58, 89],
    "VID": [5, 7],
}
EXPRESSIONS = [e for e in TABLE.values() if e.pcap and e.family != "combinator" and e.family != "vlan"]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint), ("instructions", ctypes.c_void_p)]


class _Header(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("micro", ctypes.c_long), ("caplen", ctypes.c_uint), ("len", ctypes.c_uint)]


def matching(expression: str, data: list[bytes]) -> list[bool]:
    """Return which frames a filter expression takes."""
    assert PCAP is not None
    PCAP.pcap_open_dead.restype = ctypes.c_void_p
    PCAP.pcap_geterr.restype = ctypes.c_char_p
    handle = ctypes.c_void_p(PCAP.pcap_open_dead(1, 65535))
    program = _Program()
    failed = PCAP.pcap_compile(handle, ctypes.byref(program), expression.encode(), 1, ctypes.c_uint(0xFFFFFFFF))
    assert not failed, (expression, PCAP.pcap_geterr(handle))
    found = []
    for each in data:
        head = _Header(0, 0, len(each), len(each))
        found.append(bool(PCAP.pcap_offline_filter(ctypes.byref(program), ctypes.byref(head), each)))
    PCAP.pcap_freecode(ctypes.byref(program))
    PCAP.pcap_close(handle)
    return found


def sample(*, tagged: bool) -> list[bytes]:
    """Return frames on whose meaning libpcap and we agree: it looks neither behind extension headers nor into tags."""
    made = []
    for seed in range(5):
        for inner in frames.inside(seed).values():
            made.append(frames.ether() / inner)
            if tagged:
                made += [frames.tagged(inner)["vlan"], frames.tagged(inner)["qinq"]]
    made += [frames.ether() / ARP(), Ether(src=frames.MACS["src"], dst="ff:ff:ff:ff:ff:ff") / frames.inside()["udp"]]
    random.Random(1).shuffle(made)
    return [bytes(each) for each in made]


def instances(entry: Entry) -> Iterator[tuple[tuple[object, ...], str]]:
    """Yield arguments of a function, and the filter expression with them."""
    if not entry.names:
        yield (), entry.pcap
        return
    (name,) = entry.names
    key = "PREFIX6" if entry.symbol.endswith("6") else name.upper()
    for argument in ARGUMENTS[key]:
        yield (argument,), entry.pcap.replace(name.upper(), str(argument))


@pytest.mark.parametrize("entry", EXPRESSIONS, ids=lambda entry: entry.symbol)
def test_same_as_libpcap(entry: Entry) -> None:
    """The function passes what the expression takes."""
    data = sample(tagged="vlan" in entry.pcap)
    if entry.result == types.PROPERTY:
        made = term.apply(entry, ())
        assert isinstance(made, Property)
        # Its bytes of headers are those over IPv4.
        data = [each for each in data if each[12:14] != b"\x86\xdd"]
        for number in sorted({value(made, Packet(each)) or 0 for each in data})[:8]:
            assert [ask(made == number, Packet(each)) for each in data] == matching(f"{entry.pcap} = {number}", data)
        return
    for args, expression in instances(entry):
        made = term.apply(entry, args)
        if isinstance(made, Function):
            ours = [run(made, Packet(each)).verdict.type is not Fanout.DROP for each in data]
        else:
            assert isinstance(made, Predicate)
            ours = [ask(made, Packet(each)) for each in data]
        theirs = matching(expression, data)
        assert ours == theirs, expression


def test_the_oracle_is_awake() -> None:
    """It does not take everything, or nothing."""
    found = matching("tcp", sample(tagged=False))
    assert any(found) and not all(found)
