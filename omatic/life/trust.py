# SPDX-License-Identifier: GPL-2.0-or-later
"""Would a kernel accept what a certificate's key has signed? From its keyrings, and from the firmware's and shim's.

Of a kernel that is not running, only those rings count that are filled by firmware and shim: they will be the same
when it is booted. What was built into it cannot be seen from here.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from omatic import log
from omatic.life import certificate as certificates
from omatic.life import keyring
from omatic.life.certificate import Certificate
from omatic.life.efivars import EfiVariables, SecureBoot
from omatic.life.enforcement import Enforcement
from omatic.life.signkey import SigningKey
from omatic.life.system import System
from omatic.model import KernelTarget

_DISTRIBUTIONS = ("debian", "ubuntu", "fedora", "rhel", "suse")
"""Those whose kernels check modules against the firmware's keys and MOKs in .platform, too: all carry the patch "KEYS:
Make use of platform keyring for module signature verify". Kernel.org's kernel does not."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the kernel would load a module, or what a key has signed: why, what to do next if not, and evidence."""

    loads: bool
    reason: str
    hint: str = ""
    evidence: tuple[str, ...] = ()


def judge(
    certificate: Certificate, target: KernelTarget, system: System, state: Enforcement, key: SigningKey | None
) -> Verdict:
    """Tell whether a kernel that enforces signatures accepts those of a certificate; `key` is where we have it from."""
    if key is not None and key.own:
        return Verdict(True, f"{certificate.name} is the key that {target.release} was built with")
    variables = EfiVariables(system.root)
    path = key.path if key else None
    rings = keyring.read(system)
    found = rings.rings_with(certificate) if rings else ()
    consulted = _consulted(target, system, state)
    useful = [ring for ring in found if ring in consulted]
    evidence = (
        *state.evidence,
        f"key: {certificate.name}, {path or 'its file is not here'}, number {certificate.kernel_id}",
        f"in keyrings: {', '.join(found) or ('none' if rings else 'unknown, they cannot be read')}",
    )
    twins = [other for other in parsed(variables.enrolled()) if other.kernel_id == certificate.kernel_id]
    exact = any(certificate.same_identity(other) for other in twins)
    if twins and not exact:
        # The kernel looks for issuer and serial number, which its lists of keys do not show.
        reason = f"another certificate of the key {certificate.name} is enrolled, not {path}"
        return Verdict(False, reason, f"mokutil --import {path}{_CONSOLE}", evidence)
    if useful:
        return Verdict(True, f"{certificate.name} is in the keyring {useful[0]}", evidence=evidence)
    if rings is None and exact and consulted & {keyring.MACHINE, keyring.PLATFORM}:
        return Verdict(True, f"{certificate.name} is among the keys of firmware and shim", evidence=evidence)
    if any(certificate.same_identity(other) for other in parsed(variables.pending())):
        hint = "reboot; at the console, the firmware's blue screen asks about it: choose Enroll MOK (needs the console)"
        return Verdict(False, f"the enrolment of {certificate.name} is not yet confirmed", hint, evidence)
    reason = f"the key {certificate.name} is not in a keyring that it checks modules against"
    if state.secure_boot in (SecureBoot.NO_UEFI, SecureBoot.UNKNOWN):
        hint = "give a key that this kernel was built to trust with --sign-key and --sign-cert"
        return Verdict(False, reason, hint, evidence)
    return Verdict(False, reason, f"mokutil --import {path}{_CONSOLE}", evidence)


_CONSOLE = ", then reboot: the enrolment is confirmed at the machine's console, not over ssh"


def _consulted(target: KernelTarget, system: System, state: Enforcement) -> set[str]:
    """Return the rings that a kernel checks modules against, of those that the running kernel can tell us about."""
    # What is built into another kernel cannot be seen in this one.
    rings = {keyring.BUILTIN} if state.running else set()
    if target.config.get("CONFIG_SECONDARY_TRUSTED_KEYRING") == "y":
        rings |= {keyring.SECONDARY} if state.running else set()
        if target.config.get("CONFIG_INTEGRITY_MACHINE_KEYRING") == "y":
            rings.add(keyring.MACHINE)
    if target.config.get("CONFIG_INTEGRITY_PLATFORM_KEYRING") == "y" and _patched(system):
        rings.add(keyring.PLATFORM)
    return rings


def _patched(system: System) -> bool:
    release = system.root / "etc/os-release"
    text = release.read_text() if release.is_file() else ""
    family = " ".join(re.findall(r'^ID(?:_LIKE)?="?([^"\n]*)', text, re.MULTILINE))
    return any(name in family for name in _DISTRIBUTIONS)


def parsed(ders: Iterable[bytes]) -> Iterator[Certificate]:
    """Yield the certificates among these, leaving out what cannot be read."""
    for der in ders:
        try:
            yield certificates.parse(der)
        except (ValueError, TypeError):
            log.debug("a certificate of the firmware cannot be read")
