# SPDX-License-Identifier: GPL-2.0-or-later
"""Reading modules: held against nm and pyelftools on objects that the real compiler makes, and against damage."""

import gzip
import lzma
import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection

from omatic import elf, proc
from omatic.errors import OmaticError, SourceCorrupt, SourceNotFound
from omatic.modinfo import Export, Symvers, parse_extended_versions, parse_modinfo, parse_versions

TOY = """
struct version { unsigned long crc; char name[56]; };
__attribute__((section("__versions"), used)) static const struct version versions[] = {
    { 0x12345678, "module_layout" }, { 0xfedcba98, "napi_gro_receive" } };
__attribute__((section(".modinfo"), used)) static const char info[] =
    "license=GPL\\0alias=pci:v1\\0alias=pci:v2\\0vermagic=6.1.0 SMP mod_unload \\0parm=a:b=c\\0\\0";
extern int napi_gro_receive(void *napi, void *skb);
extern int printk(const char *format, ...);
extern int maybe(void) __attribute__((weak));
static int counter, zeros[64];
static int count(void *skb) { counter++; return skb == zeros && maybe && maybe(); }
int toy_poll(void *napi, void *skb) { printk("toy: a packet\\n"); return napi_gro_receive(napi, skb) + count(skb); }
int (*const toy_ops[])(void *, void *) = { toy_poll, napi_gro_receive };
"""

PREL32, ABSOLUTE = (".balign 4", ".long", " - ."), (".balign 8", ".quad", "")


def build(folder: Path, source: str, suffix: str = "c") -> Path:
    text, made = folder / f"toy.{suffix}", folder / "toy.ko"
    text.write_text(source)
    proc.run(["gcc", "-O2", "-fno-pic", "-fno-pie", "-c", text, "-o", made])
    return made


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return build(tmp_path, TOY)


def sign(image: bytes, length: int | None = None) -> bytes:
    signature = b"\x30\x82 not really a signature" * 20
    header = struct.pack(">8xI", len(signature) if length is None else length)
    return image + signature + header + b"~Module signature appended~\n"


def zst(image: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(image)


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "xz": lzma.compress,
    "zst": zst,
    "gz": gzip.compress,
    "signed": sign,
    "signed, xz": lambda image: lzma.compress(sign(image)),
}


@pytest.mark.parametrize("packing", PACKINGS)
def test_read_module_unpacks(toy: Path, packing: str) -> None:
    packed = toy.with_name("packed.ko")
    packed.write_bytes(PACKINGS[packing](toy.read_bytes()))
    assert elf.read_module(packed) == toy.read_bytes()
    assert elf.imports(packed) == elf.imports(toy)


GARBAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "text": lambda _: b"<html>404 not found</html>",
    "32-bit": lambda image: image[:4] + b"\1" + image[5:],
    "program": lambda image: image[:16] + b"\2\0" + image[18:],
    "half": lambda image: image[: len(image) // 2],
    "header only": lambda image: image[:64],
    "half an xz": lambda image: lzma.compress(image)[:-50],
    "half a zst": lambda image: zst(image)[:-50],
    "half a gz": lambda image: gzip.compress(image)[:-50],
    "changed gz": lambda image: gzip.compress(image)[:-8] + b"12345678",
    "endless signature": lambda image: sign(image, 1 << 31),
}


@pytest.mark.parametrize("damage", GARBAGE)
@pytest.mark.parametrize("read", [elf.load, elf.imports, elf.modinfo])
def test_garbage_is_one_clear_error(toy: Path, damage: str, read: Callable[[Path], object]) -> None:
    broken = toy.with_name("broken.ko")
    broken.write_bytes(GARBAGE[damage](toy.read_bytes()))
    with pytest.raises(SourceCorrupt, match=r"broken\.ko"):
        read(broken)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound):
        elf.load(tmp_path / "none.ko")


def test_any_damage_is_reported_or_harmless(toy: Path) -> None:
    """Flip bytes everywhere: a damaged file must never end in anything but our own error."""
    image, broken, dice = toy.read_bytes(), toy.with_name("broken.ko"), random.Random(4)
    for _ in range(400):
        changed = bytearray(image)
        for _ in range(dice.randint(1, 6)):
            changed[dice.randrange(5, len(image))] = dice.randrange(256)
        broken.write_bytes(changed)
        try:
            module = elf.load(broken)
            assert module.modinfo is not None and module.versions is not None and module.exports is not None
            elf.imports(broken), elf.modinfo(broken)
        except OmaticError as error:
            assert str(broken) in error.message


def test_imports_are_what_nm_prints(toy: Path) -> None:
    printed = proc.run(["nm", "-u", toy]).stdout
    assert elf.imports(toy) == {line.split()[-1] for line in printed.splitlines()}
    module = elf.load(toy)
    assert module.imports == elf.imports(toy)
    assert module.weak == {"maybe"}


def test_sections_and_relocations_are_what_pyelftools_reads(toy: Path) -> None:
    module = elf.load(toy)
    with toy.open("rb") as file:
        other = ELFFile(file)
        allocated = [s for s in other.iter_sections() if s["sh_flags"] & elf.SHF_ALLOC]
        assert set(module.sections) == {s.name for s in allocated}
        for section in allocated:
            ours = module.sections[section.name]
            assert (ours.size, ours.align) == (section["sh_size"], section["sh_addralign"])
            assert ours.data == (b"" if section["sh_type"] == "SHT_NOBITS" else section.data())
        tables = [s for s in other.iter_sections() if isinstance(s, RelocationSection)]
        places = {t.name.removeprefix(".rela"): sorted(r["r_offset"] for r in t.iter_relocations()) for t in tables}
    ours_places = {name: sorted(r.offset for r in found) for name, found in module.relocations.items()}
    assert ours_places == {name: found for name, found in places.items() if name in module.sections}
    assert module.sections[".bss"].size >= 256 and not module.sections[".bss"].data
    assert any("GCC" in compiler for compiler in module.compilers)


def test_targets_are_resolved_to_places(tmp_path: Path) -> None:
    """A local label, a global name and the section itself are three ways to write the same target."""
    source = '.data\n.quad 0\n.globl g\ng:\nl:\n.quad 0\n.section .table,"a"\n.quad {0}\n.quad outside+4\n'
    found = []
    for target in ("g", "l", ".data+8"):
        (folder := tmp_path / target).mkdir()
        found.append(elf.load(build(folder, source.format(target), "s")).relocations[".table"])
    assert found[0] == found[1] == found[2]
    inner, outer = found[0]
    assert (inner.symbol, inner.section, inner.addend) == ("", ".data", 8)
    assert (outer.symbol, outer.section, outer.addend) == ("outside", "", 4)


def test_enclosing_function(toy: Path) -> None:
    module = elf.load(toy)
    poll = next(s for s in module.symbols if s.name == "toy_poll")
    assert module.enclosing(poll.section, poll.value + 3) == "toy_poll+0x3"
    assert module.enclosing(".text", 1 << 20) == ".text+0x100000"


def test_modinfo_keeps_every_value(toy: Path) -> None:
    expected = {
        "license": ("GPL",),
        "alias": ("pci:v1", "pci:v2"),
        "vermagic": ("6.1.0 SMP mod_unload ",),
        "parm": ("a:b=c",),
    }
    assert elf.modinfo(toy) == elf.load(toy).modinfo == parse_modinfo(b"\0x\0") | expected


def test_versions(toy: Path, tmp_path: Path) -> None:
    assert elf.load(toy).versions == {"module_layout": 0x12345678, "napi_gro_receive": 0xFEDCBA98}
    (folder := tmp_path / "plain").mkdir()
    assert elf.load(build(folder, "int x;")).versions == {}
    with pytest.raises(ValueError, match="multiple of 64"):
        parse_versions(bytes(65))


def test_extended_versions(tmp_path: Path) -> None:
    """CONFIG_EXTENDED_MODVERSIONS: names of any length, beside or instead of the basic table."""
    source = """
        .section __version_ext_crcs,"a"
        .long 1, 0x80000002
        .section __version_ext_names,"a"
        .asciz "a", "a_symbol_whose_name_is_longer_than_the_fifty_five_bytes_of_the_basic_table"
    """
    versions = elf.load(build(tmp_path, source, "s")).versions
    assert versions["a"] == 1 and 0x80000002 in versions.values() and len(versions) == 2
    with pytest.raises(ValueError, match="2 extended symbol versions for 1"):
        parse_extended_versions(bytes(8), b"a\0")


def ksymtab(layout: tuple[str, str, str], name: str, table: str, namespace: str = "") -> str:
    align, word, relative = layout
    return f"""
        .text
        .globl {name}
        {name}: ret
        .section __ksymtab_strings,"aMS",%progbits,1
        __kstrtab_{name}: .asciz "{name}"
        __kstrtabns_{name}: .asciz "{namespace}"
        .section {table},"a"
        {align}
        {word} {name}{relative}
        {word} __kstrtab_{name}{relative}
        {word} __kstrtabns_{name}{relative}
    """


def crc(suffix: str, value: int) -> str:
    return f'.section __kcrctab{suffix},"a"\n.long {value}\n'


A, B = Export("aa", 0x11, False, ""), Export("bb", 0x99887766, True, "NET")

EXPORTS = {
    "relative, crc as data (6.4 on)": (
        ksymtab(PREL32, "aa", "__ksymtab") + ksymtab(PREL32, "bb", "__ksymtab_gpl", "NET")
        + crc("", 0x11) + crc("_gpl", 0x99887766),
        {"aa": A, "bb": B},
    ),
    "relative, crc as absolute symbol (5.10)": (
        ksymtab(PREL32, "aa", "__ksymtab") + ksymtab(PREL32, "bb", "__ksymtab_gpl", "NET")
        + ".globl __crc_aa, __crc_bb\n__crc_aa = 0x11\n__crc_bb = 0x99887766\n"
        + '.section __kcrctab,"a"\n.long __crc_aa\n.section __kcrctab_gpl,"a"\n.long __crc_bb\n',
        {"aa": A, "bb": B},
    ),
    "absolute, crc in another section": (
        ksymtab(ABSOLUTE, "aa", "__ksymtab") + ksymtab(ABSOLUTE, "bb", "__ksymtab_gpl", "NET")
        + ".section .rodata\n.quad 0\n__crc_aa: .long 0x11\n__crc_bb: .long 0x99887766\n"
        + '.section __kcrctab,"a"\n.long __crc_aa - .\n.section __kcrctab_gpl,"a"\n.long __crc_bb - .\n',
        {"aa": A, "bb": B},
    ),
    "one table with flags, no crc (7.x)": (
        ksymtab(PREL32, "aa", "__ksymtab") + ksymtab(PREL32, "bb", "__ksymtab", "NET")
        + '.section __kflagstab,"a"\n.byte 0, 1\n',
        {"aa": Export("aa", None, False, ""), "bb": Export("bb", None, True, "NET")},
    ),
    "nothing": (".text\nret\n", {}),
}  # fmt: skip


@pytest.mark.parametrize("layout", EXPORTS)
def test_exports(tmp_path: Path, layout: str) -> None:
    source, expected = EXPORTS[layout]
    assert elf.load(build(tmp_path, source, "s")).exports == expected


def test_symvers(tmp_path: Path) -> None:
    kernel, hook = tmp_path / "kernel", tmp_path / "hook"
    kernel.write_text(
        "0x4c9d28b0\tphys_base\tvmlinux\tEXPORT_SYMBOL\t\n"
        "0x00000000\tin_space\tdrivers/net/a-b\tEXPORT_SYMBOL_GPL\tNET\n"
        "0x00000003\told_style\tdrivers/net/a-b\tEXPORT_SYMBOL\n"
    )
    hook.write_text("0x00000001\tphys_base\tsome/where/pfq_hook\tEXPORT_SYMBOL_GPL\t\n")
    symvers = Symvers.load([hook, kernel])
    assert symvers.get("phys_base") == Export("phys_base", 1, True, "", "some/where/pfq_hook")
    assert symvers.get("in_space") == Export("in_space", 0, True, "NET", "drivers/net/a-b")
    assert symvers.get("nobody") is None
    assert [e.name for e in symvers.of_module("drivers/net/a-b")] == ["in_space", "old_style"]
    assert symvers.modules() == {"pfq_hook", "a_b"}
    hook.write_text("not a table\n")
    with pytest.raises(SourceCorrupt):
        Symvers.load([hook])
