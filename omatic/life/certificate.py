# SPDX-License-Identifier: GPL-2.0-or-later
"""Certificates, and the signatures of modules, as values: whose they are and which belongs to which.

A module's signature names its signer's certificate by issuer and serial number (or, rarely, by key identifier); the
kernel lists the certificates it trusts by subject and key identifier. Only a certificate in hand connects the two.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from omatic import elf
from omatic.errors import SourceCorrupt

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed a module: the signer's issuer (DER, and its common name) and serial number, or its key identifier."""

    issuer: bytes = field(repr=False)
    name: str
    serial: int | None
    key_id: bytes


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate; `key_id` is its subject key identifier, empty if it states none."""

    name: str
    issuer: bytes = field(repr=False)
    serial: int
    key_id: bytes
    der: bytes = field(repr=False)

    @property
    def kernel_id(self) -> str:
        """The number by which /proc/keys lists it, in hexadecimal digits: key identifier, else serial number."""
        return (self.key_id or self.serial.to_bytes(self.serial.bit_length() // 8 + 1, "big")).hex()

    def made(self, signature: Signature) -> bool:
        """Tell whether a signature names this certificate as its signer's."""
        if signature.serial is None:
            return bool(self.key_id) and signature.key_id == self.key_id
        return (signature.issuer, signature.serial) == (self.issuer, self.serial)

    def same_identity(self, other: "Certificate") -> bool:
        """Tell whether the kernel would take one for the other when it looks for a signer."""
        return (self.issuer, self.serial) == (other.issuer, other.serial)


def load(path: Path) -> Certificate:
    """Read a certificate, PEM or DER."""
    raw = path.read_bytes()
    found = _PEM.search(raw)
    try:
        if found is None:
            return parse(raw)
        from asn1crypto import pem

        return parse(pem.unarmor(found[0])[2])
    except (ValueError, TypeError) as error:
        raise SourceCorrupt(
            f"{path} is not an X.509 certificate ({str(error).splitlines()[0]})",
            hint="give the certificate that belongs to the key, in PEM or DER",
        ) from error


def parse(der: bytes) -> Certificate:
    """Return the certificate of these bytes; ValueError if they are none."""
    from asn1crypto import x509

    parsed = x509.Certificate.load(der, strict=True)
    return Certificate(
        name=_common_name(parsed.subject),
        issuer=parsed.issuer.dump(),
        serial=parsed.serial_number,
        key_id=parsed.key_identifier or b"",
        der=der,
    )


def signature(module: Path) -> Signature | None:
    """Return who signed a module, None if nobody; SourceCorrupt if the signature cannot be read."""
    message = elf.read_signature(module)
    if not message:
        return None
    from asn1crypto import cms

    try:
        (signer,) = cms.ContentInfo.load(message, strict=True)["content"]["signer_infos"]
        sid = signer["sid"].chosen
        if signer["sid"].name == "subject_key_identifier":
            return Signature(b"", sid.native.hex(), None, sid.native)
        return Signature(sid["issuer"].dump(), _common_name(sid["issuer"]), sid["serial_number"].native, b"")
    except (ValueError, TypeError, KeyError) as error:
        raise SourceCorrupt(f"the signature of {module} cannot be read ({error})", hint="build it again") from error


def _common_name(name: object) -> str:
    native = getattr(name, "native", {})
    return str(native.get("common_name") or native.get("organization_name") or getattr(name, "human_friendly", ""))
