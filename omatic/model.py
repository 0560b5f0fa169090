# SPDX-License-Identifier: GPL-2.0-or-later
"""The words of the domain: what each stage takes and returns, as frozen values.

    DriverUnit --fetch--> SourceTree --cflags--> Compilation --sites--> Scan --plan--> Plan
    Plan --rewrite--> Rewritten --kbuild--> Built --verify--> Report

Nothing here touches the world. Offsets are in bytes, because files are bytes and libclang counts bytes.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PackageId:
    """A distribution package and its exact version, e.g. linux-headers-6.1.0-56-amd64 6.1.192-2."""

    name: str
    version: str
    source: str
    source_version: str
    distribution: str


@dataclass(frozen=True, slots=True)
class StockKernel:
    """The kernel as the distribution ships it: its modules and its boot image.

    `modules` is the folder that holds `kernel/`, `modules.builtin` and so on. `origin` is "installed", or "package"
    when the image package is not installed and was unpacked into the cache. `image` may be missing.
    """

    modules: Path
    image: Path | None
    origin: str


@dataclass(frozen=True, slots=True)
class KernelTarget:
    """One kernel to build for: everything that later stages need to know of it.

    `build_dir` is where `make` is entered (/lib/modules/RELEASE/build), `config` the parsed .config ("y", "m" or a
    value by option name, CONFIG_ included), `compiler` the program that the headers name. `root` is the root that the
    kernel is installed below, its compiler too; all paths are from here.
    """

    release: str
    build_dir: Path
    config: Mapping[str, str] = field(repr=False, hash=False, compare=False)
    symvers: Path
    compiler: str
    package: PackageId | None
    root: Path = Path("/")

    @property
    def place(self) -> str:
        """The name of what is kept for it: its release, and which other root it is below."""
        below = hashlib.sha256(str(self.root).encode()).hexdigest()[:8]
        return self.release if self.root == Path("/") else f"{self.release}@{below}"

    @property
    def modversions(self) -> bool:
        """Whether exported symbols carry CRCs; without them equal zeros prove nothing."""
        return self.config.get("CONFIG_MODVERSIONS") == "y"


@dataclass(frozen=True, slots=True)
class StockModule:
    """A module as the distribution ships it.

    `name` is what lsmod prints (underscores); `intree` its path below the kernel tree without compression suffix,
    e.g. drivers/net/ethernet/intel/e1000e/e1000e.ko; `path` the file, possibly compressed.
    """

    name: str
    path: Path
    intree: Path

    @property
    def folder(self) -> Path:
        """The in-tree folder of its sources."""
        return self.intree.parent

    @property
    def object_name(self) -> str:
        """The kbuild name of the module, as its Makefile spells it (dashes kept)."""
        return self.intree.name.removesuffix(".ko")


@dataclass(frozen=True, slots=True)
class CompileCommand:
    """How kbuild compiles one C file: `source` and `output` relative to the tree where they are below it, the
    compiler's arguments without the compiler itself, and the folder that relative paths in them count from."""

    source: str
    output: str
    arguments: tuple[str, ...]
    directory: Path


class Kind(Enum):
    """What a mention of a delivery function is. Every mention ends in one class; UNEXPLAINED is a refusal."""

    CALL = "call"
    ADDRESS = "address taken"
    MACRO = "macro body"
    INACTIVE = "inactive"
    COMMENT = "comment"
    STRING = "string"
    LOCAL = "same name, other thing"
    DECLARATION = "declaration"
    UNEXPLAINED = "unexplained"


REWRITTEN = (Kind.CALL, Kind.ADDRESS, Kind.MACRO)
"""The kinds of mention that are rewritten; the others stay as they are."""


@dataclass(frozen=True, slots=True)
class Site:
    """One mention of a delivery function in the driver's files.

    `path` is relative to the tree; `offset` counts bytes; `line` and `column` from 1. `function` is the enclosing
    function, where there is one. `units` are the C files in whose compilation the mention is active.
    """

    path: str
    offset: int
    line: int
    column: int
    name: str
    kind: Kind
    function: str | None = None
    note: str = ""
    units: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParseError:
    """An error that libclang reported in a candidate file: it could hide a site, so it is a refusal."""

    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Scan:
    """Every mention of every delivery function in a unit's files, and what went wrong while looking."""

    sites: tuple[Site, ...]
    errors: tuple[ParseError, ...]


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement in one file: bytes start to end, which must read `expected`, become `replacement`."""

    path: str
    start: int
    end: int
    expected: str
    replacement: str
    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All that will be changed: the edits, the twins they use, and the C files whose compilation needs the twins."""

    sites: tuple[Site, ...]
    edits: tuple[Edit, ...]
    twins: tuple[str, ...]
    units: tuple[str, ...]

    @property
    def rewritten(self) -> tuple[Site, ...]:
        """The sites that are rewritten."""
        return tuple(site for site in self.sites if site.kind in REWRITTEN)


class Verdict(Enum):
    """What a check found: it holds, it does not, or it does not apply (with the reason as evidence)."""

    PASS = "pass"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Check:
    """One proof: its name, its verdict and the evidence, a JSON-able mapping with at least `summary`."""

    name: str
    verdict: Verdict
    evidence: Mapping[str, object] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Report:
    """All proofs of one module."""

    checks: tuple[Check, ...]
    relocations_changed: int

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(check.verdict is not Verdict.FAIL for check in self.checks)


CHECKS = ("provenance", "minimality", "twin", "completeness", "abi", "identity", "imports")
"""The proofs of the table in docs/proofs.md, in the order in which they are shown."""
