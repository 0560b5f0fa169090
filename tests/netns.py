# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a function in a network namespace of its own, with a /sys that shows it, and brings back what it returned."""

import ctypes
import os
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from omatic import proc

_NEW_NET, _NEW_MOUNTS = 0x40000000, 0x00020000


def inside(function: Callable[[], Any]) -> Any:
    """Return what the function returns there; its failure is ours. Skips where namespaces cannot be made."""
    if os.geteuid() != 0:
        pytest.skip("only root may make network namespaces")
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(ours)
            answer = _run(function)
            with os.fdopen(theirs, "wb") as pipe:
                pickle.dump(answer, pipe)
            status = 0
        finally:
            os._exit(status)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    assert data, "the process in the namespace died"
    what, value = pickle.loads(data)
    if what == "skip":
        pytest.skip(value)
    assert what == "done", value
    return value


def _run(function: Callable[[], Any]) -> tuple[str, Any]:
    try:
        if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NET | _NEW_MOUNTS) != 0:
            return "skip", f"no namespaces here: {os.strerror(ctypes.get_errno())}"
        proc.run(["mount", "--make-rprivate", "/"])
        proc.run(["mount", "-t", "sysfs", "sysfs", "/sys"])
        proc.run(["ip", "link", "set", "lo", "up"])
        return "done", function()
    except pytest.skip.Exception as reason:
        return "skip", str(reason)
    except BaseException:  # noqa: BLE001 - whatever it is, it belongs to the process that waits
        return "failed", traceback.format_exc()


def ip(*words: str, needs: str = "") -> str:
    """Run ip; a device of a kind that this kernel lacks (`needs`) skips the test."""
    done = proc.run(["ip", *" ".join(words).split()], check=False)
    if needs and done.returncode != 0:
        pytest.skip(f"this kernel makes no {needs}: {done.stderr.strip()}")
    assert done.returncode == 0, f"ip {words}: {done.stderr}"
    return done.stdout
