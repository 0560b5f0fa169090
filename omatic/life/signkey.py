# SPDX-License-Identifier: GPL-2.0-or-later
"""With which key, and by which program, modules are signed on this machine: what the user says, else as DKMS does.

DKMS takes the key that framework.conf names, then Ubuntu's (which its packages enrol), then its own. The key that a
self-built kernel signs its own modules with comes last.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omatic import proc
from omatic.errors import CommandError, SignatureRefused, ToolMissing, UsageError
from omatic.life import certificate as certificates
from omatic.life.certificate import Certificate
from omatic.life.system import System
from omatic.model import KernelTarget

DKMS_KEY, DKMS_CERTIFICATE = Path("var/lib/dkms/mok.key"), Path("var/lib/dkms/mok.pub")
_UBUNTU_KEY, _UBUNTU_CERTIFICATE = Path("var/lib/shim-signed/mok/MOK.priv"), Path("var/lib/shim-signed/mok/MOK.der")
_OWN_KEY, _OWN_CERTIFICATE = Path("certs/signing_key.pem"), Path("certs/signing_key.x509")
_FRAMEWORK = Path("etc/dkms/framework.conf")
_PASSPHRASE = "KBUILD_SIGN_PIN"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its certificate, both as files; `own` where the kernel was built with it, and so trusts it."""

    key: Path
    path: Path
    certificate: Certificate
    own: bool = False


def choices(
    target: KernelTarget, system: System, sign_key: Path | None, certificate: Path | None
) -> Iterator[SigningKey]:
    """Yield the keys that could sign, best first; only the user's where one is given."""
    if (sign_key is None) != (certificate is None):
        raise UsageError(
            "a key without its certificate, or the other way round, cannot sign",
            hint="give both --sign-key and --sign-cert",
        )
    if sign_key is not None and certificate is not None:
        for path in (sign_key, certificate):
            if not path.is_file():
                raise UsageError(f"there is no file {path}", hint="check --sign-key and --sign-cert")
        yield SigningKey(sign_key, certificate, certificates.load(certificate))
        return
    named = _framework(target, system)
    pairs = [
        (system.root / _UBUNTU_KEY, system.root / _UBUNTU_CERTIFICATE, False),
        (system.root / DKMS_KEY, system.root / DKMS_CERTIFICATE, False),
        (target.build_dir / _OWN_KEY, target.build_dir / _OWN_CERTIFICATE, True),
    ]
    if "mok_signing_key" in named:
        key = system.root / named["mok_signing_key"].lstrip("/")
        pairs.insert(0, (key, system.root / named.get("mok_certificate", str(DKMS_CERTIFICATE)).lstrip("/"), False))
    for key, path, own in pairs:
        if _exists(key) and _exists(path):
            yield SigningKey(key, path, certificates.load(path), own)


def program(target: KernelTarget, system: System) -> Path:
    """Return the program that signs, called as `PROGRAM HASH KEY CERTIFICATE MODULE`; ToolMissing if there is none."""
    named = _framework(target, system).get("sign_file")
    series = ".".join(target.release.split(".")[:2])
    for candidate in (
        *([system.root / named.lstrip("/")] if named else []),
        target.build_dir / "scripts/sign-file",
        system.root / f"usr/lib/linux-kbuild-{series}/scripts/sign-file",
    ):
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    if proc.available("kmodsign"):
        return proc.find("kmodsign")
    raise ToolMissing("sign-file", package=f"linux-headers-{target.release}")


def sign(tool: Path, digest: str, using: SigningKey, file: Path) -> None:
    """Append a signature to a file; SignatureRefused if the program or the key does not do it."""
    pin = os.environ.get(_PASSPHRASE)
    try:
        proc.run([tool, digest, using.key, using.path, file], env={_PASSPHRASE: pin} if pin else None, timeout=120)
    except CommandError as error:
        raise SignatureRefused(
            f"{file.name} could not be signed with {using.key}",
            hint=f"check that the key is readable, that it belongs to {using.path}, and its passphrase ({_PASSPHRASE})",
            details=error.details,
        ) from error


def _framework(target: KernelTarget, system: System) -> dict[str, str]:
    """Return what DKMS's configuration says of signing. It is shell; plain assignments are all that is used."""
    main = system.root / _FRAMEWORK
    found: dict[str, str] = {}
    for path in (main, *sorted(Path(f"{main}.d").glob("*.conf"))):
        if not path.is_file():
            continue
        text = path.read_text(errors="replace")
        for name, value in re.findall(r"^\s*(sign_file|mok_signing_key|mok_certificate)=(.*?)\s*$", text, re.MULTILINE):
            plain = re.sub(r"""^(["']?)(.*)\1$""", r"\2", value)
            found[name] = re.sub(r"\$(kernelver\b|\{kernelver\})", target.release, plain)
    return {name: value for name, value in found.items() if value}


def _exists(path: Path) -> bool:
    # Where the folder may not be entered, only root can say.
    try:
        return path.is_file()
    except PermissionError:
        return False
