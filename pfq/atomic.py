# SPDX-License-Identifier: GPL-2.0-or-later
"""Words of memory that the kernel changes at the same time. Python has no atomic operations; GCC's libatomic does."""

import ctypes
from collections.abc import Callable
from functools import cache

from pfq.errors import ToolMissing

_ACQUIRE, _SEQ_CST = 2, 5


@cache
def _function(name: str, result: type[ctypes.c_uint32] | type[ctypes.c_uint64]) -> Callable[..., int]:
    try:
        library = ctypes.CDLL("libatomic.so.1")
    except OSError:
        raise ToolMissing("the library libatomic is not installed", hint="apt-get install libatomic1") from None
    found = library[f"__atomic_{name}"]
    found.restype = result
    return found


def load64(address: int) -> int:
    """Return a word of 64 bits; what is read later is read later."""
    return _function("load_8", ctypes.c_uint64)(ctypes.c_void_p(address), _ACQUIRE)


def load32(address: int) -> int:
    """Return a word of 32 bits; what is read later is read later."""
    return _function("load_4", ctypes.c_uint32)(ctypes.c_void_p(address), _ACQUIRE)


def exchange64(address: int, value: int) -> int:
    """Set a word of 64 bits, and return what it was."""
    exchange = _function("exchange_8", ctypes.c_uint64)
    return exchange(ctypes.c_void_p(address), ctypes.c_uint64(value), _SEQ_CST)
