# SPDX-License-Identifier: GPL-2.0-or-later
"""Signs modules where the kernel wants it, and refuses beforehand what the kernel would refuse afterwards.

`prepare` decides, before anything on the machine is changed, which key signs and whether the kernel would load what
it has signed. For the running kernel the last word is the kernel's own: it is shown a signature that is made with the
key, and says whether it accepts it. For another kernel the keyrings of the running one tell, as far as they come from
the firmware and shim and so will be there again.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from omatic import elf, log, proc
from omatic.errors import InstallFailed, OmaticError, SignatureRefused, ToolMissing
from omatic.life import certificate as certificates
from omatic.life import enforcement, keyring, signkey, trust
from omatic.life.certificate import Certificate
from omatic.life.efivars import EfiVariables
from omatic.life.enforcement import Enforcement
from omatic.life.signkey import SigningKey
from omatic.life.system import System
from omatic.life.trust import Verdict
from omatic.model import KernelTarget


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs modules for one kernel, with one key."""

    name: str
    key: SigningKey
    program: Path
    digest: str

    def sign(self, module: Path) -> None:
        """Sign a module in place, replacing a signature that it may have, and check whose signature it now bears."""
        with tempfile.TemporaryDirectory(dir=module.parent, prefix=".sign-") as folder:
            work = Path(folder) / module.name
            work.write_bytes(elf.read_module(module))
            shutil.copymode(module, work)
            signkey.sign(self.program, self.digest, self.key, work)
            if not self.has_signed(work, module):
                raise InstallFailed(
                    f"{self.program} did not sign {module.name} with {self.key.path}",
                    hint=f"reinstall the package that owns {self.program}",
                )
            work.replace(module)
        log.debug(f"signed {module} as {self.name}")

    def has_signed(self, signed: Path, module: Path) -> bool:
        """Tell whether a file is this module with a good signature by the key."""
        if elf.read_module(signed) != elf.read_module(module):
            return False
        made = certificates.signature(signed)
        return made is not None and self.key.certificate.made(made) and _intact(signed, self.key.certificate)


def prepare(
    target: KernelTarget, system: System, sign_key: Path | None = None, certificate: Path | None = None
) -> Signer | None:
    """Return who will sign modules for a kernel; None if nobody need.

    As with DKMS, a key that is there signs even if the kernel does not ask for it. Where the kernel does, a key is
    returned that it accepts; SignatureRefused, with the one next command, if there is none.
    """
    state = enforcement.find(target, system)
    keys = tuple(signkey.choices(target, system, sign_key, certificate))
    if not state.enforced:
        # The kernel's own key is not ours to use unless somebody needs it.
        keys = tuple(key for key in keys if not key.own)
        if not keys or target.config.get("CONFIG_MODULE_SIG") != "y":
            return None
        try:
            return _signer(keys[0], target, system)
        except ToolMissing as error:
            if sign_key is not None:
                raise
            log.warn(f"modules are not signed, and need not be: {error.message}")
            return None
    verdict = _no_key(state)
    for number, key in enumerate(keys):
        signer = _signer(key, target, system)
        judged = _judge(signer, target, system, state)
        if judged.loads:
            return signer
        verdict = judged if number == 0 else verdict
    raise SignatureRefused(
        f"{target.release} would not load our modules: {verdict.reason}", hint=verdict.hint, details=verdict.evidence
    )


def examine(target: KernelTarget, system: System) -> Verdict:
    """Tell what `prepare` would find, without signing or raising anything; for `doctor`."""
    state = enforcement.find(target, system)
    if not state.enforced:
        return Verdict(True, "signatures are not enforced", evidence=state.evidence)
    try:
        signer = prepare(target, system)
    except SignatureRefused as error:
        return Verdict(False, f"signatures are enforced; {error.message}", error.hint, error.details)
    except OmaticError as error:
        return Verdict(False, f"signatures are enforced, but {error.message}", error.hint, state.evidence)
    assert signer is not None
    return Verdict(
        True, f"signatures are enforced, and the key {signer.name} ({signer.key.key}) is enrolled", "", state.evidence
    )


def signer(module: Path) -> str:
    """Return who signed a module, as modinfo names it: the common name of the certificate's issuer; "" if nobody."""
    found = certificates.signature(module)
    return found.name if found else ""


def would_load(module: Path, target: KernelTarget, system: System) -> Verdict:
    """Tell whether a kernel would load a module that is signed already, or not signed."""
    state = enforcement.find(target, system)
    if not state.enforced:
        return Verdict(True, "signatures are not enforced", evidence=state.evidence)
    found = certificates.signature(module)
    if found is None:
        return Verdict(False, f"{module.name} is not signed", _INSTALL_AGAIN, state.evidence)
    keys = tuple(signkey.choices(target, system, None, None))
    for certificate, key in _known(keys, system):
        if not certificate.made(found):
            continue
        if not _intact(module, certificate):
            reason = f"{module.name} was changed after {certificate.name} signed it"
            return Verdict(False, reason, _INSTALL_AGAIN, state.evidence)
        return trust.judge(certificate, target, system, state, key)
    # The distribution's certificates are in the kernel, and nowhere else: only their names are known.
    rings = keyring.read(system)
    if rings is not None and state.running and rings.rings_naming(found.name):
        return Verdict(True, f"signed by {found.name}, whom {rings.rings_naming(found.name)[0]} names")
    return Verdict(
        False, f"{module.name} is signed by {found.name}, whom the kernel does not know", _INSTALL_AGAIN, state.evidence
    )


def require(modules: Iterable[str], release: str, system: System) -> None:
    """Raise SignatureRefused if an installed kernel would not load one of these files of the machine."""
    target = enforcement.target(release, system)
    for path in modules:
        verdict = would_load(system.root / path.lstrip("/"), target, system)
        if not verdict.loads:
            raise SignatureRefused(
                f"{release} would not load {path}: {verdict.reason}", hint=verdict.hint, details=verdict.evidence
            )


_INSTALL_AGAIN = "install it again: pfq-omatic install signs it"


def _signer(key: SigningKey, target: KernelTarget, system: System) -> Signer:
    digest = target.config.get("CONFIG_MODULE_SIG_HASH", "sha256")
    return Signer(key.certificate.name, key, signkey.program(target, system), digest)


def _judge(signer: Signer, target: KernelTarget, system: System, state: Enforcement) -> Verdict:
    expected = trust.judge(signer.key.certificate, target, system, state, signer.key)
    if not (state.running and keyring.is_live(system)):
        return expected
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe"
        probe.write_bytes(keyring.PROBE)
        signkey.sign(signer.program, signer.digest, signer.key, probe)
        answer = keyring.accepted(probe.read_bytes())
    log.debug(f"the kernel {_ANSWERS[answer]} a signature by {signer.name}; expected: {expected.reason}")
    if answer is None or answer == expected.loads:
        return expected
    if answer:
        return Verdict(True, f"the running kernel accepts signatures by {signer.name}", evidence=state.evidence)
    return Verdict(
        False,
        f"the running kernel refuses a signature by {signer.name}, although {expected.reason}",
        "give a key that this kernel accepts with --sign-key and --sign-cert",
        (*expected.evidence, "asked by showing it a signature made with the key"),
    )


_ANSWERS = {True: "accepts", False: "refuses", None: "does not say whether it accepts"}


def _no_key(state: Enforcement) -> Verdict:
    key, certificate = Path("/") / signkey.DKMS_KEY, Path("/") / signkey.DKMS_CERTIFICATE
    return Verdict(
        False,
        "it enforces signatures, and there is no key to sign with",
        f"make one, and run this again: mkdir -p {key.parent} && openssl req -new -x509 -newkey rsa:2048 -nodes"
        f" -days 36500 -subj '/CN=DKMS module signing key' -keyout {key} -outform DER -out {certificate}",
        state.evidence,
    )


def _known(keys: Iterable[SigningKey], system: System) -> Iterator[tuple[Certificate, SigningKey | None]]:
    yield from ((key.certificate, key) for key in keys)
    yield from ((certificate, None) for certificate in trust.parsed(EfiVariables(system.root).enrolled()))


def _intact(module: Path, certificate: Certificate) -> bool:
    """Tell whether a module's signature is the certificate's and fits the module, by openssl."""
    with tempfile.TemporaryDirectory() as folder:
        content, message, signers = (Path(folder) / name for name in ("content", "signature", "signer.der"))
        content.write_bytes(elf.read_module(module))
        message.write_bytes(elf.read_signature(module))
        signers.write_bytes(certificate.der)
        pem = Path(folder) / "signer.pem"
        proc.run(["openssl", "x509", "-inform", "DER", "-in", signers, "-out", pem])
        command = ("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", message, "-content", content)
        done = proc.run([*command, "-certfile", pem, "-nointern", "-noverify", "-out", "/dev/null"], check=False)
    return done.returncode == 0
