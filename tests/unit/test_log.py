# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said while long work goes on: one line for each part, and the steps within it only with -v."""

import io
import sys

import pytest

from omatic import log
from omatic.log import Verbosity


class Terminal(io.StringIO):
    """Text that takes itself for a terminal."""

    def isatty(self) -> bool:
        """Say yes."""
        return True


def work() -> None:
    """Do three things, two of which are new."""
    with log.counting("3 things", 3, 1) as show:
        for name in ("two", "three"):
            show.begin(name)
            log.info(f"step of {name}")
            log.warn(f"trouble with {name}")
            show.end(f"{name}: done")


@pytest.fixture
def verbosity() -> None:
    """Leave the verbosity as it was."""
    log.set_verbosity(Verbosity.NORMAL)


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (Verbosity.QUIET, ["warning: trouble with two", "warning: trouble with three"]),
        (
            Verbosity.NORMAL,
            [
                "3 things",
                "warning: trouble with two",
                "[2/3] two: done",
                "warning: trouble with three",
                "[3/3] three: done",
            ],
        ),
        (
            Verbosity.VERBOSE,
            [
                "3 things",
                "step of two",
                "warning: trouble with two",
                "[2/3] two: done",
                "step of three",
                "warning: trouble with three",
                "[3/3] three: done",
            ],
        ),
    ],
)
@pytest.mark.usefixtures("verbosity")
def test_counting(capsys: pytest.CaptureFixture[str], level: Verbosity, expected: list[str]) -> None:
    """Off a terminal; afterwards steps are shown again."""
    log.set_verbosity(level)
    try:
        work()
        log.info("after")
    finally:
        log.set_verbosity(Verbosity.NORMAL)
    said = capsys.readouterr().err.splitlines()
    assert said == [*expected, *(["after"] if level > Verbosity.QUIET else [])]


@pytest.mark.usefixtures("verbosity")
def test_counting_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines are the same, above a bar that names what is being done."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    work()
    said = terminal.getvalue()
    assert said.index("[2/3] two: done") < said.index("[3/3] three: done")
    assert "step of two" not in said and "2/3" in said
