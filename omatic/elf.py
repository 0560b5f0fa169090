# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernel modules as files: decompressed, without signature, taken apart into sections, symbols and relocations.

The tables are unpacked with `struct` and not with pyelftools: that library needs 3 ms for the section headers of one
module, `list-supported` reads 450, and reading their symbols may take little longer than `nm -u`. The tests hold this
reader against pyelftools and nm. Modules of all 64-bit architectures are relocatable objects with RELA tables.
"""

import gzip
import lzma
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import zstandard

from omatic.errors import SourceCorrupt, SourceNotFound
from omatic.modinfo import Export, parse_extended_versions, parse_modinfo, parse_versions

SHT_SYMTAB, SHT_RELA, SHT_NOBITS = 2, 4, 8
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR, SHF_STRINGS = 0x1, 0x2, 0x4, 0x20
_SHN_UNDEF, _SHN_ABS, _SHN_COMMON, _SHN_XINDEX = 0, 0xFFF1, 0xFFF2, 0xFFFF
_STT_OBJECT, _STT_FUNC = 1, 2
_STB_WEAK = 2

ABSOLUTE = "*ABS*"
"""The section name of a symbol that is a plain number."""

BTF_ID = "__BTF_ID__"
"""How the names of the slots in .BTF_ids begin."""

_KSYM_FLAG_GPL_ONLY = 1

_UNREADABLE = (lzma.LZMAError, zstandard.ZstdError, zlib.error, gzip.BadGzipFile)

_SIGNATURE_MAGIC = b"~Module signature appended~\n"
_SIGNATURE = struct.Struct(">8xI")
"""struct module_signature: eight bytes of kinds and lengths, then the length of the signature, big endian."""


class Header(NamedTuple):
    """One entry of the section header table."""

    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry: int


class Symbol(NamedTuple):
    """A symbol. `section` is empty where it is undefined, and ABSOLUTE where it is a plain number."""

    name: str
    section: str
    value: int
    size: int
    kind: int
    binding: int


class Relocation(NamedTuple):
    """A place that the loader patches, and what it will point to.

    The target is an undefined `symbol` plus `addend` (then `section` is empty), or a place in the module itself,
    `section` plus `addend`: a defined symbol is resolved to where it is, so neither the order of the symbol table
    nor the name of a label makes a difference.
    """

    offset: int
    type: int
    symbol: str
    section: str
    addend: int


@dataclass(frozen=True, slots=True)
class Section:
    """An allocated section, as the loader sees it; `data` is empty for one that only reserves room."""

    name: str
    type: int
    flags: int
    size: int
    align: int
    entry: int
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Module:
    """A kernel module taken apart: what the loader puts into memory, what it imports and what it says of itself."""

    path: Path
    machine: int
    order: str
    sections: Mapping[str, Section] = field(repr=False)
    relocations: Mapping[str, tuple[Relocation, ...]] = field(repr=False)
    symbols: tuple[Symbol, ...] = field(repr=False)
    imports: frozenset[str] = field(repr=False)
    weak: frozenset[str] = field(repr=False)
    compilers: tuple[str, ...]

    @cached_property
    def modinfo(self) -> Mapping[str, tuple[str, ...]]:
        """Every value of every modinfo key."""
        return parse_modinfo(self.data_of(".modinfo"))

    @cached_property
    def versions(self) -> Mapping[str, int]:
        """The CRC expected of each imported symbol; empty without MODVERSIONS."""
        with _reading(self.path):
            basic = parse_versions(self.data_of("__versions"), self.order)
            names = self.data_of("__version_ext_names")
            return basic | parse_extended_versions(self.data_of("__version_ext_crcs"), names, self.order)

    @cached_property
    def exports(self) -> Mapping[str, Export]:
        """The symbols that other modules can use."""
        with _reading(self.path):
            found = [*_exports(self, "", gpl=False), *_exports(self, "_gpl", gpl=True)]
        return {export.name: export for export in found}

    def enclosing(self, section: str, offset: int) -> str:
        """Return the symbol in which a place lies as `name+0x1f`, or `section+0x1f` where none covers it."""
        starts, symbols = self._landmarks.get(section, ((), ()))
        index = bisect_right(starts, offset) - 1
        if index >= 0 and offset < symbols[index].value + max(symbols[index].size, 1):
            return f"{symbols[index].name}+{offset - symbols[index].value:#x}"
        return f"{section}+{offset:#x}"

    @cached_property
    def _landmarks(self) -> Mapping[str, tuple[tuple[int, ...], tuple[Symbol, ...]]]:
        grouped: dict[str, list[Symbol]] = {}
        for symbol in self.symbols:
            grouped.setdefault(symbol.section, []).append(symbol)
        ordered = {name: sorted(group, key=lambda s: (s.value, s.size)) for name, group in grouped.items()}
        return {name: (tuple(s.value for s in group), tuple(group)) for name, group in ordered.items()}

    def data_of(self, section: str) -> bytes:
        """Return the contents of a section, or nothing if there is no such section."""
        found = self.sections.get(section)
        return found.data if found else b""


def read_module(path: Path) -> bytes:
    """Return the ELF image of a module: decompressed (told by its first bytes) and without appended signature."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise SourceNotFound(f"there is no module {path}", hint="check the path") from error
    with _reading(path):
        image, _ = _split_signature(_decompress(raw))
        if image[:5] != b"\x7fELF\x02":
            raise ValueError("not a 64-bit ELF file")
    return image


def read_signature(path: Path) -> bytes:
    """Return the PKCS#7 message that signs a module; empty if it is not signed."""
    with _reading(path):
        return _split_signature(_decompress(path.read_bytes()))[1]


def load(path: Path) -> Module:
    """Take a module apart."""
    with _reading(path):
        return _Image(path, read_module(path)).module()


def imports(path: Path) -> frozenset[str]:
    """Return the names of the undefined symbols, quickly: what `nm -u` prints."""
    with _reading(path):
        return _Image(path, read_module(path)).undefined()


def modinfo(path: Path) -> Mapping[str, tuple[str, ...]]:
    """Return what the module says of itself, quickly."""
    with _reading(path):
        image = _Image(path, read_module(path))
        return parse_modinfo(b"".join(image.bytes_of(h) for h in image.headers if image.name_of(h) == ".modinfo"))


def stated(path: Path, key: str) -> str | None:
    """Return the first value of one of the module's modinfo keys, e.g. its version; None if it has none."""
    return next(iter(modinfo(path).get(key, ())), None)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong in a damaged file into one error."""
    try:
        yield
    except (*_UNREADABLE, struct.error, EOFError, LookupError, ValueError) as error:
        raise SourceCorrupt(
            f"{path} is not a readable kernel module ({error})",
            hint="reinstall the package that owns it, or build again",
        ) from error


def _decompress(raw: bytes) -> bytes:
    if raw.startswith(b"\xfd7zXZ\0"):
        return lzma.decompress(raw)
    if raw.startswith(b"\x28\xb5\x2f\xfd"):
        stream = zstandard.ZstdDecompressor().decompressobj()
        image: bytes = stream.decompress(raw)
        if not stream.eof:
            raise EOFError("the compressed data end too early")
        return image
    if raw.startswith(b"\x1f\x8b"):
        return gzip.decompress(raw)
    return raw


def _split_signature(image: bytes) -> tuple[bytes, bytes]:
    if not image.endswith(_SIGNATURE_MAGIC):
        return image, b""
    end = len(image) - len(_SIGNATURE_MAGIC) - _SIGNATURE.size
    (length,) = _SIGNATURE.unpack_from(image, end)
    if length > end:
        raise ValueError("the appended signature is longer than the file")
    return image[: end - length], image[end - length : end]


class _Image:
    """The tables of one ELF file."""

    def __init__(self, path: Path, image: bytes) -> None:
        self.path = path
        self.image = image
        self.order = "<" if image[5] == 1 else ">"
        self.headers = self._read_headers()
        self._names = self.bytes_of(self.headers[self._name_index])

    def _read_headers(self) -> list[Header]:
        kind, self.machine = struct.unpack_from(self.order + "HH", self.image, 16)
        if kind != 1:
            raise ValueError("not a relocatable object")
        (table,) = struct.unpack_from(self.order + "Q", self.image, 0x28)
        size, count, self._name_index = struct.unpack_from(self.order + "HHH", self.image, 0x3A)
        entry = struct.Struct(self.order + "IIQQQQIIQQ")
        if size != entry.size:
            raise ValueError(f"section headers of {size} bytes")
        return [Header(*entry.unpack_from(self.image, table + i * size)) for i in range(count)]

    def bytes_of(self, header: Header) -> bytes:
        """Return the contents of a section."""
        if header.type == SHT_NOBITS:
            return b""
        if header.offset + header.size > len(self.image):
            raise ValueError("a section reaches beyond the end of the file")
        return self.image[header.offset : header.offset + header.size]

    def name_of(self, header: Header) -> str:
        """Return the name of a section."""
        return _string(self._names, header.name)

    def undefined(self) -> frozenset[str]:
        """Return the names of the undefined symbols. Local symbols come first in the table and are skipped."""
        table = next((h for h in self.headers if h.type == SHT_SYMTAB), None)
        if table is None:
            return frozenset()
        entry = struct.Struct(self.order + "IBxH16x")
        strings = self.bytes_of(self.headers[table.link])
        data = memoryview(self.bytes_of(table))[table.info * entry.size :]
        found = entry.iter_unpack(data)
        return frozenset(_string(strings, name) for name, _, section in found if section == _SHN_UNDEF and name)

    def module(self) -> Module:
        """Return everything that the loader would see."""
        names = self._unique_names()
        sections = {
            names[i]: Section(names[i], h.type, h.flags, h.size, h.align, h.entry, self.bytes_of(h))
            for i, h in enumerate(self.headers)
            if h.flags & SHF_ALLOC
        }
        table = next((h for h in self.headers if h.type == SHT_SYMTAB), None)
        symbols = self._symbols(table, names) if table else []
        outside = [s for s in symbols if not s.section and s.name]
        comment = next((h for h in self.headers if self.name_of(h) == ".comment"), None)
        return Module(
            path=self.path,
            machine=self.machine,
            order=self.order,
            sections=sections,
            relocations=dict(self._relocations(names, symbols)),
            symbols=tuple(s for s in symbols if s.section in sections and _is_landmark(s)),
            imports=frozenset(s.name for s in outside),
            weak=frozenset(s.name for s in outside if s.binding == _STB_WEAK),
            compilers=tuple(sorted(set(_strings(self.bytes_of(comment))))) if comment else (),
        )

    def _unique_names(self) -> list[str]:
        """Return the names of all sections, the second of a name called name#2."""
        seen: dict[str, int] = {}
        names = []
        for header in self.headers:
            name = self.name_of(header)
            seen[name] = seen.get(name, 0) + 1
            names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
        return names

    def _symbols(self, table: Header, names: list[str]) -> list[Symbol]:
        strings = self.bytes_of(self.headers[table.link])
        result = []
        for name, info, index, value, size in struct.iter_unpack(self.order + "IBxHQQ", self.bytes_of(table)):
            if index == _SHN_XINDEX:
                raise ValueError("more sections than a module can have")
            special = {_SHN_UNDEF: "", _SHN_ABS: ABSOLUTE, _SHN_COMMON: "*COM*"}
            section = special[index] if index in special else names[index]
            result.append(Symbol(_string(strings, name), section, value, size, info & 0xF, info >> 4))
        return result

    def _relocations(self, names: list[str], symbols: list[Symbol]) -> Iterator[tuple[str, tuple[Relocation, ...]]]:
        for header in self.headers:
            if header.type != SHT_RELA or not self.headers[header.info].flags & SHF_ALLOC:
                continue
            found = []
            for offset, info, addend in struct.iter_unpack(self.order + "QQq", self.bytes_of(header)):
                target = symbols[info >> 32]
                symbol = "" if target.section else target.name
                found.append(Relocation(offset, info & 0xFFFFFFFF, symbol, target.section, target.value + addend))
            yield names[header.info], tuple(sorted(found))


def _is_landmark(symbol: Symbol) -> bool:
    """Tell whether a symbol names something: a function, an object, or a slot for a BTF type number."""
    return symbol.kind in (_STT_OBJECT, _STT_FUNC) or symbol.name.startswith(BTF_ID)


def _string(table: bytes, offset: int) -> str:
    return table[offset : table.index(b"\0", offset)].decode() if offset else ""


def _strings(data: bytes) -> Iterator[str]:
    return (part.decode(errors="replace") for part in data.split(b"\0") if part)


def _exports(module: Module, suffix: str, *, gpl: bool) -> Iterator[Export]:
    """Read one table of exported symbols: entries of value, name and namespace, filled in by relocations.

    An entry has 12 bytes where such references are relative (x86, arm64) and 24 where they are absolute. GPL-only
    symbols have a table of their own, or (7.x) a bit in the parallel table `__kflagstab`.
    """
    table = module.sections.get(f"__ksymtab{suffix}")
    if table is None or not table.size:
        return
    references = {r.offset: r for r in module.relocations.get(table.name, ())}
    step = 4 if any(offset % 8 for offset in references) else 8
    flags = module.data_of("__kflagstab")
    crcs = _crcs(module, f"__kcrctab{suffix}")
    for index in range(table.size // (3 * step)):
        name, namespace = (_text_at(module, references.get(step * (3 * index + field))) for field in (1, 2))
        only = bool(flags[index] & _KSYM_FLAG_GPL_ONLY) if flags else gpl
        yield Export(name, crcs[index] if crcs else None, only, namespace)


def _text_at(module: Module, reference: Relocation | None) -> str:
    if reference is None:
        return ""
    data = module.sections[reference.section].data
    return data[reference.addend : data.index(b"\0", reference.addend)].decode()


def _crcs(module: Module, table: str) -> list[int]:
    """Return the CRCs of a table: plain numbers, values of absolute `__crc_` symbols, or words in another section."""
    word = struct.Struct(module.order + "I")
    found = [crc for (crc,) in word.iter_unpack(module.data_of(table))]
    for reference in module.relocations.get(table, ()):
        crc = reference.addend
        if reference.section != ABSOLUTE:
            (crc,) = word.unpack_from(module.data_of(reference.section), crc)
        found[reference.offset // word.size] = crc & 0xFFFFFFFF
    return found
