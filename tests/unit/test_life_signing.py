# SPDX-License-Identifier: GPL-2.0-or-later
"""Signing with real keys, openssl and the kernel's own sign-file; what a kernel would load, from real files of one.

The kernel's own word, and that it agrees with ours, is the business of tests/vm/test_signatures.py.
"""

import struct
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from omatic import elf, proc
from omatic.errors import SignatureRefused, SourceCorrupt, UsageError
from omatic.life import certificate, enforcement, keyring, signing
from omatic.life.install import deploy
from omatic.life.system import System
from omatic.model import KernelTarget
from tests import toys

RELEASE = "6.1.0-56-amd64"
SIGN_FILES = sorted(Path("/usr/lib").glob("linux-kbuild-*/scripts/sign-file"))
DB, SHIM = "d719b2cb-3d3a-4596-a3bc-dad00e67656f", "605dab50-e046-4300-abb6-3dd810dd8b23"
ENFORCED = {"CONFIG_MODULE_SIG_FORCE": "y"}

needs_sign_file = pytest.mark.skipif(not SIGN_FILES, reason="no linux-kbuild package with sign-file is installed")


@pytest.fixture
def system(tmp_path: Path) -> System:
    """Return a Debian without Secure Boot, below another root."""
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/os-release").write_text('ID=debian\nVERSION_ID="12"\n')
    return System(root)


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """Return an unsigned module: any relocatable object will do for a signature."""
    source, built = tmp_path / "nothing.c", tmp_path / "nothing.ko"
    source.write_text("int nothing;\n")
    proc.run(["gcc", "-c", "-o", built, source])
    return built


def target(tmp_path: Path, **config: str) -> KernelTarget:
    """Return a kernel with Debian's signature options and these."""
    build = tmp_path / "build"
    (build / "scripts").mkdir(parents=True, exist_ok=True)
    if SIGN_FILES and not (build / "scripts/sign-file").exists():
        (build / "scripts/sign-file").symlink_to(SIGN_FILES[0])
    usual = {
        "CONFIG_MODULE_SIG": "y",
        "CONFIG_MODULE_SIG_HASH": "sha256",
        "CONFIG_SECONDARY_TRUSTED_KEYRING": "y",
        "CONFIG_INTEGRITY_PLATFORM_KEYRING": "y",
        "CONFIG_INTEGRITY_MACHINE_KEYRING": "y",
        "CONFIG_SECURITY_LOCKDOWN_LSM": "y",
        "CONFIG_LOCK_DOWN_IN_EFI_SECURE_BOOT": "y",
    }
    return KernelTarget(RELEASE, build, usual | config, build / "Module.symvers", "gcc", None)


def make_key(key: Path, path: Path, name: str, kind: str = "ec") -> certificate.Certificate:
    """Make a key and its self-signed certificate, as DKMS does; elliptic curves because they are quick."""
    key.parent.mkdir(parents=True, exist_ok=True)
    kinds = {"ec": ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"), "rsa": ("rsa:2048",)}
    options = ("-nodes", "-days", "100", "-subj", f"/CN={name}", "-newkey", *kinds[kind])
    proc.run(["openssl", "req", "-new", "-x509", *options, "-keyout", key, "-outform", "DER", "-out", path])
    return certificate.load(path)


def dkms_key(system: System, kind: str = "ec") -> certificate.Certificate:
    """Make DKMS's key."""
    folder = system.root / "var/lib/dkms"
    return make_key(folder / "mok.key", folder / "mok.pub", "DKMS module signing key", kind)


def put(system: System, path: str, data: str | bytes) -> None:
    """Write a file below the root."""
    file = system.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data if isinstance(data, bytes) else data.encode())


def variable(system: System, name: str, vendor: str, value: bytes, attributes: int = 6) -> None:
    """Write a variable as efivarfs shows it."""
    put(system, f"sys/firmware/efi/efivars/{name}-{vendor}", attributes.to_bytes(4, "little") + value)


def signature_list(*certificates: certificate.Certificate) -> bytes:
    """Return EFI_SIGNATURE_LISTs of one certificate each."""
    kind = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072").bytes_le
    parts = []
    for each in certificates:
        size = 16 + len(each.der)
        parts.append(kind + struct.pack("<III", 28 + size, 0, size) + bytes(16) + each.der)
    return b"".join(parts)


def secure_boot(system: System) -> None:
    """Switch Secure Boot on."""
    variable(system, "SecureBoot", "8be4df61-93ca-11d2-aa0d-00e098032b8c", b"\1")


def test_nothing_is_signed_where_nobody_asks_and_there_is_no_key(system: System, tmp_path: Path) -> None:
    """The usual machine without Secure Boot."""
    assert signing.prepare(target(tmp_path), system) is None
    assert signing.examine(target(tmp_path), system).loads


@needs_sign_file
def test_dkms_key_signs_and_the_signature_is_real(system: System, tmp_path: Path, module: Path) -> None:
    """As DKMS does, a key that is there signs; openssl confirms it, and signing twice leaves one signature."""
    own = dkms_key(system, "rsa")
    before = module.read_bytes()
    signer = signing.prepare(target(tmp_path), system)
    assert signer is not None and signer.name == "DKMS module signing key"
    module.chmod(0o640)
    signer.sign(module)
    once = module.stat()
    signer.sign(module)
    assert (module.stat().st_size, module.stat().st_mode) == (once.st_size, once.st_mode)
    assert elf.read_module(module) == before
    assert signing.signer(module) == "DKMS module signing key"
    found = certificate.signature(module)
    assert found is not None and own.made(found)
    assert not [entry for entry in module.parent.iterdir() if entry.name.startswith(".sign")]


def test_an_unsigned_module_has_no_signer(module: Path) -> None:
    """No signature, and one that is none."""
    assert signing.signer(module) == ""
    module.write_bytes(module.read_bytes() + b"x" * 40 + bytes(8) + (40).to_bytes(4, "big"))
    with module.open("ab") as file:
        file.write(b"~Module signature appended~\n")
    with pytest.raises(SourceCorrupt):
        signing.signer(module)


@pytest.mark.parametrize(
    ("config", "cmdline", "on"),
    [
        ({}, "quiet", False),
        (ENFORCED, "", True),
        ({"CONFIG_LOCK_DOWN_KERNEL_FORCE_INTEGRITY": "y"}, "", True),
        ({}, "quiet module.sig_enforce=1", True),
        ({}, "module.sig_enforce", True),
        ({}, "lockdown=confidentiality", True),
        ({"CONFIG_SECURITY_LOCKDOWN_LSM": "n"}, "lockdown=integrity", False),
        ({"CONFIG_MODULE_SIG": "n"}, "module.sig_enforce=1", False),
    ],
)
def test_what_makes_another_kernel_enforce(
    system: System, tmp_path: Path, config: dict[str, str], cmdline: str, on: bool
) -> None:
    """Its configuration, and how this machine was booted."""
    put(system, "proc/cmdline", cmdline + "\n")
    found = enforcement.find(target(tmp_path, **config), system)
    assert (found.enforced, found.running) == (on, False)


def test_secure_boot_makes_debians_kernel_enforce_unless_shim_is_told_not_to(system: System, tmp_path: Path) -> None:
    """The kernel reads the same variables."""
    secure_boot(system)
    assert enforcement.find(target(tmp_path), system).enforced
    assert not enforcement.find(target(tmp_path, CONFIG_LOCK_DOWN_IN_EFI_SECURE_BOOT="n"), system).enforced
    # A non-volatile variable of that name is somebody else's.
    variable(system, "MokSBStateRT", SHIM, b"\1", attributes=7)
    assert enforcement.find(target(tmp_path), system).enforced
    variable(system, "MokSBStateRT", SHIM, b"\1")
    assert not enforcement.find(target(tmp_path), system).enforced


@pytest.mark.parametrize(
    ("parameter", "lockdown", "on"),
    [("N", "[none] integrity confidentiality", False), ("Y", "[none] integrity confidentiality", True),
     ("N", "none [integrity] confidentiality", True), ("N", "", False)],
)  # fmt: skip
def test_the_running_kernel_says_itself(
    system: System, tmp_path: Path, parameter: str, lockdown: str, on: bool
) -> None:
    """Then its configuration does not count."""
    put(system, "proc/sys/kernel/osrelease", f"{RELEASE}\n")
    put(system, "proc/cmdline", "module.sig_enforce=1")
    put(system, "sys/module/module/parameters/sig_enforce", f"{parameter}\n")
    put(system, "sys/kernel/security/lockdown", f"{lockdown}\n")
    found = enforcement.find(target(tmp_path), system)
    assert (found.enforced, found.running) == (on, True)


def test_without_a_key_the_next_command_makes_one(system: System, tmp_path: Path) -> None:
    """Refused before anything is done."""
    with pytest.raises(SignatureRefused) as caught:
        signing.prepare(target(tmp_path, **ENFORCED), system)
    assert "no key" in caught.value.message
    assert "openssl req" in caught.value.hint and "/var/lib/dkms/mok.pub" in caught.value.hint
    assert "CONFIG_MODULE_SIG_FORCE=y" in caught.value.details


@needs_sign_file
def test_a_key_that_is_not_enrolled_is_refused_with_mokutil_and_then_with_a_reboot(
    system: System, tmp_path: Path
) -> None:
    """`mokutil --import`; once that is done, the console; once it is enrolled, it signs."""
    secure_boot(system)
    own = dkms_key(system)
    with pytest.raises(SignatureRefused) as caught:
        signing.prepare(target(tmp_path), system)
    assert f"mokutil --import {system.root}/var/lib/dkms/mok.pub" in caught.value.hint
    assert "console" in caught.value.hint
    variable(system, "MokNew", SHIM, signature_list(own))
    with pytest.raises(SignatureRefused) as caught:
        signing.prepare(target(tmp_path), system)
    assert caught.value.hint.startswith("reboot")
    variable(system, "MokListRT", SHIM, signature_list(own))
    signer = signing.prepare(target(tmp_path), system)
    assert signer is not None and signer.key.certificate == own


@needs_sign_file
def test_an_enrolled_key_is_preferred_to_a_better_known_one(system: System, tmp_path: Path) -> None:
    """Ubuntu's key comes first, unless only DKMS's is enrolled; the user's choice is not overruled."""
    secure_boot(system)
    own = dkms_key(system)
    ubuntu = system.root / "var/lib/shim-signed/mok"
    other = make_key(ubuntu / "MOK.priv", ubuntu / "MOK.der", "Secure Boot Module Signature key")
    variable(system, "db", DB, signature_list(own))
    signer = signing.prepare(target(tmp_path), system)
    assert signer is not None and signer.key.certificate == own
    with pytest.raises(SignatureRefused):
        signing.prepare(target(tmp_path), system, ubuntu / "MOK.priv", ubuntu / "MOK.der")
    variable(system, "db", DB, signature_list(own, other))
    signer = signing.prepare(target(tmp_path), system)
    assert signer is not None and signer.key.certificate == other


@needs_sign_file
def test_a_new_certificate_of_an_enrolled_key_is_another_one(system: System, tmp_path: Path) -> None:
    """Same key identifier, other serial number: the kernel does not find the signer."""
    secure_boot(system)
    own = dkms_key(system)
    variable(system, "MokListRT", SHIM, signature_list(own))
    folder = system.root / "var/lib/dkms"
    renew = ("-days", "100", "-subj", "/CN=DKMS module signing key", "-key", folder / "mok.key")
    proc.run(["openssl", "req", "-new", "-x509", *renew, "-outform", "DER", "-out", folder / "mok.pub"])
    assert certificate.load(folder / "mok.pub").key_id == own.key_id
    with pytest.raises(SignatureRefused) as caught:
        signing.prepare(target(tmp_path), system)
    assert "another certificate" in caught.value.message


@needs_sign_file
def test_the_key_that_a_kernel_was_built_with_signs_for_it(system: System, tmp_path: Path) -> None:
    """Self-built kernels: only where enforcement asks for it."""
    kernel = target(tmp_path, **ENFORCED)
    make_key(kernel.build_dir / "certs/signing_key.pem", kernel.build_dir / "certs/signing_key.x509", "my kernel")
    signer = signing.prepare(kernel, system)
    assert signer is not None and signer.name == "my kernel"
    assert signing.prepare(target(tmp_path), system) is None


@needs_sign_file
def test_dkms_configuration_names_the_key(system: System, tmp_path: Path) -> None:
    """Later files win; $kernelver is the target's release."""
    dkms_key(system)
    own = make_key(system.root / f"etc/keys/{RELEASE}.key", system.root / "etc/keys/c.der", "configured")
    put(system, "etc/dkms/framework.conf", "# mok_certificate=/nowhere\nmok_signing_key=/nowhere\n")
    text = 'mok_signing_key="/etc/keys/${kernelver}.key"\nmok_certificate=/etc/keys/c.der\n'
    put(system, "etc/dkms/framework.conf.d/own.conf", text)
    signer = signing.prepare(target(tmp_path), system)
    assert signer is not None and signer.key.certificate == own


def test_half_a_key_is_a_mistake(system: System, tmp_path: Path) -> None:
    """Both options or none, and files that exist."""
    with pytest.raises(UsageError, match="without its certificate"):
        signing.prepare(target(tmp_path), system, tmp_path / "key")
    with pytest.raises(UsageError, match="there is no file"):
        signing.prepare(target(tmp_path), system, tmp_path / "key", tmp_path / "certificate")


@needs_sign_file
def test_a_key_of_another_certificate_signs_nothing(system: System, tmp_path: Path, module: Path) -> None:
    """sign-file's own check, told with what to look at; the module stays as it was."""
    first, second = tmp_path / "first", tmp_path / "second"
    make_key(first / "k", first / "c", "first")
    make_key(second / "k", second / "c", "second")
    before = module.read_bytes()
    signer = signing.prepare(target(tmp_path), system, first / "k", second / "c")
    assert signer is not None
    with pytest.raises(SignatureRefused, match="could not be signed"):
        signer.sign(module)
    assert module.read_bytes() == before


@needs_sign_file
def test_what_is_signed_wrongly_would_not_load(system: System, tmp_path: Path, module: Path) -> None:
    """Unsigned, by a stranger, by an enrolled key, and changed afterwards."""
    own = dkms_key(system)
    secure_boot(system)
    variable(system, "db", DB, signature_list(own))
    kernel = target(tmp_path)

    def loads() -> tuple[bool, str]:
        verdict = signing.would_load(module, kernel, system)
        return verdict.loads, verdict.reason

    assert loads() == (False, "nothing.ko is not signed")
    make_key(tmp_path / "k", tmp_path / "c", "stranger")
    no_enforcement = target(tmp_path, CONFIG_LOCK_DOWN_IN_EFI_SECURE_BOOT="n")
    stranger = signing.prepare(no_enforcement, system, tmp_path / "k", tmp_path / "c")
    assert stranger is not None
    stranger.sign(module)
    assert loads() == (False, "nothing.ko is signed by stranger, whom the kernel does not know")
    ours = signing.prepare(kernel, system)
    assert ours is not None
    ours.sign(module)
    assert loads()[0]
    raw = bytearray(module.read_bytes())
    raw[raw.index(b"GCC")] = ord("g")
    module.write_bytes(raw)
    assert loads() == (False, "nothing.ko was changed after DKMS module signing key signed it")


@needs_sign_file
def test_what_would_not_load_is_refused_by_name(system: System, module: Path) -> None:
    """As `load` asks, of a kernel that is installed: by its configuration below /boot, headers or not."""
    put(system, f"lib/modules/{RELEASE}/updates/nothing.ko", module.read_bytes())
    path = f"/lib/modules/{RELEASE}/updates/nothing.ko"
    signing.require([path], RELEASE, system)
    put(system, f"boot/config-{RELEASE}", "CONFIG_MODULE_SIG=y\nCONFIG_MODULE_SIG_FORCE=y\n")
    with pytest.raises(SignatureRefused, match=rf"{RELEASE} would not load {path}: nothing.ko is not signed"):
        signing.require([path], RELEASE, system)


@needs_sign_file
@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_a_second_install_signs_nothing_again(tmp_path: Path, kind: str) -> None:
    """Elliptic curves sign the same content in another way each time."""
    machine = toys.machine(tmp_path, toys.kernel(tmp_path / "kernel"))
    own = dkms_key(machine.system, kind)
    ready = machine.delivery("e1000e")
    ready = replace(ready, target=replace(target(tmp_path), release=toys.RELEASE))
    assert {kept.signer for kept in deploy([ready], machine.options("e1000e")).receipts} == {own.name}
    assert deploy([ready], machine.options("e1000e")).steps == ()
    newer = replace(machine.delivery("e1000e", mark="2"), target=ready.target)
    assert deploy([newer], machine.options("e1000e")).steps


# From Debian 12 with Secure Boot, shim 16.1 and one MOK; the list of revoked hashes is shortened.
PROC_KEYS = """\
0089665a I------     2 perm 09090000     0     0 blacklist bin:554722fe7f7058258c49b7f87fe4ac1206902ec2451321367aceb66be2be0b5c
009605e4 I--Q---     1 perm 1f3f0000     0 65534 keyring   _uid_ses.0: 1
0163f695 I------     1 perm 1f0b0000     0     0 keyring   .platform: 2
0daa25be I------     1 perm 1f010000     0     0 asymmetri Microsoft Corporation UEFI CA 2011: 13adbf4309bd82709c8cd54f316ed522988a1bd4: X509.rsa 988a1bd4 []
140883a4 I------     1 perm 0f0b0000     0     0 keyring   .blacklist: 115
1dc91bdf I------     1 perm 1f0f0000     0     0 keyring   .secondary_trusted_keys: 2
224aa827 I------     1 perm 1f010000     0     0 asymmetri Microsoft Windows Production PCA 2011: a92902398e16c49778cd90f99e4f9ae17c55af53: X509.rsa 7c55af53 []
23af0082 I------     1 perm 082f0000     0     0 keyring   .fs-verity: empty
2aa05fa1 I------     1 perm 1f0b0000     0     0 keyring   .machine: 2
33b51fc9 I------     1 perm 1f030000     0     0 asymmetri Build time autogenerated kernel key: 8963f707e289edc09df337a240938134371a5bb8: X509.rsa 371a5bb8 []
34c3f7b6 I------     2 perm 1f0b0000     0     0 keyring   .builtin_trusted_keys: 1
3d55c440 I------     1 perm 1f010000     0     0 asymmetri DKMS module signing key: 7a25216268ba1670bcb675e4e35ad544755e8415: X509.rsa 755e8415 []
3e44df7c I------     1 perm 1f010000     0     0 asymmetri Debian Secure Boot CA: 6ccece7e4c6c0d1f6149f3dd27dfcc5cbb419ea1: X509.rsa bb419ea1 []
"""  # noqa: E501
CONTENTS = {
    0x0163F695: (0x224AA827, 0x0DAA25BE),
    0x1DC91BDF: (0x34C3F7B6, 0x2AA05FA1),
    0x2AA05FA1: (0x3E44DF7C, 0x3D55C440),
    0x34C3F7B6: (0x33B51FC9,),
}


def test_keyrings_are_read_as_the_kernel_lists_them() -> None:
    """A key counts in the ring that holds it, not because it is listed."""
    rings = keyring.parse(PROC_KEYS, CONTENTS.__getitem__)
    assert len(rings.entries) == 5
    dkms = certificate.Certificate("", b"", 1, bytes.fromhex("7a25216268ba1670bcb675e4e35ad544755e8415"), b"")
    assert rings.rings_with(dkms) == (keyring.MACHINE,)
    assert rings.rings_naming("Build time autogenerated kernel key") == (keyring.BUILTIN,)
    assert rings.rings_naming("somebody else") == ()
    assert keyring.parse(PROC_KEYS, lambda _: ()).entries == ()
