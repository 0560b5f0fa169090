# SPDX-License-Identifier: GPL-2.0-or-later
"""Does a kernel refuse modules without a valid signature? Of the running one we know; of others we conclude.

The running kernel tells by its parameter sig_enforce and by its lockdown state. Another kernel's configuration says
what it will do when it is booted as this machine boots: with the same Secure Boot and the same command line.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from omatic import kernel, sysroot
from omatic.life.efivars import EfiVariables, SecureBoot
from omatic.life.system import System
from omatic.model import KernelTarget

_ON = ("1", "y", "Y", "on")
_LOCKED = ("integrity", "confidentiality")


@dataclass(frozen=True, slots=True)
class Enforcement:
    """Whether modules without a valid signature are refused, and by which signs: `evidence` has one line for each."""

    enforced: bool
    running: bool
    secure_boot: SecureBoot
    evidence: tuple[str, ...]


def find(target: KernelTarget, system: System) -> Enforcement:
    """Return whether the kernel enforces signatures; nothing is asked beyond files below the system's root."""
    state = EfiVariables(system.root).secure_boot()
    running = _text(system, "proc/sys/kernel/osrelease") == target.release
    signs = _observed(system) if running else _expected(target.config, _text(system, "proc/cmdline"), state)
    if target.config.get("CONFIG_MODULE_SIG") != "y":
        signs = ()
    evidence = signs or ("the running kernel does not enforce module signatures" if running else
                         f"nothing makes {target.release} enforce module signatures",)  # fmt: skip
    return Enforcement(bool(signs), running, state, (*evidence, f"Secure Boot is {state.value}"))


def target(release: str, system: System) -> KernelTarget:
    """Return a kernel as far as its signatures go: an installed one, whose headers need not be there."""
    build = sysroot.resolve(system.root, system.modules(release) / "build")
    for path in (build / ".config", system.root / f"boot/config-{release}", system.modules(release) / "config"):
        if path.is_file():
            config = kernel.parse_config(path.read_text(errors="replace"))
            break
    else:
        # Then only what the running kernel says of itself counts.
        config = {"CONFIG_MODULE_SIG": "y"}
    return KernelTarget(release, build, config, build / "Module.symvers", "", None)


def _observed(system: System) -> tuple[str, ...]:
    signs = []
    if _text(system, "sys/module/module/parameters/sig_enforce") in _ON:
        signs.append("the running kernel enforces signatures: /sys/module/module/parameters/sig_enforce is Y")
    lockdown = re.search(r"\[(\w+)\]", _text(system, "sys/kernel/security/lockdown"))
    if lockdown and lockdown[1] in _LOCKED:
        signs.append(f"the running kernel is locked down: /sys/kernel/security/lockdown is {lockdown[1]}")
    return tuple(signs)


def _expected(config: Mapping[str, str], cmdline: str, state: SecureBoot) -> tuple[str, ...]:
    signs = [f"{option}=y" for option in _ALWAYS if config.get(option) == "y"]
    locks = _LOCKED if config.get("CONFIG_SECURITY_LOCKDOWN_LSM") == "y" else ()
    asking = {"module.sig_enforce": ("", *_ON), "lockdown": locks}
    for word in cmdline.split():
        name, _, value = word.partition("=")
        if value in asking.get(name, ()):
            signs.append(f"{word} on the command line of this boot")
    if state is SecureBoot.ON:
        signs += [f"Secure Boot is on, and {option}=y" for option in _WITH_SECURE_BOOT if config.get(option) == "y"]
    return tuple(signs)


_ALWAYS = (
    "CONFIG_MODULE_SIG_FORCE",
    "CONFIG_LOCK_DOWN_KERNEL_FORCE_INTEGRITY",
    "CONFIG_LOCK_DOWN_KERNEL_FORCE_CONFIDENTIALITY",
)
_WITH_SECURE_BOOT = (
    # Debian's, Ubuntu's, Fedora's and SUSE's: lockdown follows Secure Boot.
    "CONFIG_LOCK_DOWN_IN_EFI_SECURE_BOOT",
    # On x86 and ppc, arch_get_ima_policy() then sets sig_enforce.
    "CONFIG_IMA_ARCH_POLICY",
)


def _text(system: System, path: str) -> str:
    try:
        return (system.root / path).read_text().strip()
    except OSError:
        return ""
