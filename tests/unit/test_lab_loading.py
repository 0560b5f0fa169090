# SPDX-License-Identifier: GPL-2.0-or-later
"""When an accelerated module loads as its stock twin does, and when it does not."""

import errno
from dataclasses import replace

import pytest

from omatic.lab.kmsg import Line
from omatic.lab.loading import HOOK, Answer, Seen, between, differences, fresh_lines, loud, plain

HELLO = Line(10, 1, "igb 0000:01:00.0 eth0: at 0xffffc90000a1d000", 6)
STOCK = Seen((Answer("insert", "igb", 0), Answer("remove", "igb", 0)), (HELLO,))
OURS = Seen(
    (Answer("insert", HOOK, 0), *STOCK.answers, Answer("remove", HOOK, 0)),
    (replace(HELLO, sequence=20, text="igb 0000:02:00.0 eth1: at 0xffffc90000b2e000"),),
)


def test_equal_rounds() -> None:
    """The hook is ours alone, and numbers in the log may differ."""
    assert differences(STOCK, OURS) == () == fresh_lines(STOCK, OURS)


def test_the_same_refusal_is_no_difference() -> None:
    """A driver that wants its hypervisor refuses either way; another refusal, or one alone, is a difference."""
    refused = Answer("insert", "igb", errno.ENODEV)
    hook = (Answer("insert", HOOK, 0), Answer("remove", HOOK, 0))
    assert differences(Seen((refused,), ()), Seen((refused, *hook), ())) == ()
    other = Answer("insert", "igb", errno.ENOENT)
    assert differences(Seen((refused,), ()), Seen((other, *hook), ())) == ("insert igb: ENOENT, stock ENODEV",)
    assert differences(STOCK, Seen((refused, *hook), ())) == (
        "insert igb: ENODEV, stock ok",
        "remove igb: not done, stock ok",
    )


def test_the_hook_must_come_and_go() -> None:
    """It has no twin that could excuse it."""
    stuck = replace(OURS, answers=(*OURS.answers[:-1], Answer("remove", HOOK, errno.EAGAIN)))
    assert differences(STOCK, stuck) == (f"remove {HOOK}: EAGAIN, stock ok",)


@pytest.mark.parametrize(
    "line",
    [
        Line(21, 2, "igb: Unknown symbol pfq_hook_rx (err -2)", 4),
        Line(21, 2, "igb: disagrees about version of symbol module_layout", 4),
        Line(21, 2, "------------[ cut here ]------------ WARNING: CPU: 0 PID: 1 at x.c:1", 6),
    ],
)
def test_a_warning_of_our_own_is_a_difference(line: Line) -> None:
    """Unless the stock module, or the hook alone, gives it as well; a mere notice never is."""
    noisy = replace(OURS, lines=(*OURS.lines, line))
    assert loud(line)
    assert differences(STOCK, noisy) == (f"kernel log: {line.text}",)
    assert differences(replace(STOCK, lines=(*STOCK.lines, line)), noisy) == ()
    assert differences(STOCK, replace(noisy, own=frozenset({plain(line)}))) == ()
    notice = replace(line, text="igb: loaded", level=6)
    harmless = replace(OURS, lines=(*OURS.lines, notice))
    assert differences(STOCK, harmless) == () and fresh_lines(STOCK, harmless) == (notice,)


def test_a_slow_machine_is_no_warning() -> None:
    """The kernel remarks on it once in a boot, whatever is being loaded then."""
    slow = Line(21, 2, "hrtimer: interrupt took 35262961 ns", 4)
    assert not loud(slow)
    assert differences(STOCK, replace(OURS, lines=(*OURS.lines, slow))) == ()


def test_the_log_of_a_round() -> None:
    """The lines between its marks, neither of which is one of them."""
    log = b"6,1,1,-;before\n12,2,2,-;mark a\n6,3,3,-;one\n DEVICE=+pci\n6,4,4,-;two\n12,5,5,-;mark b\n6,6,6,-;after\n"
    assert [line.text for line in between(log, b"mark a\n", b"mark b\n")] == ["one", "two"]
    assert between(log.replace(b"6,3,3,-;one\n DEVICE=+pci\n6,4,4,-;two\n", b""), b"mark a\n", b"mark b\n") == ()


def test_a_machine_that_dies() -> None:
    """Whoever brings it down is named; if both do, ours is no worse."""
    dead = Seen((), (), died="BUG: boom")
    assert differences(STOCK, dead) == ("with the accelerated module, the machine died: BUG: boom",)
    assert differences(dead, OURS) == ("with the stock module, the machine died: BUG: boom",)
    assert differences(dead, dead) == ()


def test_lost_lines_prove_nothing() -> None:
    """A log with a gap could have had anything in it."""
    gap = replace(OURS, lines=(HELLO, replace(HELLO, sequence=15)))
    assert differences(STOCK, gap) == ("4 lines of the kernel log were lost",)
