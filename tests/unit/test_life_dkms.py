# SPDX-License-Identifier: GPL-2.0-or-later
"""DKMS: what is written for it reads as it should, what is recorded is the truth, and removing leaves nothing."""

import shlex
import subprocess
from pathlib import Path

import pytest

from omatic import __version__, render
from omatic.dirs import Cache, sha256
from omatic.errors import DkmsFailed, NotInstalled, SourceUnreachable, UnknownDriver
from omatic.life import dkmsbuild, dkmshooks, dkmsrecord, dkmstree, receipt
from omatic.life.dkmstree import CORE_PACKAGE, Package
from omatic.life.receipt import InstalledFile, Receipt
from omatic.life.system import System

RELEASE = "6.1.0-56-amd64"
NE2K = Package("ne2k_pci", ("ne2k-pci",))


@pytest.fixture
def system(tmp_path: Path) -> System:
    """A machine below the test's folder."""
    return System(tmp_path / "root")


def sourced(system: System, package: Package, *names: str) -> list[str]:
    """Return what a shell has in these variables after reading dkms.conf, as dkms does, for a kernel."""
    conf = dkmstree.source(system, package) / "dkms.conf"
    script = f"kernelver={RELEASE}; . {conf}; " + "".join(f'printf "%s\\n" "${{{name}}}";' for name in names)
    return subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True).stdout.splitlines()


def test_dkms_conf(system: System) -> None:
    """The module has the file's name, not lsmod's; all scripts get the kernel; nothing is for autoinstall."""
    dkmstree.write_source(system, NE2K, Cache(Path("/var/cache/pfq omatic")))
    wanted = [
        "PACKAGE_NAME",
        "PACKAGE_VERSION",
        "BUILT_MODULE_NAME[*]",
        "BUILD_DEPENDS[*]",
        "AUTOINSTALL-none",
        "CLEAN",
    ]
    assert sourced(system, NE2K, *wanted) == ["pfq-ne2k_pci", __version__, "ne2k-pci", "pfq", "none", "true"]
    (prepare, make) = sourced(system, NE2K, "PRE_BUILD", "MAKE[0]")
    assert prepare == f"pfq-omatic prepare ne2k_pci --kernel {RELEASE}"
    assert make == f"make KERNEL={RELEASE}"
    dkmstree.write_source(system, CORE_PACKAGE, Cache(Path("/c")))
    assert sourced(system, CORE_PACKAGE, "PACKAGE_NAME", "BUILT_MODULE_NAME[*]") == ["pfq", "pfq_hook pfq"]
    assert sourced(system, CORE_PACKAGE, "BUILD_DEPENDS-none") == ["none"]


def test_nothing_can_be_built_without_the_stamp(system: System) -> None:
    """dkms before 3.1.5 goes on when PRE_BUILD has failed: then make fails, and no C file is there to be compiled."""
    dkmstree.write_source(system, NE2K, Cache(Path("/c")))
    folder = dkmstree.source(system, NE2K)
    assert {path.name for path in folder.iterdir()} == {"dkms.conf", "Makefile", "pfq-omatic", "pfq-omatic.json"}
    done = subprocess.run(["make", "-C", folder, f"KERNEL={RELEASE}"], capture_output=True, text=True)
    assert done.returncode != 0
    assert f"no sources for {RELEASE}" in done.stderr
    assert (folder / "pfq-omatic").stat().st_mode & 0o111


@pytest.mark.parametrize("stamp", [None, "", "{}", '{"kernel": "6.1.0-55-amd64", "driver": "ne2k_pci", "digest": "1"}'])
def test_build_demands_a_stamp_for_this_kernel(system: System, tmp_path: Path, stamp: str | None) -> None:
    """None, a broken one, or one for another kernel is refused, and the refusal is on record."""
    if stamp is not None:
        (tmp_path / ".prepared").write_text(stamp)
    with pytest.raises(DkmsFailed, match="not prepared"):
        dkmsbuild.build(system, "ne2k_pci", RELEASE, Cache(tmp_path / "cache"), tmp_path)
    record = dkmsrecord.read(system, RELEASE, "ne2k_pci")
    assert record is not None
    assert record.result == dkmsrecord.FAILED
    assert "not prepared" in record.why


def test_what_is_registered(system: System) -> None:
    """The source folders say it; the core is not a driver."""
    for package in (CORE_PACKAGE, NE2K):
        dkmstree.write_source(system, package, Cache(Path("/c")))
    assert dkmstree.registered(system) == (NE2K,)
    assert not dkmstree.active(system, NE2K, RELEASE)
    built = dkmstree.tree(system, NE2K) / __version__ / RELEASE / "x86_64"
    built.mkdir(parents=True)
    link = dkmstree.tree(system, NE2K) / f"kernel-{RELEASE}-x86_64"
    link.symlink_to("none")
    assert not dkmstree.active(system, NE2K, RELEASE)
    link.unlink()
    link.symlink_to(f"{__version__}/{RELEASE}/x86_64")
    assert dkmstree.active(system, NE2K, RELEASE)


@pytest.mark.parametrize("damaged", ["", "{}", "[]", '{"driver": "ne2k_pci", "modules": 1}'])
def test_a_damaged_record_of_a_package_is_written_again(system: System, damaged: str) -> None:
    """A power cut may leave a file empty; that must not keep `dkms add` from doing its work."""
    dkmstree.write_source(system, NE2K, Cache(Path("/c")))
    about = dkmstree.source(system, NE2K) / "pfq-omatic.json"
    about.write_text(damaged)
    assert dkmstree.registered(system) == ()
    dkmstree.write_source(system, NE2K, Cache(Path("/c")))
    assert dkmstree.registered(system) == (NE2K,)


def test_dkms_is_kept_from_moving_the_stock_module(system: System) -> None:
    """Before it installs, it is told that a version is active; one that is active is left alone."""
    dkmstree.write_source(system, NE2K, Cache(Path("/c")))
    dkmstree.tree(system, NE2K).mkdir(parents=True)
    dkmsbuild.installing(system, "ne2k_pci", RELEASE)
    (link,) = dkmstree.tree(system, NE2K).glob(f"kernel-{RELEASE}-*")
    assert link.is_symlink()
    assert not link.exists()
    link.unlink()
    link.symlink_to("7/x")
    dkmsbuild.installing(system, "ne2k_pci", RELEASE)
    assert str(link.readlink()) == "7/x"


# --- hooks and units


def test_hooks_are_valid_and_never_fail(system: System) -> None:
    """A shell can read them; with a program that fails, or has gone, they succeed."""
    dkmshooks.put(system, Cache(Path("/c")))
    for hook in dkmshooks.hooks(system):
        assert hook.name < "dkms" and hook.name < "initramfs-tools"
        subprocess.run(["sh", "-n", hook], check=True)
        text = hook.read_text()
        program = shlex.quote(dkmstree.command(Cache(Path("/c")))[0])
        assert program in text
        for other in ("/bin/false", "/nonexistent"):
            hook.write_text(text.replace(program, other))
            subprocess.run([hook, RELEASE, "/boot/vmlinuz"], check=True, capture_output=True)
        subprocess.run([hook], check=True)


def test_hooks_and_units_leave_nothing(system: System) -> None:
    """The timer's link has its target; what other packages have there stays."""
    other = system.root / "etc/kernel/postinst.d/dkms"
    other.parent.mkdir(parents=True)
    other.write_text("")
    dkmshooks.put(system, Cache(Path("/c")))
    dkmshooks.put(system, Cache(Path("/c")))
    service, timer, link = dkmshooks.units(system)
    assert link.resolve() == timer.resolve()
    assert "dkms retry" in service.read_text()
    dkmshooks.remove(system)
    assert [path for path in system.root.rglob("*") if not path.is_dir()] == [other]
    assert not link.parent.exists()
    dkmshooks.remove(system)


def test_every_template_is_used() -> None:
    """No template is left over, and each can be filled in."""
    names = {path.name for path in (Path(__file__).parents[2] / "templates/dkms").iterdir()}
    assert names == {
        "dkms.conf.j2", "Makefile.j2", "script.sh.j2", "kernel-hook.sh.j2",
        "pfq-omatic-dkms.service.j2", "pfq-omatic-dkms.timer.j2",
    }  # fmt: skip
    assert "dkms" in render.render("dkms/script.sh.j2", name="pfq", command="/opt/pfq-omatic")


# --- records


def test_a_record_tells_how_it_ended(system: System) -> None:
    """A failure with its hint and how to try again; a driver that this kernel has not is no failure."""
    with pytest.raises(SourceUnreachable), dkmsrecord.attempt(system, RELEASE, "igb"):
        raise SourceUnreachable("no network", hint="check it", details=["a", "b", "c", "d"])
    record = dkmsrecord.read(system, RELEASE, "igb")
    assert record is not None
    assert (record.result, record.why) == ("failed", "no network; a; b; c")
    assert record.hint == f"check it; then: pfq-omatic dkms retry --kernel {RELEASE}"
    with pytest.raises(UnknownDriver), dkmsrecord.attempt(system, RELEASE, "igb"):
        raise UnknownDriver("no igb here", hint="see the list")
    record = dkmsrecord.read(system, RELEASE, "igb")
    assert record is not None
    assert (record.result, record.hint) == ("skipped", "see the list")


def test_what_nobody_foresaw_is_on_record(system: System) -> None:
    """An error of our own is no power cut; neither is one after dkms has installed."""
    with pytest.raises(KeyError), dkmsrecord.attempt(system, RELEASE, "igb"):
        raise KeyError("sites")
    record = dkmsrecord.read(system, RELEASE, "igb")
    assert record is not None
    assert (record.result, record.why) == ("failed", "KeyError: 'sites'")
    with pytest.raises(DkmsFailed):
        dkmsbuild.installed(system, "ne2k_pci", RELEASE)
    record = dkmsrecord.read(system, RELEASE, "ne2k_pci")
    assert record is not None
    assert (record.result, record.why) == ("failed", "ne2k_pci is not registered")


def test_the_innermost_attempt_has_the_word(system: System) -> None:
    """What dkms says of its script's failure is worth less than what the script has recorded."""
    with pytest.raises(DkmsFailed), dkmsrecord.attempt(system, RELEASE, "igb"):
        with pytest.raises(SourceUnreachable), dkmsrecord.attempt(system, RELEASE, "igb"):
            raise SourceUnreachable("no network", hint="check it")
        raise DkmsFailed("dkms failed (10)", hint="see its log")
    record = dkmsrecord.read(system, RELEASE, "igb")
    assert record is not None
    assert record.why == "no network"


def test_an_attempt_that_is_killed_is_on_record(system: System) -> None:
    """No handler runs in a power cut: what was written before tells."""
    with pytest.raises(KeyboardInterrupt), dkmsrecord.attempt(system, RELEASE, "igb"):
        raise KeyboardInterrupt
    record = dkmsrecord.read(system, RELEASE, "igb")
    assert record is not None
    assert record.why.startswith("cut short")


def test_a_failure_after_success_is_a_failure(system: System) -> None:
    """Installed, but modprobe would load another one."""
    with pytest.raises(NotInstalled), dkmsrecord.attempt(system, RELEASE, "igb"):
        dkmsrecord.write(system, RELEASE, "igb", dkmsrecord.READY, "installed")
        raise NotInstalled("modprobe would load another", hint="see depmod.d")
    record = dkmsrecord.read(system, RELEASE, "igb")
    assert record is not None
    assert record.result == "failed"


def test_receipts_go_with_what_dkms_removes(system: System) -> None:
    """Only its own, only where the files have gone; records of kernels that have gone go, too."""
    for release, name, owner, there in (
        (RELEASE, "igb", "dkms", False),
        (RELEASE, "e1000e", "dkms", True),
        (RELEASE, "ixgbe", "install", False),
    ):
        file = system.modules(release) / f"updates/dkms/{name}.ko"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
        files = (InstalledFile(f"/{file.relative_to(system.root)}", sha256(file)),)
        receipt.write(system, Receipt(name, release, owner, files, None, 1, "", "", ""))
        dkmsrecord.write(system, release, name, dkmsrecord.READY, "")
        if not there:
            file.unlink()
    dkmsrecord.write(system, "5.10.0-1-amd64", "igb", dkmsrecord.FAILED, "no sources")
    dkmsbuild.removed(system)
    assert {kept.driver for kept in receipt.every(system)} == {"e1000e", "ixgbe"}
    assert dkmsrecord.read(system, RELEASE, "igb") is None
    assert dkmsrecord.read(system, RELEASE, "e1000e") is not None
    assert [path.name for path in dkmsrecord.folder(system).iterdir()] == [RELEASE]


def test_a_drafted_receipt(system: System) -> None:
    """What was built is known until it is installed or dropped."""
    stock = InstalledFile("/lib/modules/x/kernel/igb.ko", "0" * 64)
    draft = Receipt("igb", RELEASE, "dkms", (), stock, 2, "equal sections", "", "")
    dkmsrecord.keep_built(system, draft)
    assert dkmsrecord.built(system, RELEASE, "igb") == draft
    dkmsrecord.write(system, RELEASE, "igb", dkmsrecord.FAILED, "")
    dkmsrecord.remove(system, RELEASE, "igb")
    assert dkmsrecord.built(system, RELEASE, "igb") is None
    assert not dkmsrecord.folder(system).exists()
