# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: help everywhere, and errors that are one message with a hint and an exit code of their own."""

import errno
import inspect
import pickle
import re
import signal
from pathlib import Path

import pytest
import typer

from omatic import cli, doctor, errors, state
from omatic.model import Check, Kind, Report, Scan, Site, Verdict

_ALL = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
COMMANDS = sorted(name for name, command in _ALL.items() if not command.hidden)
ROOT = Path(__file__).resolve().parents[2]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run the command line; return exit code, output, errors."""
    with pytest.raises(SystemExit) as done:
        cli.main(arguments)
    code = done.value.code
    said = capsys.readouterr()
    return (code if isinstance(code, int) else 1), said.out, said.err


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """Every command explains itself with an example."""
    code, out, _ = run(capsys, command, "--help")
    assert code == 0
    assert f"pfq-omatic {command}" in out


def test_version_and_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """--version needs no command; an unknown command is a usage error."""
    assert run(capsys, "--version")[1].startswith("pfq-omatic ")
    assert run(capsys, "frobnicate")[0] == 2


@pytest.mark.parametrize("words", [(), ("--all", "igb"), ("--ethernet",), ("--all", "--bundle", "x.tar.zst")])
def test_all_or_named(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    """Drivers are named, or --all of them are meant; nobody builds 190 drivers by leaving out a name."""
    code, out, err = run(capsys, "build", *words)
    assert (code, out) == (2, "") and "hint: " in err


def test_unknown_kernel(capsys: pytest.CaptureFixture[str]) -> None:
    """A kernel that is not there: message, what is there, hint; nothing on standard output, no traceback."""
    code, out, err = run(capsys, "build", "e1000e", "--kernel", "1.2.3-none")
    assert (code, out) == (3, "")
    assert err.startswith("pfq-omatic: error: kernel 1.2.3-none has no headers here")
    assert "present: " in err and "hint: " in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, 11), (errno.EACCES, 17), (errno.EROFS, 17), (errno.ENOTDIR, 17)]
)
def test_the_systems_refusals(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    """A full disk and a forbidden folder are explained, whoever met them."""

    def fail(*_: object) -> None:
        raise OSError(number, "no", "/some/where")

    monkeypatch.setattr(doctor, "examine", fail)
    got, _, err = run(capsys, "doctor")
    assert got == code
    assert "/some/where" in err and "hint: " in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> None:
    """Ctrl-C or a polite kill ends with its own code and one line."""

    def interrupt(*_: object) -> None:
        signal.raise_signal(number)

    monkeypatch.setattr(doctor, "examine", interrupt)
    code, _, err = run(capsys, "doctor")
    assert code == errors.INTERRUPTED
    assert err == "pfq-omatic: interrupted; what was half done has been removed\n"


@pytest.mark.parametrize(("place", "code"), [("a folder", 2), ("a%b", 2)])
def test_impossible_caches(capsys: pytest.CaptureFixture[str], tmp_path: Path, place: str, code: int) -> None:
    """make cannot work in a folder with a space in its name."""
    got, _, err = run(capsys, "--cache-dir", str(tmp_path / place), "build", "e1000e")
    assert got == code
    assert "hint: " in err and "Traceback" not in err


def test_a_mistake_of_ours_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback without -v, and one with it."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(doctor, "examine", fail)
    code, _, err = run(capsys, "doctor")
    assert code == 1 and "Traceback" not in err and "oops" in err
    assert "Traceback" in run(capsys, "-v", "doctor")[2]


def leaves() -> list[type[errors.OmaticError]]:
    """Return all errors of the hierarchy."""
    return [
        found
        for _, found in inspect.getmembers(errors, inspect.isclass)
        if issubclass(found, errors.OmaticError) and found is not errors.OmaticError
    ]


def test_exit_codes_are_distinct_and_documented() -> None:
    """Each failure has its own exit code, and docs/exit-codes.md lists it by name."""
    codes = [leaf.exit_code for leaf in leaves()]
    assert len(set(codes)) == len(codes)
    listed = dict(re.findall(r"^\| (\d+) \| (\w+)", (ROOT / "docs/exit-codes.md").read_text(), re.MULTILINE))
    assert {str(leaf.exit_code): leaf.__name__ for leaf in leaves()}.items() <= listed.items()


def test_errors_come_out_of_other_processes() -> None:
    """Drivers are planned in processes of their own: what went wrong there is told as if it had been here."""
    made = (
        errors.PlanRefused("no", hint="go", details=["a.c:1"]),
        errors.CommandError(["make", "x"], 2, "said", None),
        errors.ToolMissing("make"),
        errors.several({"e1000e": errors.PlanRefused("no", hint="go"), "igb": errors.ToolMissing("gcc")}),
    )
    for error in made:
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.__dict__) == (type(error), str(error), error.__dict__)


def test_commands_are_documented() -> None:
    """The README or the commands page names every command."""
    text = (ROOT / "README.md").read_text() + (ROOT / "docs/commands.md").read_text()
    for command in COMMANDS:
        assert f"pfq-omatic {command}" in text, command


def test_records_survive_and_damage_is_absence(tmp_path: Path) -> None:
    """What state keeps comes back equal; a damaged record, or a module that was touched, is no record."""
    scan = Scan((Site("a.c", 1, 2, 3, "netif_rx", Kind.CALL, "f", "", ("a.c",)),), ())
    state.write_scan(tmp_path, "k", scan)
    assert state.read_scan(tmp_path, "k") == scan
    assert state.read_scan(tmp_path, "other") is None
    module = tmp_path / "m.ko"
    module.write_bytes(b"ko")
    report = Report((Check("abi", Verdict.SKIP, {"summary": "exports nothing"}),), 1)
    (tmp_path / "vanilla").mkdir()
    (tmp_path / "vanilla/m.ko").write_bytes(b"vanilla")
    state.write_report(tmp_path, "inputs", module, report, {}, "abi: no")
    assert state.read_report(tmp_path, "inputs", module) == report
    assert state.read_report(tmp_path, "others", module) is None
    assert state.read_refusal(tmp_path) == "abi: no"
    assert state.read_refusal(tmp_path / "vanilla") is None
    module.write_bytes(b"xx")
    assert state.read_report(tmp_path, "inputs", module) is None
    (tmp_path / "state.json").write_text("{")
    assert state.read_report(tmp_path, "inputs", module) is None


@pytest.mark.parametrize("command", ["add", "remove"])
def test_dkms_serves_its_own_system(capsys: pytest.CaptureFixture[str], command: str, tmp_path: Path) -> None:
    """Below another root it is refused in one line that says how to do it there."""
    code, out, err = run(capsys, "dkms", command, "igb", "--sysroot", str(tmp_path))
    assert (code, out) == (2, "")
    assert err.count("error:") == 1 and f"chroot {tmp_path} pfq-omatic dkms {command} igb" in err
