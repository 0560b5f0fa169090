# SPDX-License-Identifier: GPL-2.0-or-later
"""A PFQ socket: its options as methods. Everything that the kernel refuses is a SocketError with a hint.

Python's own getsockopt cannot hand a buffer in, which PFQ wants, so the C library's functions are called.
"""

import contextlib
import ctypes
import errno
import os
import socket
import struct
from types import TracebackType
from typing import Self

from pfq.errors import SocketError
from pfq.lang.descriptor import Descriptor
from pfq.lang.term import Function

PF_Q = 27
VERSION = 0x060100
ANY = -1
CLASS_DEFAULT, CLASS_CONTROL = 1, 1 << 63
PRIVATE, SHARED = 1, 3

_ETH_P_ALL = 0x0003
SO_DISABLE, SO_ENABLE, SO_SET_RX_TSTAMP, SO_SET_RX_LEN, SO_SET_RX_SLOTS = 0, 1, 2, 3, 4
SO_SET_TX_SLOTS, SO_GROUP_BIND, SO_GROUP_JOIN, SO_GROUP_LEAVE = 7, 10, 12, 13
SO_GROUP_FUNCTION, SO_GET_ID, SO_GET_STATS, SO_GET_SHMEM_SIZE = 17, 20, 22, 23
SO_GET_GROUP_COUNTERS = 32

_HINTS = {
    errno.EPERM: "PFQ wants root (CAP_NET_ADMIN); a value that it does not take is refused this way, too",
    errno.EAFNOSUPPORT: "load the module: modprobe pfq",
    errno.EACCES: "join the group first; another program may have it for itself",
    errno.ENOPROTOOPT: "another module (PF_RING) may have taken address family 27",
    errno.ENOMEM: "ask for fewer or shorter slots",
}


class Socket:
    """A PFQ socket. It is closed, its groups left, at the end of a `with`."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        try:
            self._socket = socket.socket(PF_Q, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        except OSError as error:
            raise _refused("opening a PFQ socket", error.errno or 0) from None
        try:
            self.id = struct.unpack("=i", self.get(SO_GET_ID, struct.pack("=i", VERSION), "asking for PFQ's version"))[
                0
            ]
        except SocketError:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave all groups, and give the memory back."""
        self._socket.close()

    def fileno(self) -> int:
        """Return the descriptor, for poll."""
        return self._socket.fileno()

    def set(self, option: int, value: bytes, what: str) -> None:
        """Set an option."""
        if self._libc.setsockopt(self.fileno(), PF_Q, option, value, ctypes.c_uint32(len(value))):
            raise _refused(what, ctypes.get_errno())

    def get(self, option: int, value: bytes, what: str) -> bytes:
        """Ask for an option, with what the kernel wants to know in the buffer."""
        buffer = ctypes.create_string_buffer(value, len(value))
        length = ctypes.c_uint32(len(value))
        if self._libc.getsockopt(self.fileno(), PF_Q, option, buffer, ctypes.byref(length)):
            raise _refused(what, ctypes.get_errno())
        return buffer.raw

    def join(self, group: int = ANY, *, classes: int = CLASS_DEFAULT, policy: int = SHARED) -> int:
        """Join a group, or a new one, and return its number."""
        asked = struct.pack("=iiQ", group, policy, classes)
        answer = self.get(SO_GROUP_JOIN, asked, "joining a group" if group == ANY else f"joining group {group}")
        return int(struct.unpack("=iiQ", answer)[0])

    def leave(self, group: int) -> None:
        """Leave a group."""
        self.set(SO_GROUP_LEAVE, struct.pack("=i", group), f"leaving group {group}")

    def disable(self) -> None:
        """Leave all groups, and give the queues back."""
        self.set(SO_DISABLE, b"", "leaving all groups")

    def bind(self, group: int, device: str, queue: int = ANY) -> None:
        """Have the frames of a device come to a group."""
        try:
            index = socket.if_nametoindex(device)
        except OSError:
            raise SocketError(f"there is no device {device}", hint="`ip link` shows them", errno=errno.ENODEV) from None
        self.set(SO_GROUP_BIND, struct.pack("=iii", group, index, queue), f"binding {device} to group {group}")

    def set_program(self, group: int, program: Function) -> None:
        """Have a group run a program."""
        descriptor = Descriptor(program)
        said = struct.pack("=iiQ", group, 0, descriptor.address)
        self.set(SO_GROUP_FUNCTION, said, f"loading a program for group {group}")


def _refused(what: str, number: int) -> SocketError:
    return SocketError(
        f"{what}: {os.strerror(number).lower()}",
        hint=_HINTS.get(number, "the kernel's log may say more: dmesg"),
        errno=number,
    )


def load(group: int, program: Function) -> None:
    """Have a group run a program; it must have another member to outlive this call."""
    with contextlib.closing(Socket()) as control:
        control.join(group, classes=CLASS_CONTROL)
        control.set_program(group, program)
