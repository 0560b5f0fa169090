# SPDX-License-Identifier: GPL-2.0-or-later
"""A program for the kernel, byte for byte, and as JSON."""

import ctypes
import json
import struct
import sys
from ipaddress import IPv4Address, IPv6Network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pfq.errors import BadData, PfqError
from pfq.lang import descriptor, graph, jsonform, rowtext, show
from pfq.lang import prelude as q
from pfq.lang.descriptor import ARGUMENT, HEAD, ROW, Descriptor
from pfq.lang.prelude import addr, has_port, ip, is_tcp, mark, port, steer_flow, tcp, when
from pfq.lang.rows import Ref, flatten
from pfq.lang.term import Function
from pfq.lang.types import ListOf, kernel, size

from .programs import programs

ABSENT = (0, 0, 0)


def layout(made: Descriptor) -> list[tuple[str, list[tuple[int, int, int]], int]]:
    """Read a descriptor as the kernel does."""
    raw = ctypes.string_at(made.address, len(made.buffer))
    count, entry = struct.unpack_from("=QQ", raw)
    assert entry == 0 and len(raw) == HEAD + ROW * count
    rows = []
    for at in range(HEAD, len(raw), ROW):
        (symbol,) = struct.unpack_from("=Q", raw, at)
        args = [struct.unpack_from("=QQq", raw, at + 8 + ARGUMENT * place) for place in range(8)]
        rows.append((ctypes.string_at(symbol).decode(), args, struct.unpack_from("=q", raw, at + 200)[0]))
    return rows


def test_a_chain() -> None:
    """Three functions: no arguments, each one's successor, and the number of functions behind the last one."""
    assert layout(Descriptor(ip >> tcp >> steer_flow)) == [
        ("ip", [ABSENT] * 8, 1),
        ("tcp", [ABSENT] * 8, 2),
        ("steer_flow", [ABSENT] * 8, 3),
    ]


def test_depth_first() -> None:
    """A node, its function arguments in order, then the continuation."""
    program = ip >> when(is_tcp & ~has_port(22), tcp >> steer_flow) >> mark(3)
    said = [
        (row.entry.symbol, [arg.index for arg in row.args if isinstance(arg, Ref)], row.next)
        for row in flatten(program)
    ]
    assert said == [
        ("ip", [], 1),
        ("when", [2, 6], 8),
        ("and", [3, 4], -1),
        ("is_tcp", [], -1),
        ("not", [5], -1),
        ("has_port", [], -1),
        ("tcp", [], 7),
        ("steer_flow", [], -1),
        ("mark", [], 9),
    ]
    assert layout(Descriptor(program))[1][1][:3] == [(0, 2, -1), (0, 6, -1), ABSENT]


@pytest.mark.parametrize(
    ("program", "data", "count"),
    [
        (port(80), struct.pack("=H", 80), -1),
        (mark(0xDEADBEEF), struct.pack("=I", 0xDEADBEEF), -1),
        (q.classify(5), struct.pack("=i", 5), -1),
        (q.l4_proto(17), b"\x11", -1),
        (q.steer_key(2**63), struct.pack("=Q", 2**63), -1),
        (addr("10.1.0.0/16"), bytes([10, 1, 0, 0]) + struct.pack("=I", 16), -1),
        (q.addr6("2001:db8::/32"), bytes.fromhex("20010db8") + bytes(12) + b"\x20", -1),
        (q.dummy_ip("1.2.3.4"), b"\x01\x02\x03\x04", -1),
        (q.dummy_ints([1, -1]), struct.pack("=ii", 1, -1), 2),
        (q.dummy_cidrs(["1.2.3.4"]), b"\x01\x02\x03\x04" + struct.pack("=I", 32), 1),
    ],
)
def test_plain_data(program: Function, data: bytes, count: int) -> None:
    """Bytes in memory, the size of one, and how many."""
    ((_, args, _),) = layout(kept := Descriptor(program))
    address, width, elements = args[0]
    assert elements == count and width * max(count, 1) == len(data)
    assert ctypes.string_at(address, len(data)) == data
    assert args[1:] == [ABSENT] * 7 and kept.buffer


def test_strings_and_lists_of_them() -> None:
    """A string has size 0; a list of strings is one of pointers; an empty list is not absent."""
    ((_, (text, *_), _),) = layout(kept := Descriptor(q.log_msg("héllo")))
    assert text[1:] == (0, -1) and ctypes.string_at(text[0]) == "héllo".encode() and kept
    ((_, (names, *_), _),) = layout(kept := Descriptor(q.link(["eth1", "eth2"])))
    pointers = struct.unpack("=QQ", ctypes.string_at(names[0], 16))
    assert names[1:] == (0, 2) and [ctypes.string_at(each) for each in pointers] == [b"eth1", b"eth2"]
    ((_, (empty, *_), _),) = layout(kept := Descriptor(q.dummy_ints([])))
    assert empty[0] != 0 and empty[1:] == (4, 0)


@given(programs())
@settings(max_examples=60, deadline=None)
def test_every_program_has_a_descriptor(program: Function) -> None:
    """Whatever the program, arguments are as their types say."""
    rows = flatten(program)
    for (symbol, args, following), row in zip(layout(Descriptor(program)), rows, strict=True):
        assert symbol == row.entry.symbol and -1 <= following <= len(rows)
        assert sum(arg != ABSENT for arg in args) == len(row.args)
        for kind, value, (address, width, _) in zip(row.entry.parameters, row.args, args, strict=False):
            if isinstance(value, Ref):
                assert address == 0 and width == value.index >= 1
            else:
                plain = kernel(kind)
                assert address and width == (size(plain.element) if isinstance(plain, ListOf) else size(plain))
    assert descriptor.HEAD == 16


def test_json_is_what_libpfq_reads() -> None:
    """The form, to the letter; libpcap knows it by how it begins."""
    text = jsonform.dumps(addr("10.0.0.0/8") >> q.dummy_ips(["127.0.0.1"]) >> when(is_tcp, port(80)))
    assert text.startswith('[{"funIndex":0')
    first, second, third, *_ = json.loads(text)
    ten = int.from_bytes(IPv4Address("10.0.0.0").packed, sys.byteorder)
    home = int.from_bytes(IPv4Address("127.0.0.1").packed, sys.byteorder)
    pair = {"getNetworkPair": [{"getHostAddress": ten}, 8]}
    assert first == {
        "funIndex": 0, "funSymbol": "addr", "funLink": 1,
        "funArgs": [{"argType": "CIDR", "argValue": pair}, *[None] * 7],
    }  # fmt: skip
    assert second["funArgs"][0] == {"argType": "[IPv4]", "argValue": [{"getHostAddress": home}]}
    assert third["funArgs"][:2] == [{"argType": "Fun", "argValue": 3}, {"argType": "Fun", "argValue": 4}]


@given(programs())
@settings(max_examples=60, deadline=None)
def test_json_round_trip(program: Function) -> None:
    """Nothing is lost on the way."""
    assert jsonform.loads(jsonform.dumps(program)).same(program)


def row(symbol: str, link: int, *args: object) -> dict[str, Any]:
    """Return a row as another program might write it."""
    return {"funIndex": 0, "funSymbol": symbol, "funLink": link, "funArgs": [*args, *[None] * (8 - len(args))]}


def rows(*given: dict[str, Any]) -> str:
    """Return the text of rows."""
    return json.dumps([{**each, "funIndex": index} for index, each in enumerate(given)])


def test_json_of_others() -> None:
    """Letters of any case, other sizes of numbers, aliases, and links that lead out mean what they mean to libpfq."""
    text = rows(row("is_not_there", 0))
    with pytest.raises(PfqError, match="there is no function 'is_not_there'"):
        jsonform.loads(text)
    text = rows(
        row("filter", 17, {"argType": "FUN", "argValue": 1}),
        row("is_port", -1, {"argType": "int64", "argValue": 80.0}),
    )
    assert str(jsonform.loads(text)) == "filter (has_port 80)"
    prefix = {"getNetworkPair6": ["2001:db8::", 32]}
    assert jsonform.loads(rows(row("addr6", 1, {"argType": "CIDR6", "argValue": prefix}))).same(
        q.addr6(IPv6Network("2001:db8::/32"))
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "this is not JSON"),
        ("{}", "a program in JSON is an array"),
        ("[]", "a program in JSON is an array"),
        ("[" * 100_000, "this is not JSON"),
        ('[{"funIndex":0}]', "function 0 of the JSON is not well-formed"),
        ('[{"funIndex":5,"funSymbol":"ip","funLink":1,"funArgs":[]}]', "function 0 of the JSON is not well-formed"),
        (rows(row("port", 1, {"argType": "Word16", "argValue": "x"})), "function 0 of the JSON is not well-formed"),
        (rows(row("port", 1, {"argType": "Word16", "argValue": 1.5})), "function 0 of the JSON is not well-formed"),
        (rows(row("addr", 1, {"argType": "CIDR", "argValue": 5})), "function 0 of the JSON is not well-formed"),
        (rows(row("ip", 0)), "function 0 leads back to itself"),
        (rows(row("ip", 1), row("tcp", 0)), "function 0 leads back to itself"),
        (rows(row("filter", 1, {"argType": "Fun", "argValue": 0})), "function 0 leads back to itself"),
        (rows(row("filter", 1, {"argType": "Fun", "argValue": 9})), "there is no function 9"),
        (rows(row("is_ip", 1), row("ip", 2)), "function 1 (ip) follows another one, and one of them is no function"),
        (rows(row("ip", 1, {"argType": "Int", "argValue": 1})), "ip takes no argument, and was given 1"),
    ],
)
def test_json_that_is_wrong(text: str, message: str) -> None:
    """Loops, indexes into nowhere and other mistakes are refused."""
    with pytest.raises(PfqError) as raised:
        jsonform.loads(text)
    assert message in raised.value.message


@given(st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda x: st.lists(x, max_size=3), max_leaves=5))
def test_no_json_is_a_surprise(data: Any) -> None:
    """Objects of any form are refused, and nothing else happens."""
    with pytest.raises(BadData):
        jsonform.from_json([{"funIndex": 0, "funSymbol": "port", "funLink": 1, "funArgs": data}, data])


def test_shown() -> None:
    """Indented, each function has a line, and long ones several."""
    inner = ip >> when(is_tcp & has_port(80) & has_port(8080) & has_port(443), mark(1)) >> steer_flow
    program = tcp >> q.par(inner, q.drop)
    assert (
        show.indented(program.chain)
        == """\
tcp
>-> par
        (ip
         >-> when (is_tcp .&&. has_port 80 .&&. has_port 8080 .&&. has_port 443) (mark 1)
         >-> steer_flow)
        drop"""
    )
    assert rowtext.text(ip >> filter_of_tcp()) == (
        'Function { index = 0, symbol = "ip", arguments = [], link = 1 }\n'
        'Function { index = 1, symbol = "filter", arguments = [Fun 2], link = 3 }\n'
        'Function { index = 2, symbol = "is_tcp", arguments = [], link = -1 }\n'
    )


def filter_of_tcp() -> Function:
    """Return a filter with a predicate."""
    return q.filter_(is_tcp)


def test_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node for each function, an edge for each argument; without graphviz there is a word on that."""
    text = graph.dot(ip >> when(is_tcp, q.log_msg('a "b"')))
    assert text.count(" [label=") == 4 and '"log_msg \\"a \\\\\\"b\\\\\\"\\""' in text
    assert 'n1 -> n2 [style=dashed, label="predicate"]' in text and 'n2 [label="is_tcp", shape=diamond]' in text
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PfqError, match="'dot' is not installed"):
        graph.svg(ip)
