# SPDX-License-Identifier: GPL-2.0-or-later
"""What firmware and shim say of Secure Boot, from the files of efivarfs: whether it is on, and whose keys they hold.

A file is four bytes of attributes and the variable's value. Certificates stand in lists of EFI_SIGNATURE_LIST.
"""

import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

_GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
_DATABASE = "d719b2cb-3d3a-4596-a3bc-dad00e67656f"
_SHIM = "605dab50-e046-4300-abb6-3dd810dd8b23"
_X509 = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072").bytes_le
_LIST = struct.Struct("<16sIII")
_ATTRIBUTES, _OWNER = 4, 16
_NON_VOLATILE = 1


class SecureBoot(Enum):
    """The state of Secure Boot, as the kernel sees it."""

    ON = "on"
    OFF = "off"
    NO_UEFI = "not there: the machine was not booted by UEFI"
    UNKNOWN = "unknown: efivarfs is not mounted on /sys/firmware/efi/efivars"


@dataclass(frozen=True, slots=True)
class EfiVariables:
    """The variables of a machine, `root` as in System."""

    root: Path

    def secure_boot(self) -> SecureBoot:
        """Return the state of Secure Boot. Shim can switch it off for what it starts (mokutil --disable-validation)."""
        if not (self.root / "sys/firmware/efi").is_dir():
            return SecureBoot.NO_UEFI
        if not self._path("", "").parent.is_dir() or not any(self._path("", "").parent.iterdir()):
            return SecureBoot.UNKNOWN
        attributes, insecure = self._read("MokSBStateRT", _SHIM)
        if insecure == b"\1" and not attributes & _NON_VOLATILE:
            return SecureBoot.OFF
        return SecureBoot.ON if self._read("SecureBoot", _GLOBAL)[1] == b"\1" else SecureBoot.OFF

    def enrolled(self) -> tuple[bytes, ...]:
        """Return the certificates, as DER, of the firmware's database (db) and of shim's list (MOK)."""
        return (*self._certificates("db", _DATABASE), *self._certificates("MokListRT", _SHIM))

    def pending(self) -> tuple[bytes, ...]:
        """Return the certificates that `mokutil --import` has handed to shim, to be asked about at the next boot."""
        return tuple(self._certificates("MokNew", _SHIM))

    def _path(self, name: str, vendor: str) -> Path:
        return self.root / "sys/firmware/efi/efivars" / f"{name}-{vendor}"

    def _read(self, name: str, vendor: str) -> tuple[int, bytes]:
        try:
            raw = self._path(name, vendor).read_bytes()
        except OSError:
            # Absent is the usual case; MokNew may be read by root alone.
            return 0, b""
        return int.from_bytes(raw[:_ATTRIBUTES], "little"), raw[_ATTRIBUTES:]

    def _certificates(self, name: str, vendor: str) -> Iterator[bytes]:
        _, value = self._read(name, vendor)
        while len(value) >= _LIST.size:
            kind, whole, header, each = _LIST.unpack_from(value)
            if not _LIST.size + header <= whole <= len(value) or each <= _OWNER:
                return
            entries = value[_LIST.size + header : whole]
            if kind == _X509:
                yield from (entries[at + _OWNER : at + each] for at in range(0, len(entries), each))
            value = value[whole:]
