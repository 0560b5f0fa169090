# SPDX-License-Identifier: GPL-2.0-or-later
"""Each allocation of each call fails in turn (faults.c); needs a debug kernel: `make test-debug`."""

import errno
import json
from pathlib import Path

import pytest

from tests.vm import arena
from tests.vm.arena import DEVICE, Kit

pytestmark = pytest.mark.vm
_CLEAN = {errno.ENOMEM, errno.EFAULT, errno.ENOBUFS, errno.ENFILE, errno.EAGAIN}
"""What a call may say when there is no memory, or when the caller's cannot be read."""
_ABSENT = errno.EOPNOTSUPP
_SET_UP = (
    "mount -t debugfs none /sys/kernel/debug 2>/dev/null; cd /sys/kernel/debug; "
    "for each in failslab fail_page_alloc fail_usercopy; do echo 0 >$each/verbose; "
    "for name in ignore-gfp-wait ignore-gfp-highmem; do [ ! -e $each/$name ] || echo N >$each/$name; done; done; "
    "echo 0 >fail_page_alloc/min-order; cd /"
)


def test_a_clean_errno_for_each_fault(kit: Kit, tmp_path: Path) -> None:
    """A call that fails for want of memory says so, and has done nothing; afterwards it works."""
    if not kit.debug:
        pytest.skip("this kernel injects no faults: make test-debug")
    with arena.arena(kit, tmp_path, expected=("page allocation failure", "Call Trace", "vmalloc error")) as guest:
        guest.must(_SET_UP)
        for line in guest.must(f"faults {DEVICE}", patience=3600.0).splitlines():
            seen = json.loads(line)
            print(line)
            wrong = {int(number) for number in seen["errnos"]} - _CLEAN - {_ABSENT}
            assert not wrong and not seen["odd"], line
            assert seen["faults"] > 0, line
