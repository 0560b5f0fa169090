# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether two modules are the same to the loader, and if not, where they part. Pure: nothing is read or written.

Compared is what the loader puts into memory: every allocated section (type, flags, size, alignment, contents) and
every relocation of one (offset, type, resolved target). Not compared here are the sections in EXEMPT, each for the
reason given there, and of BTF_IDS only the meaning; docs/proofs.md explains them to users.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from elftools.elf.enums import ENUM_RELOC_TYPE_AARCH64, ENUM_RELOC_TYPE_x64

from omatic.elf import BTF_ID, SHF_EXECINSTR, SHF_STRINGS, SHF_WRITE, Module, Relocation, Section

EXEMPT: Mapping[str, str] = {
    ".note.gnu.build-id": "a hash of the whole file, debug information and its paths included",
    ".modinfo": "compared key by key, because their order and the signing differ",
    "__versions": "compared as a map, because its order is free",
    "__version_ext_crcs": "the same table in its extended form",
    "__version_ext_names": "the same table in its extended form",
}
"""The allocated sections that may differ as bytes, each with its reason."""

BTF_IDS = ".BTF_ids"
"""Slots that a tool of the kernel's build fills, after compilation, with numbers of types counted from those of the
whole kernel. Without the kernel's BTF they stay zero, so what is compared is which type each slot is for."""

_MACHINES = {62: ENUM_RELOC_TYPE_x64, 183: ENUM_RELOC_TYPE_AARCH64}
_SHOWN_STRINGS, _SHOWN_RELOCATIONS = 8, 20


@dataclass(frozen=True, slots=True)
class SectionDifference:
    """A section that differs: in which properties and, if in its bytes, where and in how many.

    `where` is the first differing byte as `function+0x1f`; `strings` what each side alone says, in string sections
    and read-only data.
    """

    name: str
    properties: tuple[str, ...]
    first: int | None = None
    count: int = 0
    where: str = ""
    strings: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())


@dataclass(frozen=True, slots=True)
class Renamed:
    """A relocation that changed its callee as planned, and nothing else."""

    section: str
    offset: int
    type: str
    old: str
    new: str
    function: str


@dataclass(frozen=True, slots=True)
class RelocationDifference:
    """A relocation that differs in any other way; an empty side means that it exists on the other one only."""

    section: str
    offset: int
    first: str
    second: str
    function: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything in which two modules differ, beside what was compared and found equal."""

    compared: tuple[str, ...]
    exempt: tuple[str, ...]
    relocations_compared: int
    only_first: tuple[str, ...] = ()
    only_second: tuple[str, ...] = ()
    sections: tuple[SectionDifference, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    relocations: tuple[RelocationDifference, ...] = ()

    @property
    def equal_but_renamed(self) -> bool:
        """Whether nothing differs except the planned callees."""
        return not (self.only_first or self.only_second or self.sections or self.relocations)

    @property
    def equal(self) -> bool:
        """Whether nothing differs at all."""
        return self.equal_but_renamed and not self.renamed

    @property
    def first_function(self) -> str:
        """The first place that differs beyond the planned callees, code before data, or an empty string."""
        places = [*(s.where for s in self.sections if s.where), *(r.function for r in self.relocations)]
        return places[0] if places else ""

    @property
    def amount(self) -> str:
        """How much was compared, in words."""
        return f"{len(self.compared)} sections and {self.relocations_compared} relocations"

    def words(self) -> Iterator[str]:
        """Say what differs beyond the planned callees, the weightiest first; then how many callees do."""
        at = f" (first at {self.first_function})" if self.first_function else ""
        if self.sections:
            yield f"{listed([s.name for s in self.sections])} {'differ' if len(self.sections) > 1 else 'differs'}{at}"
        elif self.relocations:
            yield f"{len(self.relocations)} relocations differ{at}"
        if self.only_first or self.only_second:
            yield f"only one side has {listed([*self.only_first, *self.only_second])}"
        if self.renamed:
            yield f"{len(self.renamed)} callees differ"

    def facts(self) -> dict[str, object]:
        """Return the comparison as evidence for JSON; long lists are cut, their length is kept."""
        facts: dict[str, object] = {
            "sections": {"count": len(self.compared), "compared": list(self.compared)},
            "exempt": list(self.exempt),
            "relocations": self.relocations_compared,
        }
        if not self.equal_but_renamed:
            facts["differences"] = {
                "only_first": list(self.only_first),
                "only_second": list(self.only_second),
                "sections": [asdict(s) for s in self.sections],
                "relocations": [asdict(r) for r in self.relocations[:_SHOWN_RELOCATIONS]],
                "relocations_count": len(self.relocations),
                "first": self.first_function,
            }
        return facts


def listed(names: Sequence[str]) -> str:
    """Return the first names of a list in words."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def compare(a: Module, b: Module, *, renames: Mapping[str, str]) -> Difference:
    """Compare two modules; `renames` says which imported symbol of `a` may be which one in `b`."""
    first, second = (sorted(set(module.sections) - EXEMPT.keys()) for module in (a, b))
    common = sorted(set(first) & set(second))
    renamed: list[Renamed] = []
    others: list[RelocationDifference] = []
    for name in common:
        for found in _relocations(a, b, name, renames):
            if isinstance(found, Renamed):
                renamed.append(found)
            else:
                others.append(found)
    sections = [changed for name in common if (changed := _section(a, b, name))]
    return Difference(
        compared=tuple(common),
        exempt=tuple(sorted((a.sections.keys() | b.sections.keys()) & EXEMPT.keys())),
        relocations_compared=sum(len(a.relocations.get(name, ())) for name in common),
        only_first=tuple(sorted(set(first) - set(second))),
        only_second=tuple(sorted(set(second) - set(first))),
        sections=tuple(sorted(sections, key=lambda s: (not _is_code(a, s.name), s.name))),
        renamed=tuple(renamed),
        relocations=tuple(sorted(others, key=lambda r: (not _is_code(a, r.section), r.section, r.offset))),
    )


def _is_code(module: Module, section: str) -> bool:
    return bool(module.sections[section].flags & SHF_EXECINSTR)


def _section(a: Module, b: Module, name: str) -> SectionDifference | None:
    one, two = a.sections[name], b.sections[name]
    if name == BTF_IDS:
        one, two = replace(one, data=_slots(a)), replace(two, data=_slots(b))
    if one == two:
        return None
    changed = tuple(p for p in ("type", "flags", "size", "align", "entry") if getattr(one, p) != getattr(two, p))
    if one.data == two.data:
        return SectionDifference(name, changed)
    pairs = enumerate(zip(one.data, two.data, strict=False))
    differing = [offset for offset, (x, y) in pairs if x != y]
    shorter, longer = sorted((len(one.data), len(two.data)))
    first = differing[0] if differing else shorter
    return SectionDifference(
        name,
        (*changed, "bytes"),
        first,
        len(differing) + longer - shorter,
        a.enclosing(name, first),
        _strings(one, two),
    )


def _slots(module: Module) -> bytes:
    """Return the slots of .BTF_ids as text: what each is for, without the line and counter that make it unique."""
    slots = sorted((s.value, s.name.rstrip("0123456789")) for s in module.symbols if s.section == BTF_IDS)
    return "\0".join(f"{offset:#x} {name}" for offset, name in slots if name.startswith(BTF_ID)).encode()


def _strings(one: Section, two: Section) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the strings that only one of two sections has; constant data without string flag holds them too."""
    if one.flags & (SHF_EXECINSTR | SHF_WRITE) or not (one.flags & SHF_STRINGS or one.name.startswith(".rodata")):
        return (), ()
    left, right = ({part for part in s.data.split(b"\0") if part.isascii() and len(part) > 2} for s in (one, two))
    return _shown(left - right), _shown(right - left)


def _shown(parts: set[bytes]) -> tuple[str, ...]:
    printable = sorted(text for part in parts if (text := part.decode().rstrip("\n")).isprintable())
    return tuple(printable[:_SHOWN_STRINGS])


def _relocations(
    a: Module, b: Module, section: str, renames: Mapping[str, str]
) -> Iterator[Renamed | RelocationDifference]:
    one, two = a.relocations.get(section, ()), b.relocations.get(section, ())
    if one == two:
        return
    left, right = _by_offset(one), _by_offset(two)
    for offset in sorted(left.keys() | right.keys()):
        old, new = left.get(offset, ()), right.get(offset, ())
        if old == new:
            continue
        place = a.enclosing(section, offset)
        if len(old) == len(new) == 1 and _is_rename(old[0], new[0], renames):
            kind = _type_name(a, old[0].type)
            yield Renamed(section, offset, kind, old[0].symbol, new[0].symbol, place)
        else:
            yield RelocationDifference(section, offset, _text(a, old), _text(b, new), place)


def _by_offset(relocations: tuple[Relocation, ...]) -> dict[int, tuple[Relocation, ...]]:
    found: dict[int, tuple[Relocation, ...]] = {}
    for relocation in relocations:
        found[relocation.offset] = (*found.get(relocation.offset, ()), relocation)
    return found


def _is_rename(old: Relocation, new: Relocation, renames: Mapping[str, str]) -> bool:
    """Tell whether only the name of an imported symbol changed, and as planned."""
    twin = renames.get(old.symbol)
    return twin is not None and old._replace(symbol=twin) == new


def _type_name(module: Module, kind: int) -> str:
    names: Mapping[str, int] = _MACHINES.get(module.machine, {})
    return next((name for name, number in names.items() if number == kind), f"type {kind}")


def _text(module: Module, relocations: tuple[Relocation, ...]) -> str:
    return ", ".join(f"{_type_name(module, r.type)} {r.symbol or r.section}{r.addend:+#x}" for r in relocations)
