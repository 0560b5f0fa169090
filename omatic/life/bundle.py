# SPDX-License-Identifier: GPL-2.0-or-later
"""One archive with proven modules for one kernel, for machines that have neither compiler nor network.

    manifest.json        the kernel and its package, each module's stock counterpart by checksum, a SHA-256 of all files
    manifest.json.sig    who made it, if `--sign-with` was given (ssh-keygen -Y sign)
    config               the kernel's configuration
    modules/*.ko         pfq_hook, pfq and the drivers
    proofs/*.json        what was proven of each driver, as `build --json` prints it

Where it is installed, the release, the package's version and the stock modules must be the very ones that the proofs
were made with. Nothing is unpacked but what the manifest names.
"""

import hashlib
import io
import json
import re
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import zstandard

from omatic import __version__, elf, kernel, log, packages, proc, stock
from omatic.dirs import sha256, write_atomically
from omatic.errors import (
    CommandError,
    InstallFailed,
    KernelMissing,
    SourceCorrupt,
    SourceNotFound,
    UnknownDriver,
    UsageError,
)
from omatic.life.install import Delivery, Ready
from omatic.life.system import System
from omatic.model import KernelTarget, PackageId
from omatic.pipeline import Outcome
from omatic.verify import VENDOR

_FORMAT = 1
_MANIFEST, _SIGNATURE, _CONFIG = "manifest.json", "manifest.json.sig", "config"
_NAMESPACE = "pfq-omatic-bundle"
_MEMBER = re.compile(r"manifest\.json(\.sig)?|config|(modules|proofs)/[\w-][\w.-]*")
_LARGEST = 256 << 20


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened bundle: what it is for and what it holds. `stock` has the checksum of each driver's stock module,
    uncompressed and unsigned."""

    release: str
    package: PackageId | None
    compiler: str
    config: Path
    core: tuple[Path, Path]
    modules: tuple[Ready, ...]
    stock: Mapping[str, str]


# --- making one


def write(outcomes: Sequence[Outcome], delivery: Delivery, file: Path, sign_with: Path | None) -> None:
    """Write a bundle of proven drivers, all or nothing."""
    for ready in delivery.modules:
        if ready.provenance == VENDOR:
            raise UsageError(
                f"{ready.name} is built from a vendor's source, which no bundle vouches for",
                hint="leave out --bundle, and install it where it is built",
            )
    target = delivery.target
    content: dict[str, bytes] = {_CONFIG: (target.build_dir / ".config").read_bytes()}
    content |= {f"modules/{path.name}": path.read_bytes() for path in delivery.core}
    drivers = []
    for outcome, ready in zip(outcomes, delivery.modules, strict=True):
        content[f"modules/{ready.file.name}"] = ready.file.read_bytes()
        content[f"proofs/{ready.name}.json"] = json.dumps(outcome.to_json(), indent=1).encode()
        drivers.append({
            "name": ready.name, "file": f"modules/{ready.file.name}", "intree": str(ready.intree),
            "sites": ready.sites, "provenance": ready.provenance, "forced": ready.forced,
            "stock": _image(outcome.choice.module.path),
        })  # fmt: skip
    manifest = {
        "format": _FORMAT,
        "made_by": f"pfq-omatic {__version__}",
        "release": target.release,
        "package": asdict(target.package) if target.package else None,
        "compiler": target.compiler,
        "core": [f"modules/{path.name}" for path in delivery.core],
        "drivers": drivers,
        "sha256": {name: _digest(data) for name, data in sorted(content.items())},
    }
    content[_MANIFEST] = json.dumps(manifest, indent=1).encode() + b"\n"
    if sign_with is not None:
        content[_SIGNATURE] = _sign(content[_MANIFEST], sign_with)
    write_atomically(file, _pack(content))
    log.info(f"{file}: {', '.join(ready.name for ready in delivery.modules)} for {target.release}")


def _image(module: Path) -> str:
    # As the kernel loads it: compression and signature differ where the code does not.
    return _digest(elf.read_module(module))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _pack(content: Mapping[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        # The manifest first, so that a look at it need not unpack the rest; no times: equal content, equal bundle.
        for name in sorted(content, key=lambda name: (not name.startswith(_MANIFEST), name)):
            member = tarfile.TarInfo(name)
            member.size = len(content[name])
            tar.addfile(member, io.BytesIO(content[name]))
    return zstandard.ZstdCompressor(level=10).compress(archive.getvalue())


def _sign(manifest: bytes, key: Path) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / _MANIFEST
        path.write_bytes(manifest)
        proc.run(["ssh-keygen", "-Y", "sign", "-n", _NAMESPACE, "-f", key.absolute(), path])
        return (Path(name) / _SIGNATURE).read_bytes()


# --- opening one


@contextmanager
def opened(file: Path, trust: Path | None) -> Iterator[Bundle]:
    """Unpack and check a bundle for the length of the block; `trust` is a file of allowed signers, one of whom must
    have signed it."""
    if not file.is_file():
        raise SourceNotFound(f"there is no bundle {file}", hint="make one: pfq-omatic build DRIVER --bundle FILE")
    with tempfile.TemporaryDirectory(prefix="pfq-omatic.") as name:
        folder = Path(name)
        _unpack(file, folder)
        _check_signature(file, folder, trust)
        yield _read(file, folder)


def _corrupt(file: Path, why: str) -> SourceCorrupt:
    return SourceCorrupt(f"{file} cannot be used: {why}", hint="copy it again, or make a new one with build --bundle")


def _unpack(file: Path, folder: Path) -> None:
    try:
        with (
            file.open("rb") as packed,
            zstandard.ZstdDecompressor().stream_reader(packed) as stream,
            tarfile.open(fileobj=stream, mode="r|") as tar,
        ):
            for member in tar:
                if not _MEMBER.fullmatch(member.name) or not member.isreg() or member.size > _LARGEST:
                    raise _corrupt(file, f"it has no business to hold {member.name!r}")
                content = tar.extractfile(member)
                assert content is not None, "a regular file"
                path = folder / member.name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content.read())
    except (zstandard.ZstdError, tarfile.TarError, EOFError) as error:
        raise _corrupt(file, f"it is damaged ({error})") from error


def _check_signature(file: Path, folder: Path, trust: Path | None) -> None:
    signature = folder / _SIGNATURE
    if trust is None:
        if signature.is_file():
            log.info(f"{file.name} is signed; --trust FILE would check by whom")
        return
    if not trust.is_file():
        raise SourceNotFound(f"there is no file {trust}", hint="--trust takes a file of ssh's form ALLOWED SIGNERS")
    if not signature.is_file():
        raise _corrupt(file, f"it is not signed, and only signers in {trust} are trusted")
    given: tuple[str | Path, ...] = ("-f", trust.absolute(), "-s", signature)
    try:
        who = proc.run(["ssh-keygen", "-Y", "find-principals", *given]).stdout.splitlines()[0]
        text = (folder / _MANIFEST).read_text()
        proc.run(["ssh-keygen", "-Y", "verify", "-n", _NAMESPACE, "-I", who, *given], stdin=text)
    except (CommandError, OSError, IndexError) as error:
        raise _corrupt(file, f"its signature is of nobody in {trust}, or not of this content") from error
    log.info(f"{file.name} is signed by {who}")


def _ready(each: Mapping[str, Any], folder: Path) -> Ready:
    file, intree, forced = folder / each["file"], Path(each["intree"]), bool(each.get("forced", False))
    return Ready(each["name"], file, intree, int(each["sites"]), each["provenance"], forced)


def _read(file: Path, folder: Path) -> Bundle:
    try:
        manifest = json.loads((folder / _MANIFEST).read_text())
        if manifest["format"] != _FORMAT:
            raise _corrupt(file, f"its format is {manifest['format']}; this program knows {_FORMAT}")
        sums: dict[str, str] = manifest["sha256"]
        there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        wrong = [name for name in sums if not (folder / name).is_file() or sha256(folder / name) != sums[name]]
        wrong += sorted(there - sums.keys() - {_MANIFEST, _SIGNATURE})
        if wrong:
            raise _corrupt(file, f"{', '.join(wrong)}: not what its manifest says")
        hook, core = (folder / name for name in manifest["core"] if name in sums)
        package = PackageId(**manifest["package"]) if manifest["package"] else None
        modules = tuple(_ready(each, folder) for each in manifest["drivers"] if each["file"] in sums)
        checksums = {each["name"]: each["stock"] for each in manifest["drivers"]}
        return Bundle(
            manifest["release"], package, manifest["compiler"], folder / _CONFIG, (hook, core), modules, checksums
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _corrupt(file, f"its manifest makes no sense ({error})") from error


# --- installing from it


def delivery(bundle: Bundle, drivers: Sequence[str], system: System) -> Delivery:
    """Return what is to be installed (no names: all drivers); raise if this machine's kernel is not the bundle's."""
    wanted = [stock.module_name(name) for name in drivers]
    held = {ready.name: ready for ready in bundle.modules}
    if unknown := [name for name in wanted if name not in held]:
        raise UnknownDriver(f"the bundle has no {', '.join(unknown)}", hint=f"it has: {', '.join(held)}")
    chosen = tuple(held[name] for name in wanted or held)
    here = stock.installed(bundle.release, system.root / "lib/modules")
    if here is None:
        raise KernelMissing(
            f"the bundle is for kernel {bundle.release}, which is not installed here",
            hint="make a bundle for this machine's kernel: pfq-omatic build DRIVER --kernel RELEASE --bundle FILE",
        )
    index = stock.Index(here)
    for ready in chosen:
        module = index.get(ready.name)
        if module is None:
            raise UnknownDriver(f"{bundle.release} has no {ready.name} here", hint="install the kernel's own modules")
        _same_kernel(bundle, ready, module.path, system)
    return Delivery(_target(bundle, system), bundle.core, chosen)


def _same_kernel(bundle: Bundle, ready: Ready, module: Path, system: System) -> None:
    hint = "make the bundle on a machine with the same kernel package, or bring this one up to date"
    if system.root == Path("/") and bundle.package is not None:
        owner = packages.owner(module) or packages.owner(Path("/usr") / module.relative_to("/"))
        if owner is not None and owner.version != bundle.package.version:
            raise InstallFailed(
                f"the bundle is for {bundle.release} of package version {bundle.package.version}; "
                f"here it is {owner.version} ({owner.name})",
                hint=hint,
            )
    if _image(module) != bundle.stock[ready.name]:
        raise InstallFailed(f"{module} is not the stock module that the bundle's proofs were made with", hint=hint)


def _target(bundle: Bundle, system: System) -> KernelTarget:
    build = system.modules(bundle.release) / "build"
    config = kernel.parse_config(bundle.config.read_text(errors="replace"))
    return KernelTarget(bundle.release, build, config, build / "Module.symvers", bundle.compiler, bundle.package)
