# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's keyrings: which certificates are in those that module signatures are checked against, and what the
kernel itself says to a signature.

/proc/keys lists rings and keys, but not which key is in which ring: that only a system call tells. It is made by
number, because neither keyctl(1) nor its library is installed everywhere.
"""

import ctypes
import errno
import os
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from omatic.life.certificate import Certificate
from omatic.life.system import System

BUILTIN, SECONDARY, MACHINE, PLATFORM = (
    ".builtin_trusted_keys", ".secondary_trusted_keys", ".machine", ".platform",
)  # fmt: skip

_LINE = re.compile(r"^([0-9a-f]{8}) \S+\s+\d+ \S+\s+[0-9a-f]{8}\s+-?\d+\s+-?\d+ (\S+)\s+(.*)$", re.MULTILINE)
_RING, _CERTIFICATE = "keyring", "asymmetri"
"""Types of keys as /proc/keys cuts them off."""

_KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219, "loongarch64": 219, "ppc64le": 271, "s390x": 280}
_INIT_MODULE = {"x86_64": 175, "aarch64": 105, "riscv64": 105, "loongarch64": 105, "ppc64le": 128, "s390x": 128}
_KEYCTL_READ = 11

PROBE = b"pfq-omatic asks whether a signature by this key is accepted".ljust(128, b"\0")
"""What is signed to ask the kernel about a key. No module: it looks at the signature first, and then at the rest."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A certificate that the kernel holds: its ring, its description and its number in hexadecimal digits."""

    ring: str
    name: str
    kernel_id: str


@dataclass(frozen=True, slots=True)
class Keyrings:
    """The certificates in the rings that the running kernel may check modules against."""

    entries: tuple[Entry, ...]

    def rings_with(self, certificate: Certificate) -> tuple[str, ...]:
        """Return the names of the rings that hold a certificate of this key identifier."""
        return tuple(entry.ring for entry in self.entries if entry.kernel_id == certificate.kernel_id)

    def rings_naming(self, name: str) -> tuple[str, ...]:
        """Return the names of the rings that hold a certificate whose subject contains this name."""
        return tuple(entry.ring for entry in self.entries if name and name in entry.name)


def read(system: System) -> Keyrings | None:
    """Return the running kernel's rings; None where they cannot be seen (no /proc, another root, no right)."""
    if not is_live(system):
        return None
    try:
        return parse((system.root / "proc/keys").read_text(), _contents)
    except OSError:
        return None


def parse(listing: str, contents: Callable[[int], tuple[int, ...]]) -> Keyrings:
    """Return the rings of a /proc/keys; `contents` tells the serial numbers of a ring's keys."""
    rings: dict[str, int] = {}
    certificates: dict[int, tuple[str, str]] = {}
    for serial, kind, description in _LINE.findall(listing):
        if kind == _RING:
            rings[description.rpartition(":")[0]] = int(serial, 16)
        elif kind == _CERTIFICATE and (found := re.match(r"(.*): ([0-9a-f]+): ", description)):
            certificates[int(serial, 16)] = (found[1], found[2])
    return Keyrings(
        tuple(
            Entry(ring, *certificates[serial])
            for ring in (BUILTIN, SECONDARY, MACHINE, PLATFORM)
            if ring in rings
            for serial in contents(rings[ring])
            if serial in certificates
        )
    )


def is_live(system: System) -> bool:
    """Tell whether this system is the running one, and not files below another root."""
    return (system.root / "proc").is_mount() and (system.root / "proc/keys").is_file()


def accepted(signed: bytes) -> bool | None:
    """Ask the running kernel whether it accepts a signed PROBE; None if it does not say (not root, other policy).

    Nothing is loaded: the kernel checks the signature first, and what follows is no module. Without enforcement
    everything is accepted.
    """
    number = _INIT_MODULE.get(os.uname().machine)
    if number is None or os.geteuid() != 0:
        return None
    match _call(number, signed, ctypes.c_ulong(len(signed)), b"")[1]:
        case errno.ENOEXEC:
            return True
        case errno.EKEYREJECTED | errno.ENOKEY | errno.EBADMSG | errno.ENOPKG | errno.ENODATA:
            return False
    return None


def _contents(ring: int) -> tuple[int, ...]:
    number = _KEYCTL.get(os.uname().machine)
    if number is None:
        raise OSError(errno.ENOSYS, "reading a keyring")
    buffer = ctypes.create_string_buffer(1 << 16)
    size, error = _call(
        number, ctypes.c_int(_KEYCTL_READ), ctypes.c_int(ring), buffer, ctypes.c_ulong(len(buffer))
    )  # fmt: skip
    if size < 0:
        raise OSError(error, os.strerror(error))
    return tuple(serial for (serial,) in struct.iter_unpack("=i", buffer.raw[: min(size, len(buffer))]))


def _call(number: int, *arguments: object) -> tuple[int, int]:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    ctypes.set_errno(0)
    result: int = libc.syscall(ctypes.c_long(number), *arguments)
    return result, ctypes.get_errno()
