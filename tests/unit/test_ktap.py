# SPDX-License-Identifier: GPL-2.0-or-later
"""KUnit's results are found in logs of older and of newer kernels."""

from tests.vm import ktap

_OLD = """\
    # Subtest: pfq_mask
    1..2
    ok 1 - mask_range
    # mask_pop: EXPECTATION FAILED at test/mask_test.c:80
    Expected i > last, but
    not ok 2 - mask_pop
# pfq_mask: pass:1 fail:1 skip:0 total:2
not ok 1 - pfq_mask
    # Subtest: pfq_ring
    1..1
    ok 1 - ring_fills # SKIP not today
ok 2 - pfq_ring
"""

_NEW = """\
KTAP version 1
1..1
    KTAP version 1
    # Subtest: pfq_mask
    # module: pfq_test
    1..3
    ok 1 mask_range
    ok 2 mask_pop
# pfq_mask: pass:2 fail:0 skip:0 total:2
"""


def test_older_kernels() -> None:
    """With a dash; the reason of a failure stands before it."""
    report = ktap.parse(_OLD.splitlines())
    assert report.planned == len(report.cases) == 3
    assert report.suites == {"pfq_mask", "pfq_ring"}
    (failed,) = report.failed
    assert (failed.suite, failed.name) == ("pfq_mask", "mask_pop")
    assert "EXPECTATION FAILED" in failed.said[0]
    assert [case.skipped for case in report.cases] == [False, False, True]


def test_newer_kernels_and_a_log_that_ends_early() -> None:
    """Without a dash; a case that has never ended is missing from the plan."""
    report = ktap.parse(_NEW.splitlines())
    assert [case.name for case in report.cases] == ["mask_range", "mask_pop"]
    assert report.planned == 3 and not report.failed
