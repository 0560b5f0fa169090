# SPDX-License-Identifier: GPL-2.0-or-later
"""The seven proofs on a toy driver that the real compiler builds: each lie must fail its check."""

import json
import lzma
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from omatic import proc, verify
from omatic.model import CHECKS, Check, KernelTarget, Report, StockModule, Verdict

TWINS = {"napi_gro_receive": "pfq_gro_receive", "netif_rx": "pfq_netif_rx"}
VERSION = "6.1.192-2+pfq1"
STOCK_TAGS = ("license=GPL", "alias=pci:v1", "alias=pci:v2", "parm=debug:level", "depends=ptp", "vermagic=6.1.0 SMP ")
OUR_TAGS = (*STOCK_TAGS[:4], "depends=ptp,pfq-hook", STOCK_TAGS[5], f"version={VERSION}", "pfq=x")

CODE = """
extern int {receive}(void *napi, void *skb);
extern int {rx}(void *skb);
extern int {helper}(int level);
int toy_poll(void *napi, void *skb) {{ return {receive}(napi, skb) + {level}; }}
int toy_wake(void *skb) {{ return {helper}({level}) + {rx}(skb); }}
"""
STOCK_NAMES = {"receive": "napi_gro_receive", "rx": "netif_rx", "helper": "printk", "level": "3"}
OUR_NAMES = {**STOCK_NAMES, "receive": "pfq_gro_receive", "rx": "pfq_netif_rx"}

KERNEL = {"module_layout": 1, "napi_gro_receive": 2, "netif_rx": 3, "printk": 0xFFFFFFF4}
HOOK = {"pfq_gro_receive": 5, "pfq_netif_rx": 6}
STOCK_CRCS = KERNEL
OUR_CRCS = {"module_layout": 1, "printk": 0xFFFFFFF4, **HOOK}


def build(
    folder: Path,
    names: Mapping[str, str],
    tags: tuple[str, ...],
    crcs: Mapping[str, int],
    exports: Mapping[str, int] | None = None,
) -> Path:
    """Build a module as kbuild would; `exports` are GPL-only and have CRCs unless they are negative."""
    entries = "".join(f'    {{ {crc:#x}, "{name}" }},\n' for name, crc in crcs.items())
    table = f"static const struct {{ unsigned long crc; char name[56]; }} versions[] = {{\n{entries}}};\n"
    modinfo = "\\0".join(tags)
    source = (
        CODE.format(**names)
        + f'__attribute__((section(".modinfo"), used)) static const char info[] = "{modinfo}";\n'
        + (f'__attribute__((section("__versions"), used)) {table}' if crcs else "")
        + "".join(f"int {name}(void) {{ return 0; }}\n{ksymtab(name, crc)}" for name, crc in (exports or {}).items())
    )
    made = folder / "toy.ko"
    folder.mkdir(parents=True, exist_ok=True)
    made.write_bytes(compiled(source))
    return made


@cache
def compiled(source: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        text, made = Path(folder) / "toy.c", Path(folder) / "toy.o"
        text.write_text(source)
        proc.run(["gcc", "-O2", "-fno-pic", "-fno-pie", "-c", text, "-o", made])
        return made.read_bytes()


def ksymtab(name: str, crc: int) -> str:
    strings = f'.section __ksymtab_strings,\\"aMS\\",%progbits,1; 1: .asciz \\"{name}\\"; 2: .asciz \\"\\"; .previous;'
    entry = f'.section __ksymtab_gpl,\\"a\\"; .balign 4; .long {name} - ., 1b - ., 2b - .; .previous;'
    checksum = f' .section __kcrctab_gpl,\\"a\\"; .long {crc}; .previous;' if crc >= 0 else ""
    return f'asm("{strings} {entry}{checksum}");\n'


def symvers(path: Path, symbols: Mapping[str, int], module: str) -> Path:
    lines = (f"{crc:#010x}\t{name}\t{module}\tEXPORT_SYMBOL_GPL\t\n" for name, crc in symbols.items())
    path.write_text("".join(lines))
    return path


class Toy:
    """Everything that a verification needs, true by default; a test makes one part of it untrue."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.evidence = verify.Evidence(
            target=KernelTarget(
                release="6.1.0",
                build_dir=folder,
                config={"CONFIG_MODVERSIONS": "y"},
                symvers=symvers(folder / "Module.symvers", KERNEL, "vmlinux"),
                compiler="gcc-12",
                package=None,
            ),
            stock=StockModule("toy", build(folder / "stock", STOCK_NAMES, (*STOCK_TAGS, "intree=Y"), STOCK_CRCS),
                              Path("drivers/net/toy/toy.ko")),
            vanilla=build(folder / "vanilla", STOCK_NAMES, STOCK_TAGS, STOCK_CRCS),
            accelerated=build(folder / "accelerated", OUR_NAMES, OUR_TAGS, OUR_CRCS),
            hook_symvers=symvers(folder / "hook.symvers", HOOK, "/build/pfq_hook"),
            sites=2,
            twins=TWINS,
            forced_version=VERSION,
        )  # fmt: skip

    def stock(self, **changes: object) -> None:
        assert self.evidence.stock
        path = self._build("stock2", STOCK_NAMES, (*STOCK_TAGS, "intree=Y"), STOCK_CRCS, changes)
        self.evidence = replace(self.evidence, stock=replace(self.evidence.stock, path=path))

    def vanilla(self, **changes: object) -> None:
        path = self._build("vanilla2", STOCK_NAMES, STOCK_TAGS, STOCK_CRCS, changes)
        self.evidence = replace(self.evidence, vanilla=path)

    def accelerated(self, **changes: object) -> None:
        path = self._build("accelerated2", OUR_NAMES, OUR_TAGS, OUR_CRCS, changes)
        self.evidence = replace(self.evidence, accelerated=path)

    def exporting(self, stock: Mapping[str, int], ours: Mapping[str, int], recorded: Mapping[str, int]) -> None:
        self.stock(exports=stock)
        self.vanilla(exports=stock)
        self.accelerated(exports=ours)
        with self.evidence.target.symvers.open("a") as file:
            file.write(symvers(self.folder / "own", recorded, "drivers/net/toy/toy").read_text())

    def without_modversions(self) -> None:
        self.evidence = replace(self.evidence, target=replace(self.evidence.target, config={}))
        symvers(self.evidence.target.symvers, dict.fromkeys(KERNEL, 0), "vmlinux")
        symvers(self.evidence.hook_symvers, dict.fromkeys(HOOK, 0), "/build/pfq_hook")

    def _build(
        self, folder: str, names: Mapping[str, str], tags: tuple[str, ...], crcs: Mapping[str, int], changes: object
    ) -> Path:
        assert isinstance(changes, dict)
        changed = {key: changes.pop(key) for key in list(changes) if key in names}
        values = {"tags": tags, "crcs": crcs, **changes}
        return build(self.folder / folder, {**names, **changed}, **values)

    def report(self) -> Report:
        scratch = self.folder / "scratch"
        scratch.mkdir(exist_ok=True)
        return verify.verify(self.evidence, scratch=scratch)

    def go(self, *, force: bool = False) -> str | None:
        return verify.go(self.report(), self.evidence.target, force=force)


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path)


def check(report: Report, name: str) -> Check:
    return next(c for c in report.checks if c.name == name)


def failed(report: Report) -> set[str]:
    return {c.name for c in report.checks if c.verdict is Verdict.FAIL}


def test_the_truth_passes(toy: Toy) -> None:
    report = toy.report()
    assert tuple(c.name for c in report.checks) == CHECKS
    assert report.passed and report.relocations_changed == 2
    assert check(report, "abi").verdict is Verdict.SKIP
    assert check(report, "provenance").evidence["proof"] == "equal sections"
    assert check(report, "imports").evidence["from_rebuilt"] == ["pfq_gro_receive", "pfq_netif_rx"]
    assert check(report, "identity").evidence["depends_added"] == ["pfq_hook"]
    assert toy.go() is None
    for c in report.checks:
        assert isinstance(c.evidence["summary"], str) and c.evidence["summary"]
        json.dumps(c.evidence)


def test_compressed_stock(toy: Toy) -> None:
    assert toy.evidence.stock
    packed = toy.folder / "toy.ko.xz"
    packed.write_bytes(lzma.compress(toy.evidence.stock.path.read_bytes()))
    toy.evidence = replace(toy.evidence, stock=replace(toy.evidence.stock, path=packed))
    assert toy.report().passed


def test_minimality_lists_the_calls(toy: Toy) -> None:
    evidence = check(toy.report(), "minimality").evidence
    assert evidence["count"] == evidence["sites"] == 2
    renamed = evidence["renamed"]
    assert isinstance(renamed, list)
    assert {(r["old"], r["new"], r["function"].split("+")[0]) for r in renamed} == {
        ("napi_gro_receive", "pfq_gro_receive", "toy_poll"),
        ("netif_rx", "pfq_netif_rx", "toy_wake"),
    }


def test_no_site_no_rename(toy: Toy) -> None:
    names = {"receive": "receive_elsewhere", "rx": "rx_elsewhere"}
    crcs = {"module_layout": 1, "printk": 0xFFFFFFF4, "receive_elsewhere": 8, "rx_elsewhere": 9}
    symvers(toy.evidence.target.symvers, crcs, "vmlinux")
    toy.stock(**names, crcs=crcs)
    toy.vanilla(**names, crcs=crcs)
    toy.accelerated(**names, crcs=crcs)
    toy.evidence = replace(toy.evidence, sites=0)
    report = toy.report()
    assert report.passed and report.relocations_changed == 0
    assert "nothing to replace" in str(check(report, "completeness").evidence["summary"])


def test_renames_without_a_site(toy: Toy) -> None:
    toy.evidence = replace(toy.evidence, sites=0)
    assert failed(toy.report()) == {"minimality"}


class TestProvenance:
    """Other sources than the distribution's."""

    def other_sources(self, toy: Toy) -> None:
        toy.vanilla(level="4")
        toy.accelerated(level="4")

    def test_not_proven_says_what_differs(self, toy: Toy) -> None:
        self.other_sources(toy)
        report = toy.report()
        assert failed(report) == {"provenance", "twin"}
        evidence = check(report, "provenance").evidence
        assert evidence["proof"] == "not proven"
        assert "not proven: .text differs (first at toy_" in str(evidence["summary"])
        assert "the compilers agree" in str(evidence["summary"])
        assert evidence["compilers"]["headers"] == "gcc-12"  # type: ignore[index]

    def test_equal_crcs_let_it_go(self, toy: Toy) -> None:
        self.other_sources(toy)
        assert toy.go() is None

    def test_without_modversions_only_force_does(self, toy: Toy) -> None:
        toy.without_modversions()
        toy.exporting({"toy_api": -1}, {"toy_api": -1}, {"toy_api": 0})
        assert toy.go() is None
        assert check(toy.report(), "abi").evidence["crc"] == "none"
        toy = Toy(toy.folder / "again")
        toy.without_modversions()
        self.other_sources(toy)
        assert "provenance: not proven" in str(toy.go())
        assert toy.go(force=True) is None

    def test_abi_leans_on_provenance_without_modversions(self, toy: Toy) -> None:
        toy.without_modversions()
        toy.exporting({"toy_api": -1}, {"toy_api": -1}, {"toy_api": 0})
        toy.evidence = replace(toy.evidence, stock=None)
        report = toy.report()
        assert failed(report) == {"provenance", "abi"}
        assert verify.go(report, toy.evidence.target, force=False)
        assert verify.go(report, toy.evidence.target, force=True) is None

    def test_srcversion(self, toy: Toy) -> None:
        tags = (*STOCK_TAGS, "srcversion=ABCDEF0123456789ABCDEF0")
        toy.stock(level="5", tags=tags)
        toy.vanilla(tags=tags)
        report = toy.report()
        proven = check(report, "provenance")
        assert (proven.verdict, proven.evidence["proof"]) == (Verdict.PASS, "srcversion")
        assert failed(report) == {"twin"} and toy.go() is None

    def test_srcversion_is_not_enough_without_modversions(self, toy: Toy) -> None:
        """It does not hash headers of other folders, and there nothing else would stop other ones."""
        tags = (*STOCK_TAGS, "srcversion=ABCDEF0123456789ABCDEF0")
        toy.without_modversions()
        toy.stock(level="5", tags=tags)
        toy.vanilla(tags=tags)
        assert check(toy.report(), "provenance").evidence["proof"] == "srcversion"
        assert str(toy.go()).startswith("provenance: srcversion ABCDEF0123456789ABCDEF0 is the stock module's, but")
        assert toy.go(force=True) is None

    def test_equal_zeros_are_no_crcs(self, toy: Toy) -> None:
        """Headers whose CRCs are all zero let nothing go, though their configuration speaks of MODVERSIONS."""
        config = toy.evidence.target.config
        toy.without_modversions()
        toy.evidence = replace(toy.evidence, target=replace(toy.evidence.target, config=config))
        assert toy.go() is None
        self.other_sources(toy)
        assert "provenance: not proven" in str(toy.go())
        assert toy.go(force=True) is None

    def test_srcversion_that_counts_paths(self, toy: Toy) -> None:
        toy.stock(tags=(*STOCK_TAGS, "srcversion=ABCDEF0123456789ABCDEF0"))
        toy.vanilla(tags=(*STOCK_TAGS, "srcversion=0123456789ABCDEF0123456"))
        proven = check(toy.report(), "provenance")
        assert (proven.verdict, proven.evidence["proof"]) == (Verdict.PASS, "equal sections")
        assert "srcversion" in str(proven.evidence["summary"])
        toy.vanilla(level="5", tags=(*STOCK_TAGS, "srcversion=0123456789ABCDEF0123456"))
        assert check(toy.report(), "provenance").verdict is Verdict.FAIL

    def test_modinfo_and_versions_count(self, toy: Toy) -> None:
        toy.vanilla(tags=(*STOCK_TAGS, "softdep=pre: x"), crcs={**STOCK_CRCS, "printk": 7})
        summary = str(check(toy.report(), "provenance").evidence["summary"])
        assert "modinfo differs in softdep" in summary and "such as printk" in summary

    def test_order_of_tags_and_versions_does_not(self, toy: Toy) -> None:
        toy.vanilla(tags=STOCK_TAGS[::-1], crcs=dict(reversed(STOCK_CRCS.items())))
        assert toy.report().passed

    def test_other_compiler(self, toy: Toy) -> None:
        comment = toy.folder / "comment"
        comment.write_bytes(b"\0GCC: (elsewhere) 99.1\0")
        self.other_sources(toy)
        proc.run(["objcopy", "--update-section", f".comment={comment}", toy.evidence.vanilla])
        assert "compiled by GCC: (elsewhere) 99.1, stock by GCC" in str(check(toy.report(), "provenance").evidence)

    def test_no_stock_module(self, toy: Toy) -> None:
        toy.evidence = replace(toy.evidence, stock=None)
        report = toy.report()
        assert failed(report) == {"provenance"}
        assert check(report, "twin").verdict is Verdict.SKIP
        assert check(report, "completeness").evidence["reference"] == "vanilla"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"helper": "vprintk", "crcs": {**OUR_CRCS, "vprintk": 4}}, {"minimality", "twin", "imports"}),
        ({"level": "9"}, {"minimality", "twin"}),
        ({"rx": "netif_rx", "crcs": {**OUR_CRCS, "netif_rx": 3}}, {"twin", "completeness"}),
        ({"rx": "printk_2", "crcs": {**OUR_CRCS, "printk_2": 3}}, {"minimality", "twin", "completeness", "imports"}),
        ({"tags": (*OUR_TAGS, "alias=pci:v3")}, {"identity"}),
        ({"tags": OUR_TAGS[1:]}, {"identity"}),
        ({"tags": (*OUR_TAGS, "version=1.0")}, {"identity"}),
        ({"tags": tuple(t for t in OUR_TAGS if not t.startswith("version"))}, {"identity"}),
        ({"tags": (*OUR_TAGS, "pfq=again")}, {"identity"}),
        ({"tags": tuple(t for t in OUR_TAGS if t != "pfq=x")}, {"identity"}),
        ({"tags": tuple(t.replace("ptp,", "") for t in OUR_TAGS)}, {"identity"}),
        ({"tags": tuple(t.replace("ptp,", "ptp,other,") for t in OUR_TAGS)}, {"identity"}),
        ({"tags": tuple(t.replace("6.1.0", "6.1.1") for t in OUR_TAGS)}, {"identity"}),
        ({"tags": (*OUR_TAGS, "srcversion=1", "intree=Y")}, set()),
        ({"crcs": {**OUR_CRCS, "printk": 5}}, {"imports"}),
        ({"crcs": {**OUR_CRCS, "module_layout": 5}}, {"imports"}),
        ({"crcs": {k: v for k, v in OUR_CRCS.items() if k != "pfq_netif_rx"}}, {"imports"}),
        ({"crcs": {}}, {"imports"}),
        ({"exports": {"surprise": 1}}, {"minimality", "twin", "abi"}),
    ],
)
def test_each_lie_fails_its_check(toy: Toy, changes: dict[str, object], expected: set[str]) -> None:
    toy.accelerated(**changes)
    assert failed(toy.report()) == expected
    assert (toy.go() is None) is (not expected)


def test_force_does_not_cover_other_failures(toy: Toy) -> None:
    toy.accelerated(level="9")
    assert str(toy.go(force=True)).startswith("minimality: more than callees changed: .text differs")


class TestAbi:
    """Modules that others import from."""

    def test_equal(self, toy: Toy) -> None:
        toy.exporting({"toy_api": 7}, {"toy_api": 7}, {"toy_api": 7})
        report = toy.report()
        assert report.passed and check(report, "abi").verdict is Verdict.PASS
        assert check(report, "abi").evidence["crc"] == "equal"

    def test_other_crc(self, toy: Toy) -> None:
        toy.exporting({"toy_api": 7}, {"toy_api": 8}, {"toy_api": 7})
        report = toy.report()
        differences = check(report, "abi").evidence["differences"]
        assert "abi" in failed(report) and isinstance(differences, dict)
        assert differences["toy_api"]["accelerated"]["crc"] == "0x00000008"

    def test_missing_symbol(self, toy: Toy) -> None:
        toy.exporting({"toy_api": 7}, {}, {"toy_api": 7})
        assert "abi" in failed(toy.report())

    def test_zero_crcs_prove_nothing(self, toy: Toy) -> None:
        toy.exporting({"toy_api": 0}, {"toy_api": 0}, {"toy_api": 0})
        assert check(toy.report(), "abi").evidence["crc"] == "none"
        toy.vanilla(level="4", exports={"toy_api": 0})
        assert "abi" in failed(toy.report())


def test_imports_from_a_module_built_with_it(toy: Toy) -> None:
    crcs = {**OUR_CRCS, "helper_of_8390": 0x77}
    toy.accelerated(helper="helper_of_8390", crcs=crcs)
    assert "nobody exports helper_of_8390" in str(check(toy.report(), "imports").evidence["summary"])
    extra = symvers(toy.folder / "8390.symvers", {"helper_of_8390": 0x77}, "8390")
    toy.evidence = replace(toy.evidence, extra_symvers=(extra,))
    assert check(toy.report(), "imports").verdict is Verdict.PASS


def test_missing_hook_symvers_is_a_failed_check(toy: Toy) -> None:
    toy.evidence.hook_symvers.unlink()
    assert failed(toy.report()) == {"identity", "imports"}
