# SPDX-License-Identifier: GPL-2.0-or-later
"""Find out everything about a kernel that is on this machine: headers, configuration, compiler, package.

Read only. What the image package ships (stock modules, boot image) is the business of `stock`.
"""

import os
import re
from pathlib import Path

from omatic import packages, sysroot
from omatic.errors import KernelMissing
from omatic.model import KernelTarget
from omatic.sysroot import HERE

MODULES = Path("/lib/modules")


def running() -> str:
    """Return the release of the running kernel, as uname -r prints it."""
    return os.uname().release


def releases(modules: Path = MODULES, root: Path = HERE) -> tuple[str, ...]:
    """Return the kernel releases that have headers on this machine, or below another root, oldest first."""
    modules = modules if root == HERE else sysroot.outside(root, MODULES)
    if not modules.is_dir():
        return ()
    found = (e.name for e in modules.iterdir() if (sysroot.resolve(root, e / "build") / "Makefile").is_file())
    return tuple(sorted(found, key=release_key))


def release_key(release: str) -> tuple[tuple[int, object], ...]:
    """Return a sort key that orders releases as kernel versions: 5.10.0 before 6.1.0-9 before 6.1.0-56."""
    parts = re.findall(r"\d+|[^\d]+", release)
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in parts)


def discover(release: str | None, modules: Path = MODULES, root: Path = HERE) -> KernelTarget:
    """Return the KernelTarget of a release (None: the running kernel, or the only one below another root); raise
    KernelMissing if it has no headers."""
    if root != HERE:
        modules = sysroot.outside(root, MODULES)
    wanted = release or _usual(root)
    build = sysroot.resolve(root, modules / wanted / "build")
    if "/" in wanted or not (build / "Makefile").is_file():
        raise _missing(wanted, release is None, modules, root)
    for name in (".config", "Module.symvers"):
        if not (build / name).is_file():
            raise KernelMissing(
                f"the headers of kernel {wanted} have no {name}",
                hint=f"apt-get install --reinstall linux-headers-{wanted}, or build that kernel's modules",
                details=(f"looked in {build.resolve()}",),
            )
    config = parse_config((build / ".config").read_text(errors="replace"))
    return KernelTarget(
        release=wanted,
        build_dir=build,
        config=config,
        symvers=sysroot.resolve(root, build / "Module.symvers"),
        compiler=compiler(config, build),
        package=packages.owner(sysroot.resolve(root, build / ".config"), root),
        root=root,
    )


def _usual(root: Path) -> str:
    # Below another root the running kernel means nothing.
    present = releases(root=root) if root != HERE else ()
    return present[0] if len(present) == 1 else running()


def _missing(wanted: str, is_running: bool, modules: Path, root: Path) -> KernelMissing:
    present = releases(modules, root)
    what = f"the running kernel {wanted}" if is_running else f"kernel {wanted}"
    if present:
        hint = f"choose one of those present with --kernel, or apt-get install linux-headers-{wanted}"
    else:
        hint = f"apt-get install linux-headers-{wanted} (or linux-headers-amd64 for the default kernel)"
    return KernelMissing(
        f"{what} has no headers here ({modules / wanted}/build)",
        hint=hint,
        details=tuple(f"present: {name}" for name in present) or ("present: none",),
    )


def parse_config(text: str) -> dict[str, str]:
    """Return the options of a .config; unset ones are absent, strings lose their quotes."""
    pairs = re.findall(r"^(CONFIG_\w+)=(.*)$", text, re.MULTILINE)
    return {name: value.strip('"') for name, value in pairs}


def compiler(config: dict[str, str], build: Path) -> str:
    """Return the compiler that the headers name: Debian's .kernelvariables first, else the .config's own text.

    CONFIG_CC_VERSION_TEXT is the first line of `$CC --version`, e.g. "gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0".
    """
    variables = build / ".kernelvariables"
    if variables.is_file():
        text = variables.read_text()
        # Since 7.x the prefix is always set; before, only where another architecture builds, which is not our case.
        always = re.sub(r"^if.*?^endif", "", text, flags=re.MULTILINE | re.DOTALL)
        prefix = re.search(r"^\s*(?:override )?CROSS_COMPILE\s*:?=\s*([\w.+-]+)\s*$", always, re.MULTILINE)
        if named := re.search(r"^\s*(?:override )?CC\b.*?([\w.+-]+)\s*$", text, re.MULTILINE):
            return (prefix[1] if prefix else "") + named[1]
    return config.get("CONFIG_CC_VERSION_TEXT", "gcc").split(" ")[0]


def base_version(target: KernelTarget) -> str:
    """Return the upstream version that the headers' Makefile names, e.g. "6.1.192" (or "6.1" without sublevel)."""
    text = "".join(path.read_text(errors="replace") for path in _makefiles(target))
    parts = [re.search(rf"^{name}\s*=\s*(\d+)", text, re.M) for name in ("VERSION", "PATCHLEVEL", "SUBLEVEL")]
    numbers = [part[1] for part in parts if part]
    return ".".join(numbers[:2] if numbers[2:] == ["0"] else numbers)


def source_version(target: KernelTarget) -> str:
    """Return the version of the sources: the package's, or what upstream calls it where there is no package."""
    return target.package.source_version if target.package else base_version(target) or target.release


def source_dir(target: KernelTarget) -> Path:
    """Return the folder of the kernel's top Makefile and common headers; Debian keeps it apart from the build's."""
    return _makefiles(target)[-1].parent


def _makefiles(target: KernelTarget) -> list[Path]:
    candidates = (target.build_dir / "Makefile", target.build_dir.parent / "source" / "Makefile")
    found = [path for path in candidates if path.is_file()]
    text = "".join(path.read_text(errors="replace") for path in found)
    # Debian's build Makefile only includes the common one.
    included = re.findall(r"^include\s+(\S+/Makefile)\s*$", text, re.MULTILINE)
    return [*found, *(sysroot.resolve(target.root, sysroot.outside(target.root, path)) for path in included)]
