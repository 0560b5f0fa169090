# SPDX-License-Identifier: GPL-2.0-or-later
"""Comparing modules: planned callees are counted, every other difference is found and located."""

from pathlib import Path

import pytest

from omatic import elf, proc
from omatic.compare import Difference, compare

RENAMES = {"napi_gro_receive": "pfq_gro_receive", "netif_rx": "pfq_netif_rx"}

DRIVER = """
    .section .modinfo,"a"
    .asciz "license=GPL"
    .section .note.gnu.build-id,"a",%note
    .long 4, 4, 3, 0x554e47, 0x1234
    .section __versions,"a"
    .quad 1
    .ascii "napi_gro_receive"
    .fill 40
    .text
    .type first, @function
first:
    call napi_gro_receive
    call printk
    .quad .Lmessage
    ret
    .size first, .-first
    .globl second
    .type second, @function
second:
    call netif_rx
    ret
    .size second, .-second
    .section .rodata.str1.1,"aMS",@progbits,1
.Lmessage:
    .asciz "link is up"
    .asciz "link is down"
    .section .table,"aw"
    .balign 8
    .quad first
    .quad second
    .bss
    .skip 64
    .section .debug_info
    .quad first
"""


def build(folder: Path, source: str) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    text, made = folder / "toy.s", folder / "toy.ko"
    text.write_text(source)
    proc.run(["as", "-mrelax-relocations=no", text, "-o", made])
    return made


def difference(tmp_path: Path, *changes: tuple[str, str], options: tuple[str, ...] = ()) -> Difference:
    """Compare the driver with itself after textual changes to its source and objcopy options."""
    source = DRIVER
    for old, new in changes:
        assert old in source, old
        source = source.replace(old, new)
    before, after = build(tmp_path / "a", DRIVER), build(tmp_path / "b", source)
    if options:
        proc.run(["objcopy", *options, after])
    return compare(elf.load(before), elf.load(after), renames=RENAMES)


def test_equal(tmp_path: Path) -> None:
    found = difference(tmp_path)
    assert found.equal and found.equal_but_renamed
    assert {".text", ".rodata.str1.1", ".table", ".bss"} <= set(found.compared)
    assert ".debug_info" not in found.compared
    assert found.exempt == (".modinfo", ".note.gnu.build-id", "__versions")
    assert found.relocations_compared == 6
    assert list(found.words()) == [] and "differences" not in found.facts()


EXEMPT = {
    "modinfo": ('"license=GPL"', '"license=Other"'),
    "build id": ("0x1234", "0x4321"),
    "versions": ("    .quad 1\n", "    .quad 2\n"),
    "debug information": (".section .debug_info\n", ".section .debug_info\n.quad 5\n"),
    "local label": (".Lmessage", ".Lother"),
    "symbol order": ('    .section .modinfo,"a"', '.globl netif_rx, printk\n    .section .modinfo,"a"'),
    "made global": (".type first", ".globl first\n.type first"),
}


@pytest.mark.parametrize("case", EXEMPT)
def test_does_not_matter(tmp_path: Path, case: str) -> None:
    assert difference(tmp_path, EXEMPT[case]).equal


def test_planned_callees_are_counted(tmp_path: Path) -> None:
    found = difference(
        tmp_path, ("napi_gro_receive\n    call", "pfq_gro_receive\n    call"), ("netif_rx", "pfq_netif_rx")
    )
    assert found.equal_but_renamed and not found.equal
    facts = [(r.section, r.offset, r.type, r.old, r.new, r.function) for r in found.renamed]
    assert facts == [
        (".text", 1, "R_X86_64_PLT32", "napi_gro_receive", "pfq_gro_receive", "first+0x1"),
        (".text", 20, "R_X86_64_PLT32", "netif_rx", "pfq_netif_rx", "second+0x1"),
    ]
    assert list(found.words()) == ["2 callees differ"]


OTHER_CALLEES = {
    "unplanned": ("call printk", "call vprintk"),
    "wrong twin": ("call netif_rx", "call pfq_gro_receive"),
    "backwards": ("call printk", "call netif_rx"),
    "another addend": ("call netif_rx", "call pfq_netif_rx+4"),
    "own function": ("call netif_rx", "call second_hand"),
}


@pytest.mark.parametrize("case", OTHER_CALLEES)
def test_other_callees_are_differences(tmp_path: Path, case: str) -> None:
    found = difference(tmp_path, OTHER_CALLEES[case])
    assert not found.equal_but_renamed and not found.renamed and not found.sections
    assert len(found.relocations) == 1
    assert found.relocations[0].function in ("first+0x6", "second+0x1") and found.first_function
    assert "R_X86_64_PLT32" in found.relocations[0].first


def test_one_byte_of_code(tmp_path: Path) -> None:
    found = difference(tmp_path, ("    ret\n    .size second", "    nop\n    .size second"))
    (section,) = found.sections
    assert (section.name, section.properties, section.first, section.count) == (".text", ("bytes",), 24, 1)
    assert section.where == "second+0x5" and section.strings == ((), ())
    assert next(found.words()) == ".text differs (first at second+0x5)"


def test_one_byte_of_a_string(tmp_path: Path) -> None:
    found = difference(tmp_path, ("link is down", "link is dowm"))
    (section,) = found.sections
    assert (section.name, section.count) == (".rodata.str1.1", 1)
    assert section.strings == (("link is down",), ("link is dowm",))


def test_an_extra_relocation(tmp_path: Path) -> None:
    """The bytes are equal, because a place to be relocated holds zeros."""
    found = difference(tmp_path, ("    .quad second\n", "    .quad 0\n"))
    assert not found.sections
    assert [(r.section, r.offset, r.second) for r in found.relocations] == [(".table", 8, "")]
    assert found.relocations[0].first == "R_X86_64_64 .text+0x13"


def test_swapped_functions(tmp_path: Path) -> None:
    """Equal bytes and equal names are not enough: the names must be in the same places."""
    found = difference(tmp_path, ("    .quad first\n    .quad second\n", "    .quad second\n    .quad first\n"))
    assert len(found.relocations) == 2 and not found.equal_but_renamed


@pytest.mark.parametrize("inside", [True, False])
def test_sections_on_one_side(tmp_path: Path, inside: bool) -> None:
    one, two = build(tmp_path / "a", DRIVER), build(tmp_path / "b", DRIVER)
    proc.run(["objcopy", "--remove-section=.table", "--remove-section=.rela.table", one if inside else two])
    found = compare(elf.load(one), elf.load(two), renames=RENAMES)
    assert (found.only_second if inside else found.only_first) == (".table",)
    assert not found.equal_but_renamed
    assert list(found.words()) == ["only one side has .table"]


PROPERTIES = {
    "flags": ("--set-section-flags", ".table=alloc,readonly,data"),
    "align": ("--set-section-alignment", ".table=32"),
}


@pytest.mark.parametrize("case", PROPERTIES)
def test_properties(tmp_path: Path, case: str) -> None:
    found = difference(tmp_path, options=PROPERTIES[case])
    assert [(s.name, s.properties) for s in found.sections] == [(".table", (case,))]


def test_size_of_reserved_room(tmp_path: Path) -> None:
    found = difference(tmp_path, (".skip 64", ".skip 72"))
    assert [(s.name, s.properties) for s in found.sections] == [(".bss", ("size",))]


BTF = """
    .section .BTF_ids,"a"
    .type __BTF_ID__func____bpf_trace_toy__{1}, @notype
__BTF_ID__func__{0}__{1}:
    .long {2}
"""


@pytest.mark.parametrize(
    ("second", "equal"),
    [(("toy", 77, 0), True), (("toy", 12, 129), True), (("joy", 12, 0), False)],
)
def test_btf_numbers_do_not_matter_but_their_types_do(
    tmp_path: Path, second: tuple[str, int, int], equal: bool
) -> None:
    marker = "    .bss\n"
    one = build(tmp_path / "a", DRIVER.replace(marker, BTF.format("toy", 12, 5) + marker))
    two = build(tmp_path / "b", DRIVER.replace(marker, BTF.format(*second) + marker))
    assert compare(elf.load(one), elf.load(two), renames={}).equal is equal


def test_code_comes_first(tmp_path: Path) -> None:
    found = difference(
        tmp_path, ("link is down", "link is dowm"), ("    ret\n    .size second", "    nop\n    .size second")
    )
    assert [s.name for s in found.sections] == [".text", ".rodata.str1.1"]
    assert found.first_function == "second+0x5"


def test_long_lists_are_cut(tmp_path: Path) -> None:
    def grow(target: str) -> str:
        return DRIVER.replace("    .quad second\n", f"    .quad {target}\n" * 50)

    one, two = build(tmp_path / "a", grow("outside")), build(tmp_path / "b", grow("inside"))
    found = compare(elf.load(one), elf.load(two), renames={})
    facts = found.facts()["differences"]
    assert isinstance(facts, dict)
    assert len(facts["relocations"]) == 20 and facts["relocations_count"] == 50
