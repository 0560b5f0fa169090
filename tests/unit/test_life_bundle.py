# SPDX-License-Identifier: GPL-2.0-or-later
"""Bundles: made once, installed on machines of the very same kernel, signed with the real ssh-keygen."""

import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import zstandard

from omatic import elf, proc
from omatic.catalog import Choice
from omatic.dirs import sha256
from omatic.errors import InstallFailed, KernelMissing, SourceCorrupt, SourceNotFound, UnknownDriver
from omatic.life import bundle, receipt
from omatic.life.install import deploy
from omatic.model import Plan, Report, StockModule
from omatic.pipeline import Outcome
from tests import toys
from tests.toys import INTEL, RELEASE, STOCK, Machine

DRIVERS = ("e1000e", "igb")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kernel that all machines have."""
    return toys.kernel(tmp_path_factory.mktemp("kernel"))


@pytest.fixture
def builder(tmp_path: Path, kernel: Path) -> Machine:
    """The machine that makes bundles."""
    (tmp_path / "builder").mkdir()
    made = toys.machine(tmp_path / "builder", kernel)
    made.builds.mkdir(exist_ok=True)
    (made.builds / ".config").write_text("CONFIG_MODULES=y\n")
    return made


@pytest.fixture
def machine(tmp_path: Path, kernel: Path) -> Machine:
    """A machine that installs them."""
    (tmp_path / "machine").mkdir()
    return toys.machine(tmp_path / "machine", kernel)


def write(builder: Machine, file: Path, sign_with: Path | None = None) -> Path:
    """Write a bundle with two drivers."""
    made = builder.delivery(*DRIVERS)
    outcomes = []
    for ready in made.modules:
        stock = StockModule(ready.name, builder.file("kernel" / STOCK[ready.name]), ready.intree)
        report = Report((), 1)
        plan = Plan((), (), (), ())
        outcomes.append(
            Outcome(Choice(ready.name, stock), made.target, "sources", ready.file, plan, report, fresh=False)
        )
    bundle.write(outcomes, made, file, sign_with)
    return file


def install(machine: Machine, file: Path, *drivers: str, trust: Path | None = None) -> None:
    """Install from a bundle."""
    with bundle.opened(file, trust) as found:
        deploy([bundle.delivery(found, drivers, machine.system)], machine.options("--bundle"))


def members(file: Path) -> dict[str, bytes]:
    """Return what is in an archive."""
    data = zstandard.ZstdDecompressor().decompressobj().decompress(file.read_bytes())
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {each.name: content.read() for each in tar if (content := tar.extractfile(each))}


def pack(file: Path, content: Mapping[str, bytes]) -> Path:
    """Write an archive with any content."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, text in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    file.write_bytes(zstandard.ZstdCompressor().compress(data.getvalue()))
    return file


def test_there_and_back(builder: Machine, machine: Machine, tmp_path: Path) -> None:
    """Installed from a bundle all is as if it had been built there, and can be removed."""
    before = machine.content()
    install(machine, write(builder, tmp_path / "b.tar.zst"))
    for name in DRIVERS:
        assert machine.loads(name) == f"updates/{STOCK[name]}"
        kept = receipt.read(machine.system, RELEASE, name)
        assert kept is not None and kept.stock is not None
        assert (kept.sites, kept.provenance, kept.owner) == (1, "equal sections", "install")
        assert kept.stock.sha256 == sha256(machine.file("kernel" / STOCK[name]))
    machine.uninstall(*DRIVERS)
    assert machine.content() == before


def test_some_of_its_drivers(builder: Machine, machine: Machine, tmp_path: Path) -> None:
    """Drivers that are named are installed, others not; one that it lacks is an error that lists what it has."""
    file = write(builder, tmp_path / "b.tar.zst")
    install(machine, file, "igb")
    assert machine.loads("igb") == f"updates/{STOCK['igb']}"
    assert machine.loads("e1000e") == f"kernel/{STOCK['e1000e']}"
    with pytest.raises(UnknownDriver) as refused:
        install(machine, file, "ixgbe")
    assert "e1000e, igb" in refused.value.hint


def test_equal_content_is_an_equal_bundle(builder: Machine, tmp_path: Path) -> None:
    """Nothing of when or where it was made is in it."""
    first, second = write(builder, tmp_path / "1"), write(builder, tmp_path / "2")
    assert first.read_bytes() == second.read_bytes()
    assert {"manifest.json", "config", "modules/pfq.ko", "proofs/igb.json"} <= members(first).keys()


def test_another_kernel(builder: Machine, machine: Machine, tmp_path: Path) -> None:
    """A kernel that is not installed, or whose driver is another one, is refused before anything changes."""
    file = write(builder, tmp_path / "b.tar.zst")
    driver = machine.file("kernel" / INTEL / "e1000e/e1000e.ko")
    image = elf.read_module(driver)
    driver.unlink()
    driver.write_bytes(image.replace(b"license=GPL", b"license=GPI", 1))
    before = machine.content()
    with pytest.raises(InstallFailed, match="not the stock module"):
        install(machine, file)
    assert machine.content() == before
    machine.system.modules(RELEASE).rename(machine.system.modules("6.2.0"))
    with pytest.raises(KernelMissing, match=RELEASE):
        install(machine, file)


def _swap(content: dict[str, bytes]) -> dict[str, bytes]:
    return {**content, "modules/igb.ko": content["modules/e1000e.ko"]}


def _escape(content: dict[str, bytes]) -> dict[str, bytes]:
    return {**content, "../../escaped": b"x"}


def _extra(content: dict[str, bytes]) -> dict[str, bytes]:
    return {**content, "modules/extra.ko": b"x"}


def _lose(content: dict[str, bytes]) -> dict[str, bytes]:
    return {name: text for name, text in content.items() if name != "modules/pfq_hook.ko"}


def _forget(content: dict[str, bytes]) -> dict[str, bytes]:
    return {**content, "manifest.json": b"[]"}


def _newer(content: dict[str, bytes]) -> dict[str, bytes]:
    return {**content, "manifest.json": content["manifest.json"].replace(b'"format": 1', b'"format": 2')}


@pytest.mark.parametrize("change", [_swap, _escape, _extra, _lose, _forget, _newer])
def test_changed(
    builder: Machine, machine: Machine, tmp_path: Path, change: Callable[[dict[str, bytes]], dict[str, bytes]]
) -> None:
    """What is not what the manifest says is refused, whole."""
    file = write(builder, tmp_path / "b.tar.zst")
    before = machine.content()
    with pytest.raises(SourceCorrupt):
        install(machine, pack(tmp_path / "changed", change(members(file))))
    assert machine.content() == before
    assert not list(tmp_path.rglob("escaped"))


def test_damaged(builder: Machine, machine: Machine, tmp_path: Path) -> None:
    """Half a file, another file, no file."""
    file = write(builder, tmp_path / "b.tar.zst")
    half = tmp_path / "half"
    half.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    other = tmp_path / "other"
    other.write_bytes(b"not an archive" * 100)
    for bad in (half, other):
        with pytest.raises(SourceCorrupt):
            install(machine, bad)
    with pytest.raises(SourceNotFound):
        install(machine, tmp_path / "none")


def test_signatures(builder: Machine, machine: Machine, tmp_path: Path) -> None:
    """Only what a trusted key has signed is installed with --trust; a signature of other content is none."""
    if not proc.available("ssh-keygen"):
        pytest.skip("ssh-keygen is not installed")
    for name in ("good", "evil"):
        proc.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", tmp_path / name])
    trust = tmp_path / "allowed"
    trust.write_text(f"admin@example {(tmp_path / 'good.pub').read_text()}")
    signed = write(builder, tmp_path / "signed", tmp_path / "good")
    with bundle.opened(signed, trust):
        pass
    with bundle.opened(signed, None):
        pass
    content = members(signed)
    changed = {**content, "manifest.json": content["manifest.json"] + b" "}
    for bad in (
        write(builder, tmp_path / "unsigned"),
        write(builder, tmp_path / "untrusted", tmp_path / "evil"),
        pack(tmp_path / "altered", changed),
    ):
        with pytest.raises(SourceCorrupt, match="sign"):
            install(machine, bad, trust=trust)
    install(machine, signed, trust=trust)
    assert machine.loads("igb") == f"updates/{STOCK['igb']}"
