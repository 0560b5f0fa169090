# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs inside the machine with Secure Boot: what the tool says of each key and module, and what the kernel says.

    python signatures_guest.py RELEASE FOLDER       prints one JSON object

FOLDER holds keys (NAME.key, NAME.der), pfq_hook.ko, pfq.ko and veth.ko. Each key is judged, and signs a module, which
is then given to the kernel. Then drivers are installed as the command does it, with each key.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from omatic import kernel, proc
from omatic.errors import OmaticError, SignatureRefused
from omatic.life import certificate, enforcement, install, keyring, signing, signkey, trust
from omatic.life.change import Options
from omatic.life.install import Delivery, Ready
from omatic.life.signing import Signer
from omatic.life.signkey import SigningKey
from omatic.life.system import System
from omatic.model import KernelTarget

KEYS = ("mok", "database", "stranger")
SYSTEM = System()


def main() -> None:
    """Print everything."""
    release, folder = sys.argv[1], Path(sys.argv[2])
    target = kernel.discover(release)
    told = signing.examine(target, SYSTEM)
    found: dict[str, object] = {
        "enforced": enforcement.find(target, SYSTEM).enforced,
        "told": {"loads": told.loads, "reason": told.reason, "hint": told.hint},
    }
    found["unsigned"] = given(copy(folder / "pfq_hook.ko"), target)
    for name in KEYS:
        key = load(folder, name)
        found[name] = judged(key, target)
        module = copy(folder / "pfq_hook.ko")
        signer(key, target).sign(module)
        found[f"signed by {name}"] = given(module, target)
    found["changed"] = given(spoiled(folder, target), target)
    for name in ("stranger", "mok"):
        found[f"install with {name}"] = installed(folder, name, target)
    print(json.dumps(found))


def load(folder: Path, name: str) -> SigningKey:
    """Return a key."""
    path = folder / f"{name}.der"
    return SigningKey(folder / f"{name}.key", path, certificate.load(path))


def copy(path: Path) -> Path:
    """Return a copy that may be signed."""
    made = Path(tempfile.mkdtemp()) / path.name
    made.write_bytes(path.read_bytes())
    return made


def signer(key: SigningKey, target: KernelTarget) -> Signer:
    """Return a signer without asking whether its signatures are any good."""
    return Signer(key.certificate.name, key, signkey.program(target, SYSTEM), "sha256")


def judged(key: SigningKey, target: KernelTarget) -> dict[str, object]:
    """Return what is expected of a key, what `prepare` makes of it, and what the kernel says to its signature."""
    expected = trust.judge(key.certificate, target, SYSTEM, enforcement.find(target, SYSTEM), key)
    probe = Path(tempfile.mkdtemp()) / "probe"
    probe.write_bytes(keyring.PROBE)
    signkey.sign(signkey.program(target, SYSTEM), "sha256", key, probe)
    refused = refusal(lambda: signing.prepare(target, SYSTEM, key.key, key.path))
    return {
        "expected": expected.loads,
        "reason": expected.reason,
        "kernel": keyring.accepted(probe.read_bytes()),
        "refused": refused,
    }


def given(module: Path, target: KernelTarget) -> dict[str, object]:
    """Return what is expected of a module, and what the kernel does with it."""
    verdict = signing.would_load(module, target, SYSTEM)
    done = proc.run(["insmod", module], check=False)
    if done.returncode == 0:
        proc.run(["rmmod", module.stem])
    return {
        "expected": verdict.loads,
        "reason": verdict.reason,
        "kernel": done.returncode == 0,
        "said": done.stderr.strip(),
        "signer": signing.signer(module),
    }


def spoiled(folder: Path, target: KernelTarget) -> Path:
    """Return a module that was changed after it was signed by an enrolled key."""
    module = copy(folder / "pfq_hook.ko")
    signer(load(folder, "mok"), target).sign(module)
    raw = module.read_bytes()
    module.write_bytes(raw.replace(b"license=", b"Licence=", 1))
    return module


def installed(folder: Path, name: str, target: KernelTarget) -> dict[str, object]:
    """Install the accelerated veth as the command does, and load it as udev would."""
    before = snapshot(target)
    veth = Ready("veth", folder / "veth.ko", Path("drivers/net/veth.ko"), 1, "equal")
    delivery = Delivery(target, (folder / "pfq_hook.ko", folder / "pfq.ko"), (veth,))
    options = Options(SYSTEM, ("veth",), False, folder / f"{name}.key", folder / f"{name}.der")
    refused = refusal(lambda: install.deploy([delivery], options))
    changed = snapshot(target) != before
    loaded = proc.run(["modprobe", "veth"], check=False)
    modules = Path("/proc/modules").read_text()
    proc.run(["modprobe", "-r", "veth"], check=False)
    return {
        "refused": refused,
        "changed": changed,
        "loaded": loaded.returncode == 0,
        "said": loaded.stderr.strip(),
        "hooked": "pfq_hook" in modules and "veth" in modules,
    }


def snapshot(target: KernelTarget) -> dict[str, float]:
    """Return all files that an installation could change."""
    places = (SYSTEM.modules(target.release) / "updates", SYSTEM.state)
    files = [file for place in places if place.is_dir() for file in place.rglob("*")]
    files += SYSTEM.modules(target.release).glob("modules.*")
    return {str(file): file.stat().st_mtime for file in files}


def refusal(action: Callable[[], object]) -> dict[str, object] | None:
    """Return how an action was refused; None if it was not."""
    try:
        action()
    except OmaticError as error:
        kind = "SignatureRefused" if isinstance(error, SignatureRefused) else type(error).__name__
        return {
            "kind": kind,
            "exit": error.exit_code,
            "message": error.message,
            "hint": error.hint,
            "details": list(error.details),
        }
    return None


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        main()
