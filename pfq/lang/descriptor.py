# SPDX-License-Identifier: GPL-2.0-or-later
"""A program as the kernel takes it: struct pfq_lang_computation_descr, with pointers that stay valid.

computation   size 0:8, entry_point 8:8, then `size` functions
function      symbol 0:8, 8 arguments of 24 bytes, next 200:8
argument      addr 0:8, size 8:8, nelem 16:8

argument      addr        size           nelem
absent        0           0              0
plain data    its bytes   theirs         -1
string        its bytes   0              -1
list          elements    an element's   their number (strings: size 0, elements are pointers)
function      0           index          -1
"""

import ctypes
import struct
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from pfq.lang import values
from pfq.lang.rows import MAX_ARGS, Ref, flatten
from pfq.lang.term import Function
from pfq.lang.types import ListOf, Type, kernel, size

HEAD, ROW, ARGUMENT = 16, 208, 24
_SINGLE = -1


class Descriptor:
    """A program in memory. `address` is what option 17 wants; it is good as long as this object lives."""

    def __init__(self, program: Function) -> None:
        rows = flatten(program)
        self._kept: dict[bytes, ctypes.Array[ctypes.c_char]] = {}
        self.buffer = ctypes.create_string_buffer(HEAD + ROW * len(rows))
        struct.pack_into("=QQ", self.buffer, 0, len(rows), 0)
        for index, row in enumerate(rows):
            at = HEAD + ROW * index
            struct.pack_into("=Q", self.buffer, at, self._keep(row.entry.symbol.encode() + b"\0"))
            for place, (kind, arg) in enumerate(zip(row.entry.parameters, row.args, strict=True)):
                triple = self._argument(kernel(kind), arg)
                struct.pack_into("=QQq", self.buffer, at + 8 + ARGUMENT * place, *triple)
            struct.pack_into("=q", self.buffer, at + 8 + ARGUMENT * MAX_ARGS, row.next)

    @property
    def address(self) -> int:
        """Where the descriptor is."""
        return ctypes.addressof(self.buffer)

    def _keep(self, data: bytes) -> int:
        # Equal data once; a byte at least, for the address of nothing must not be NULL.
        if data not in self._kept:
            self._kept[data] = ctypes.create_string_buffer(data, max(len(data), 1))
        return ctypes.addressof(self._kept[data])

    def _argument(self, kind: Type, arg: "values.Value | Ref") -> tuple[int, int, int]:
        match arg:
            case Ref(index):
                return 0, index, _SINGLE
            case str():
                return self._keep(arg.encode() + b"\0"), 0, _SINGLE
            case tuple():
                assert isinstance(kind, ListOf)
                element = size(kind.element) or 0
                if element:
                    data = b"".join(values.pack(kind.element, each) for each in arg)
                else:
                    data = b"".join(struct.pack("=Q", self._keep(str(each).encode() + b"\0")) for each in arg)
                return self._keep(data), element, len(arg)
            case int() | IPv4Address() | IPv4Network() | IPv6Network():
                data = values.pack(kind, arg)
                return self._keep(data), len(data), _SINGLE
