# SPDX-License-Identifier: GPL-2.0-or-later
"""Is this machine fit for the work? One finding per thing that can be missing, each with what to do about it."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omatic import cindex, kernel, proc, sysroot, toolchain
from omatic.dirs import Cache
from omatic.errors import CommandError, OmaticError, ToolMissing
from omatic.life import signing
from omatic.life.system import System
from omatic.model import KernelTarget
from omatic.sysroot import HERE

_NEEDED_BYTES = 3 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `required` findings that are not `ok` keep `build` from working."""

    name: str
    ok: bool
    detail: str
    hint: str = ""
    required: bool = True

    def to_json(self) -> dict[str, object]:
        """Return it as JSON-able values."""
        return {
            "name": self.name, "ok": self.ok, "detail": self.detail, "hint": self.hint, "required": self.required,
        }  # fmt: skip


def examine(release: str | None, cache: Cache, root: Path = HERE) -> tuple[Finding, ...]:
    """Return all findings for building for that kernel (None: the running one)."""
    here = (*_TOOLS, *_providers()) if root == HERE else _BESIDE
    return (
        *_kernel(release, root),
        *(_tool(name, package, why) for name, package, why in here),
        _libclang(),
        _space(cache),
        *(_signatures(release) if root == HERE else ()),
        *(_tool(name, package, why, required=False) for name, package, why in _OPTIONAL),
    )


_TOOLS = (
    ("make", "make", "runs the kernel's build system"),
    ("objcopy", "binutils", "makes the binary twin"),
    ("tar", "tar", "unpacks sources"),
    ("xz", "xz-utils", "unpacks sources"),
    ("depmod", "kmod", "indexes modules"),
)
_APT = (
    ("apt-get", "apt", "fetches sources (or give them with --source)"),
    ("dpkg-deb", "dpkg", "unpacks packages"),
)
_DNF = (
    ("dnf", "dnf-plugins-core", "fetches sources (or give them with --source)"),
    ("rpm2cpio", "rpm", "unpacks packages"),
    ("cpio", "cpio", "unpacks packages"),
    ("patch", "patch", "applies the distribution's patches"),
)
_BESIDE = (
    ("unshare", "util-linux", "runs programs below the root"),
    ("objcopy", "binutils", "makes the binary twin"),
    ("tar", "tar", "unpacks sources"),
    ("xz", "xz-utils", "unpacks sources"),
    ("dpkg-deb", "dpkg", "unpacks packages"),
)
"""What is needed here where the kernel, and what builds for it, are below another root."""
_INSIDE = (
    ("make", "make", "runs the kernel's build system"),
    ("ld", "binutils", "links modules"),
    ("apt-get", "apt", "fetches sources (or give them with --source)"),
)
_OF_KERNEL = ("scripts/basic/fixdep", "scripts/mod/modpost")
"""Programs of the kernel's own that every build of modules runs."""
_OPTIONAL = (
    ("qemu-system-x86_64", "qemu-system-x86", "rehearse"),
    ("busybox", "busybox-static", "rehearse"),
    ("dpkg-source", "dpkg-dev", "kernels without a linux-source package"),
    ("spatch", "coccinelle", "a second opinion on sites"),
)


def _kernel(release: str | None, root: Path) -> list[Finding]:
    try:
        target = kernel.discover(release, root=root)
    except OmaticError as error:
        return [Finding("kernel headers", False, error.message, error.hint)]
    package = f"{target.package.name} {target.package.version}" if target.package else "no package owns them"
    crcs = "symbol CRCs (MODVERSIONS) on" if target.modversions else "symbol CRCs (MODVERSIONS) off"
    headers = Finding("kernel headers", True, f"{target.release}: {package}, {crcs}")
    compiler = _program(target, target.compiler, "the compiler that the headers name")
    return [headers, compiler] if root == HERE else [headers, compiler, *_below(target)]


def _below(target: KernelTarget) -> Iterator[Finding]:
    """Yield what there is to say of the root that another kernel is installed below."""
    inside = [_program(target, name, why, package) for name, package, why in _INSIDE]
    yield from inside
    for name in _OF_KERNEL:
        path = sysroot.resolve(target.root, target.build_dir / name)
        hint = f"chroot {target.root} apt-get install --reinstall linux-headers-{target.release}"
        yield Finding(name, path.is_file(), str(path) if path.is_file() else f"there is no {path}", hint)
    if proc.available("unshare") and all(finding.ok for finding in inside):
        yield _runs(target)


def _runs(target: KernelTarget) -> Finding:
    name = f"programs below {target.root}"
    try:
        found = toolchain.of_kernel(target)
    except CommandError as error:
        refused = sysroot.refusal(error.output)
        hint = "run as root, or allow user namespaces" if refused else "repair that root: its programs do not run"
        return Finding(name, False, refused or error.message, hint)
    except OmaticError as error:
        return Finding(name, False, error.message, error.hint)
    said = (found.compiler, found.linker, found.make)
    if not all(said) or "unknown" in said:
        return Finding(name, False, "not all of them say their version", "repair that root: its programs do not run")
    return Finding(name, True, "; ".join((*said, found.kbuild)))


def _program(target: KernelTarget, name: str, why: str, package: str | None = None) -> Finding:
    try:
        found = sysroot.find(target.root, name)
    except ToolMissing as error:
        below = f"chroot {target.root} " if target.root != HERE else ""
        return Finding(name, False, error.message, f"{below}apt-get install {package}" if package else error.hint)
    return Finding(name, True, f"{sysroot.outside(target.root, found)} ({why})")


def _providers() -> tuple[tuple[str, str, str], ...]:
    return _DNF if proc.available("rpm") and not proc.available("dpkg-query") else _APT


def _tool(name: str, package: str, why: str, *, required: bool = True) -> Finding:
    if not proc.available(name):
        return Finding(name, False, f"not installed ({why})", f"apt-get install {package}", required)
    return Finding(name, True, f"{proc.find(name)} ({why})", required=required)


def _libclang() -> Finding:
    try:
        return Finding("libclang", True, cindex.version())
    except OmaticError as error:
        return Finding("libclang", False, error.message, error.hint)


def _signatures(release: str | None) -> list[Finding]:
    try:
        target = kernel.discover(release)
    except OmaticError:
        # The missing headers are a finding of their own.
        return []
    verdict = signing.examine(target, System())
    # What cannot be loaded can still be built.
    return [Finding("module signatures", verdict.loads, verdict.reason, verdict.hint, required=False)]


def _space(cache: Cache) -> Finding:
    place = next(folder for folder in (cache.root, *cache.root.parents) if folder.is_dir())
    free = shutil.disk_usage(place).free
    detail = f"{free / (1 << 30):.1f} GiB free in {cache.root}"
    return Finding("disk space", free >= _NEEDED_BYTES, detail, "3 GiB are enough; see --cache-dir", required=False)
