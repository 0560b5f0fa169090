# SPDX-License-Identifier: GPL-2.0-or-later
"""The command pfq-lang: what libpfq calls, and what people do."""

import io
import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.utils import PcapNgWriter, PcapWriter

from pfq import pcap
from pfq.errors import BadData, Unreadable
from pfq.lang import cli, jsonform
from pfq.lang.compiler import build
from pfq.lang.functions.table import TABLE
from pfq.lang.prelude import ip, steer_flow, tcp

from . import frames

TEXT = "main = ip >-> tcp >-> steer_flow\n"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program in a file."""
    path = tmp_path / "program.pfq"
    path.write_text(TEXT)
    return path


def call(*arguments: str | Path) -> int:
    """Run the command line and return its exit code."""
    with pytest.raises(SystemExit) as raised:
        cli.main([str(argument) for argument in arguments])
    code = raised.value.code
    assert isinstance(code, int)
    return code


def test_as_libpfq_calls_it(program: Path) -> None:
    """`pfq-lang --json FILE` writes JSON to standard output, and nothing else anywhere."""
    done = subprocess.run(
        [sys.executable, "-m", "pfq.lang", "--json", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == jsonform.dumps(ip >> tcp >> steer_flow) + "\n" and done.stderr == ""


def test_streams_and_files(
    program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standard input and output are the defaults; without a format there is no output."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    assert call("--json") == 0
    expected = jsonform.dumps(ip >> tcp >> steer_flow) + "\n"
    assert capsys.readouterr().out == expected
    assert call(program) == 0 and capsys.readouterr() == ("", "")
    assert call("-o", tmp_path / "out", "--json", program) == 0
    assert (tmp_path / "out").read_text() == expected
    assert call("--fdescr", "--verbosity", "1", program) == 0
    said = capsys.readouterr()
    assert said.out.count("Function {") == 3 and said.err == "ip >-> tcp >-> steer_flow\n"
    assert call("--json", "--fdescr", program) == 2
    assert call("--ver") == 0


@pytest.mark.parametrize(("text", "code"), [("main = port", 3), ("main = ip >->", 3), ("\udcff", 6)])
def test_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, code: int) -> None:
    """The error goes to standard error, with its hint, and nothing to standard output."""
    path = tmp_path / "bad.pfq"
    path.write_bytes(text.encode(errors="surrogateescape"))
    assert call("--json", path) == code
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith(f"pfq-lang: error: {path}") and "  hint: " in said.err


def test_files_that_are_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line says so."""
    assert call(tmp_path / "none.pfq") == 6
    assert "none.pfq: no such file or directory" in capsys.readouterr().err
    (tmp_path / "p.pfq").write_text(TEXT)
    assert call("--json", "-o", tmp_path / "no" / "where", tmp_path / "p.pfq") == 6


def test_no_pfq_here(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--gid wants the module, and says which."""
    assert call("--gid", "3", program) == 7
    assert "modprobe pfq" in capsys.readouterr().err or "root" in capsys.readouterr().err


def test_check_and_fmt(program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All files are looked at, and the first error's code is that of the command."""
    bad, untidy = tmp_path / "bad.pfq", tmp_path / "untidy.pfq"
    bad.write_text("main = nothing\n")
    untidy.write_text("main   =   ip\n")
    assert call("check", bad, program) == 3
    said = capsys.readouterr()
    assert said.out == f"{program}: 3 functions\n" and "there is no 'nothing'" in said.err
    assert call("check", program) == 0
    assert call("fmt", "--check", program) == 0 and call("fmt", "--check", untidy) == 1
    assert untidy.read_text() == "main   =   ip\n"
    assert call("fmt", untidy) == 0 and untidy.read_text() == "main = ip\n"


@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
def test_run(kind: str, tmp_path: Path, program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each frame of a capture: what became of it, and what it met."""
    made = [
        frames.ether() / IP(src="1.0.0.1", dst="1.0.0.2") / TCP(sport=1, dport=2),
        *map(lambda p: frames.ether() / p, [frames.inside()["udp6"]]),
    ]
    path = tmp_path / "capture"
    with (PcapWriter if kind == "pcap" else PcapNgWriter)(str(path)) as writer:
        for each in made:
            writer.write(each)
    assert call("run", path, program) == 0
    said = capsys.readouterr()
    first, second = said.out.splitlines()
    assert "steer" in first and first.endswith("ip > tcp > steer_flow") and "drop" in second and second.endswith("  ip")
    assert said.err == "2 frames: 1 drop, 1 steer\n"
    assert call("run", "--readers", "1", path, program) == 0
    said = capsys.readouterr()
    assert " -> 0 " in said.out.splitlines()[0] and " -> nobody " in said.out.splitlines()[1]
    assert call("run", "--json", path, program) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["verdict"] for row in rows] == ["steer", "drop"] and rows[0]["met"] == ["ip", "tcp", "steer_flow"]
    assert [frame.data for frame in pcap.read(path)] == [bytes(each) for each in made]


def test_captures_that_are_none(tmp_path: Path) -> None:
    """What is cut short, or of another kind, is refused; nothing else happens."""
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    whole = head + struct.pack("<IIII", 5, 6, 4, 60) + b"abcd"
    assert list(pcap.parse(whole)) == [pcap.Frame(b"abcd", 60, 5_000_006_000)]
    big = struct.pack(">IHHiIIIIIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1, 5, 6, 2, 60) + b"ab"
    assert list(pcap.parse(big)) == [pcap.Frame(b"ab", 60, 5_000_000_006)]
    for cut in [*range(4, 24), *range(25, len(whole))]:
        with pytest.raises(BadData, match="middle of a frame"):
            list(pcap.parse(whole[:cut]))
    for data, message in ((b"", "no capture"), (b"abcd", "no capture"), (head[:20] + b"\x71\0\0\0", "link type 113")):
        with pytest.raises(BadData, match=message):
            list(pcap.parse(data))
    for tail in (b"", bytes(20), b"\xff" * 40):
        with pytest.raises(BadData):
            list(pcap.parse(b"\x0a\x0d\x0d\x0a" + tail))
    with pytest.raises(Unreadable):
        list(pcap.read(tmp_path / "none"))


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    """Every function, or those with a word in them."""
    assert call("list") == 0
    assert capsys.readouterr().out.count(" :: ") == len(TABLE)
    assert call("list", "bloom", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["family"] for row in rows} == {"bloom"} and rows[0]["signature"].startswith("CInt -> [Word32]")


def test_graph(
    program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """DOT to standard output; SVG wants graphviz."""
    assert call("graph", program) == 0 and capsys.readouterr().out.startswith("digraph pfq {")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert call("graph", "--svg", program) == 5
    assert "apt-get install graphviz" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["", "compile", "check", "fmt", "run", "list", "graph"])
def test_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command says what it is for, with an example."""
    assert call(*command.split(), "--help") == 0
    assert "Example" in capsys.readouterr().out


def test_wrong_usage() -> None:
    """What is no option is refused."""
    assert call("--nonsense") == 2 and call("run") == 2


def test_files_are_compiled_where_they_are(program: Path) -> None:
    """The library does what the command does."""
    assert build.compile_file(program).same(ip >> tcp >> steer_flow)
