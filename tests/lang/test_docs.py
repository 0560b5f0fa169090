# SPDX-License-Identifier: GPL-2.0-or-later
"""The documents say what is: the reference is the table's, and the tutorial's programs do what it says of them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP
from scapy.packet import Packet as Scapy
from scapy.packet import Raw

from pfq import errors
from pfq.lang.compiler import build, parse, tidy
from pfq.lang.compiler.source import Source
from pfq.lang.interpreter.packet import Fanout, Outcome, Packet
from pfq.lang.interpreter.run import run

from . import frames

ROOT = Path(__file__).resolve().parents[2]
LANG, TUTORIAL = (ROOT / "docs" / name for name in ("lang.md", "lang-tutorial.md"))
PROGRAMS = sorted((ROOT / "docs" / "programs").glob("*.pfq"))
TITLES = {"A bridge": "bridge", "A load balancer": "balance"}


def test_the_reference_is_the_tables(tmp_path: Path) -> None:
    """Every function is in docs/lang.md as in the table."""
    copy = tmp_path / "lang.md"
    copy.write_text(LANG.read_text())
    subprocess.run([sys.executable, ROOT / "tools" / "lang_functions.py", copy], check=True)
    assert copy.read_text() == LANG.read_text(), "python tools/lang_functions.py writes it anew"


def test_exit_codes() -> None:
    """Each failure has its own, and is listed by name."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.PfqError)]
    own = {(kind.exit_code, kind.__name__) for kind in kinds if "exit_code" in vars(kind)}
    listed = re.findall(r"^\| (\d+) \| (\w+)", LANG.read_text(), re.MULTILINE)
    assert {(int(code), name) for code, name in listed} == own and len({code for code, _ in own}) == len(own)


def test_every_operator_is_listed() -> None:
    """In the table, with how tightly it binds."""
    table = LANG.read_text().split("| binds |")[1].split("\n\n")[0].replace("\\|", "|")
    for sign, (binds, _side) in parse.FIXITIES.items():
        row = next(line for line in table.splitlines() if f"`{sign}`" in line)
        assert row.startswith(f"| {binds} |"), sign


def blocks(language: str) -> list[tuple[str, str]]:
    """Return the code of a language in the tutorial, with the headings that it is under."""
    found, title = [], ""
    for heading, kind, code in re.findall(r"^## ([^\n]*)$|^```(\w+)\n(.*?)^```$", TUTORIAL.read_text(), re.M | re.S):
        title = heading or title
        if kind == language:
            found.append((title, code))
    return found


def test_the_tutorial_has_the_programs() -> None:
    """Word for word, and each is as the formatter writes it."""
    assert {code for _, code in blocks("haskell")} == {path.read_text() for path in PROGRAMS}
    for path in PROGRAMS:
        assert tidy.tidy(Source(path.name, path.read_text(), path.parent)) == path.read_text()


def test_python_does_the_same() -> None:
    """Where the tutorial has a program in Python, too, it is the same one."""
    shown = [(title, code) for title, code in blocks("python") if title]
    assert {title for title, _ in shown} == TITLES.keys()
    for title, code in shown:
        names: dict[str, object] = {}
        exec(code, names)
        assert str(names["program"]) == str(build.compile_file(ROOT / "docs" / "programs" / f"{TITLES[title]}.pfq"))
    example = re.search(r"```python\n(.*?)```", LANG.read_text(), re.S)
    assert example
    exec(example[1], {})


def does(name: str, packet: Scapy, device: str = "eth1") -> Outcome:
    """Return what a program of the tutorial does with a frame."""
    program = build.compile_file(ROOT / "docs" / "programs" / f"{name}.pfq")
    return run(program, Packet(bytes(frames.ether() / packet), device=device))


def out(outcome: Outcome) -> list[str]:
    """Return the devices by which a frame leaves."""
    return [device for device, _ in outcome.forwards]


WEB = IP(src="198.51.100.1", dst="192.0.2.5") / TCP(sport=1000, dport=80)
SSH = IP(src="198.51.100.1", dst="192.0.2.5") / TCP(sport=1000, dport=22)


def test_bridge() -> None:
    """In by one, out by the other."""
    assert out(does("bridge", SSH)) == ["eth2"] and out(does("bridge", SSH, "eth2")) == ["eth1"]
    assert does("bridge", ARP()).verdict.type is Fanout.DROP


def test_mirror() -> None:
    """All to the stack, the web to the mirror."""
    web, ssh = does("mirror", WEB), does("mirror", SSH)
    assert (out(web), out(ssh)) == (["eth3"], []) and web.to_kernel and ssh.to_kernel
    assert web.verdict.type is ssh.verdict.type is Fanout.DROP


@pytest.mark.parametrize(
    ("packet", "passes"),
    [
        (WEB, True),
        (SSH, False),
        (ARP(), True),
        (IP(src="192.0.2.5", dst="198.51.100.1") / TCP(dport=22), True),
        (IPv6(src="2001:db9::1", dst="2001:db8::1") / TCP(dport=443), True),
        (IPv6(src="2001:db9::1", dst="2001:db8::1") / UDP(dport=443), False),
        (frames.inside()["icmp"], True),
    ],
)
def test_firewall(packet: Scapy, passes: bool) -> None:
    """What may pass is forwarded, what may not is counted."""
    done = does("firewall", packet)
    assert (out(done), done.counters) == ((["eth2"], ()) if passes else ([], ((1, 1),)))


def test_balance() -> None:
    """Both directions alike, tunnelled or not; what is not IP is dropped."""
    back = IP(src="192.0.2.5", dst="198.51.100.1") / TCP(sport=80, dport=1000)
    tunnels = frames.tunnels(WEB, framed=False)
    assert does("balance", WEB).verdict == does("balance", back).verdict == does("balance", tunnels["gtp"]).verdict
    assert does("balance", WEB).verdict.type is Fanout.STEER and does("balance", ARP()).verdict.type is Fanout.DROP
    assert does("balance", IP() / UDP(dport=2152) / Raw(b"no tunnel")).verdict.type is Fanout.STEER


def test_voip() -> None:
    """Signalling, media and the rest apart."""
    ip = IP(src="192.0.2.5", dst="198.51.100.1")
    sip = does("voip", ip / UDP(sport=5060, dport=5060))
    rtp = does("voip", ip / UDP(sport=5004, dport=5004) / Raw(b"\x80\0" + bytes(10)))
    rtcp = does("voip", ip / UDP(sport=5005, dport=5005) / Raw(b"\x80\xc8" + bytes(26)))
    assert (sip.verdict.type, sip.verdict.class_mask) == (Fanout.COPY, 4)
    assert rtp.verdict == rtcp.verdict and (rtp.verdict.type, rtp.verdict.class_mask) == (Fanout.STEER, 2)
    assert does("voip", WEB).to_kernel and not rtp.to_kernel
