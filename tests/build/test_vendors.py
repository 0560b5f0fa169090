# SPDX-License-Identifier: GPL-2.0-or-later
"""Vendors' drivers with their own Makefiles and compatibility layers: planned, built, proven and installed."""

import json
import shutil
from pathlib import Path

import pytest

from omatic import elf, proc
from omatic.compare import compare
from omatic.rules import TWINS
from tests.build.conftest import Command

pytestmark = pytest.mark.kbuild

VENDORS = Path(__file__).parents[1] / "vendors"
SITES = {"swift": 3, "elm": 3, "pine": 1, "larch": 6}

GENERATED = """\
up.h:
\techo 'static inline void pine_up(struct sk_buff *skb) { netif_receive_skb(skb); }' > $@
\tsed -i 's/netif_rx(skb)/pine_up(skb)/; 5i #include "up.h"' pine.c
"""


@pytest.fixture
def vendor(tmp_path: Path) -> Path:
    """The vendors' sources where they may be changed, outside any repository."""
    return Path(shutil.copytree(VENDORS, tmp_path / "vendors"))


def repository(folder: Path) -> str:
    """Make a repository of a folder; return its commit."""
    git: list[str | Path] = ["git", "-C", folder, "-c", "user.name=t", "-c", "user.email=t@localhost"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        proc.run([*git, *arguments])
    return proc.run([*git, "rev-parse", "HEAD"]).stdout.strip()


@pytest.mark.parametrize("driver", SITES)
def test_build(private: Command, vendor: Path, driver: str) -> None:
    """From a git URL: every check passes or does not apply, against the vendor's own build; no import is left."""
    commit = repository(vendor / driver)
    (built,) = private.json("build", [driver], "--source", f"file://{vendor / driver}")
    checks = built["checks"]
    assert built["sites"] == SITES[driver]
    assert {name: check["verdict"] for name, check in checks.items()} == {
        "provenance": "skip", "minimality": "pass", "twin": "pass", "completeness": "pass",
        "abi": "pass" if driver == "elm" else "skip", "identity": "pass", "imports": "pass",
    }  # fmt: skip
    assert checks["provenance"]["evidence"]["summary"].startswith(f"vendor source, commit {commit}")
    module = Path(built["module"])
    assert not elf.imports(module) & TWINS.keys()
    assert elf.imports(Path(built["stock"])) & TWINS.keys()
    again = private.json("build", [driver], "--source", f"file://{vendor / driver}")
    assert again[0]["state"] == "unchanged" and again[0]["sha256"] == built["sha256"]
    (verified,) = private.json("verify", [driver], "--source", f"file://{vendor / driver}")
    assert verified["checks"] == checks


def test_archive_and_folder_give_the_same_module(private: Command, vendor: Path) -> None:
    """What is built depends on the content alone; each says where it is from."""
    archive = vendor / "swift.tar.gz"
    proc.run(["tar", "-czf", archive, "-C", vendor, "swift"])
    (one,) = private.json("build", ["swift"], "--source", str(archive))
    first = Path(shutil.copyfile(one["module"], vendor / "first.ko"))
    (two,) = private.json("build", ["swift"], "--source", str(vendor / "swift"))
    # Not byte by byte: the order of what pahole adds differs from run to run.
    assert compare(elf.load(first), elf.load(Path(two["module"])), renames={}).equal
    origins = [built["checks"]["provenance"]["evidence"]["origin"] for built in (one, two)]
    assert "swift.tar.gz, SHA-256" in origins[0] and f"folder {vendor / 'swift'}" in origins[1]


def test_a_published_driver(private: Command, tmp_path: Path) -> None:
    """One that Debian packages for dkms, with a compatibility layer that a script generates for the kernel."""
    proc.run(["apt-get", "download", "openvpn-dco-dkms"], cwd=tmp_path)
    (package,) = tmp_path.glob("*.deb")
    proc.run(["dpkg-deb", "-x", package, tmp_path / "unpacked"])
    (source,) = (tmp_path / "unpacked/usr/src").iterdir()
    (built,) = private.json("build", ["ovpn-dco-v2"], "--source", str(source))
    assert built["sites"] == built["relocations_changed"] == 1
    assert {check["verdict"] for check in built["checks"].values()} == {"pass", "skip"}


def test_plan_changes_calls_alone(private: Command, vendor: Path) -> None:
    """The wrappers of the compatibility layer are the sites; the patch applies to the vendor's source."""
    source = vendor / "swift"
    (planned,) = private.json("plan", ["swift"], "--source", str(source))
    kinds = {(Path(s["path"]).name, s["name"], s["kind"]) for s in planned["sites"]}
    assert ("kcompat.h", "napi_gro_receive", "call") in kinds
    assert ("kcompat.h", "netif_receive_skb_list", "macro body") in kinds
    assert ("kcompat.c", "netif_rx", "call") in kinds
    assert ("kcompat.h", "netif_receive_skb", "inactive") in kinds
    assert ("swift_txrx.c", "napi_gro_receive", "same name, other thing") in kinds
    done = private.run("plan", "swift", "--source", str(source), "--kernel", private.release, "--diff")
    assert done.returncode == 0, done.stderr
    changed = [line for line in done.stdout.splitlines() if line[0] in "+-" and line[:3] not in ("+++", "---")]
    assert len(changed) == 2 * SITES["swift"]
    (vendor / "plan.diff").write_text(done.stdout)
    proc.run(["git", "apply", "--check", "--unsafe-paths", f"--directory={source}", vendor / "plan.diff"], cwd=vendor)


def test_wrappers_that_the_command_line_includes(private: Command, vendor: Path) -> None:
    """A layer that -include brings into every file: its macros and inline functions are the sites, and so is a
    function's name without arguments, although a macro with arguments has that name."""
    (planned,) = private.json("plan", ["larch"], "--source", str(vendor / "larch"))
    sites = {(Path(s["path"]).name, s["name"], s["kind"]) for s in planned["sites"] if s["units"]}
    assert {one for one in sites if one[2] in ("call", "macro body", "address taken")} == {
        ("compat_rx.h", "napi_gro_receive", "call"),
        ("compat_rx.h", "netif_receive_skb", "macro body"),
        ("compat_rx.h", "netif_rx", "macro body"),
        ("ops.c", "napi_gro_receive", "address taken"),
        ("ops.c", "netif_receive_skb", "address taken"),
        ("ring.c", "netif_receive_skb_list", "call"),
    }
    assert ("ring.c", "napi_gro_receive", "same name, other thing") in sites


def test_pasted_names_are_refused(private: Command, vendor: Path) -> None:
    """What cannot be rewritten is refused with its place before anything is built accelerated."""
    done = private.run("build", "yew", "--source", str(vendor / "yew"), "--kernel", private.release)
    assert done.returncode == 7, done.stderr
    assert "driver/yew_main.c:10:" in done.stderr and "netif_rx" in done.stderr


def test_change_by_hand(private: Command, vendor: Path) -> None:
    """A change in the work tree is built; the source is then no longer the vendor's, and the check says so."""
    source = ("--source", str(vendor / "pine"))
    (built,) = private.json("build", ["pine"], *source)
    tree = Path(built["module"]).parents[1] / "tree"
    text = (tree / "pine.c").read_text()
    (tree / "pine.c").write_text(text.replace("One file", "One file, changed"))
    done = private.run("build", "pine", *source, "--kernel", private.release, "--json")
    (changed,) = json.loads(done.stdout)
    assert changed["checks"]["provenance"]["verdict"] == "fail"
    assert changed["checks"]["provenance"]["evidence"]["altered"] == ["pine.c"]
    assert changed["checks"]["minimality"]["verdict"] == "pass"
    assert elf.modinfo(Path(changed["module"]))["description"] == ("One file, changed",)


@pytest.mark.parametrize(
    ("file", "old", "new", "code", "said"),
    [
        # The delivery function's name is made of pieces: the text has no mention, the object code tells.
        ("pine.c", "netif_rx(skb);", "UP(rx)(skb);\n#define UP(x) netif_##x", 12, "pine.c:"),
        ("pine.c", "static struct net_device *pine_dev;",
         "#define UP(x) netif_##x\nstatic struct net_device *pine_dev;\n"
         "static int also(struct sk_buff *skb) { return UP(receive_skb)(skb); }\n"
         "static int (*volatile through)(struct sk_buff *) = also;", 13,
         "still imported: netif_receive_skb in also+"),
        # The build makes the file with the site itself.
        ("Makefile", "modules:", f"modules: up.h\n{GENERATED}modules:", 7, "up.h:1: netif_receive_skb"),
        ("pine.c", 'MODULE_LICENSE("GPL")', 'MODULE_LICENSE("Proprietary")', 7, "pine.c:"),
        ("pine.c", "netif_rx(skb);", "dev_kfree_skb_any(skb);", 5, "delivers no packets"),
        ("pine.c", "return NETDEV_TX_OK;", "return no_such_thing;", 12, "pine.c:14: "),
        ("Makefile", "\t$(MAKE) -C $(KDIR) M=$(PWD) modules", "\texit 1; $(MAKE) -C $(KDIR) M=$(PWD)", 12, "Error 1"),
    ],
)  # fmt: skip
def test_refusals(private: Command, vendor: Path, file: str, old: str, new: str, code: int, said: str) -> None:
    """What cannot be done is refused with its place, and nothing is delivered."""
    path = vendor / "pine" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    target = vendor / "delivered"
    done = private.run(
        "build", "pine", "--source", str(vendor / "pine"), "--kernel", private.release, "--output", str(target)
    )
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert not target.exists()


def test_the_kernel_headers_survive(private: Command, vendor: Path) -> None:
    """A Makefile that counts on PWD, which make does not set, must not enter the headers with an empty M=."""
    path = vendor / "pine/Makefile"
    text = path.read_text().replace("PWD := $(shell pwd)\n", "")
    assert "M=$(PWD)" in text and "shell pwd" not in text
    path.write_text(text)
    headers = Path("/lib/modules", private.release, "build").resolve()
    before = (headers / "include/generated/autoconf.h").stat()
    private.json("build", ["pine"], "--source", str(vendor / "pine"))
    assert (headers / "include/generated/autoconf.h").stat() == before


def test_install(private: Command, vendor: Path, tmp_path: Path) -> None:
    """A driver that the kernel has none of: installed beside the core, and removed without a trace."""
    (stock,) = private.json("plan", ["vmxnet3"])[:1]
    assert stock
    (built,) = private.json("build", ["vmxnet3"])
    original = next(folder for folder in Path(built["stock"]).parents if folder.name == private.release)
    root = tmp_path / "root"
    folder = root / "lib/modules" / private.release
    shutil.copytree(original / "kernel/drivers/net/vmxnet3", folder / "kernel/drivers/net/vmxnet3")
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copyfile(original / name, folder / name)
    proc.run(["depmod", "-b", root, private.release])
    before = sorted(str(path) for path in folder.rglob("*"))
    place = ("--kernel", private.release, "--sysroot", str(root))
    done = private.run("install", "pine", "--source", str(vendor / "pine"), *place)
    assert done.returncode == 0, done.stderr
    ours = folder / "updates/drivers/net/pine.ko"
    assert proc.run(["modinfo", "-b", root, "-k", private.release, "-n", "pine"]).stdout.strip() == str(ours)
    (line,) = [x for x in (folder / "modules.dep").read_text().splitlines() if x.startswith("updates/drivers/net/pine")]
    assert "updates/pfq/pfq_hook.ko" in line
    status = json.loads(private.run("status", *place, "--json").stdout)
    (driver,) = [one for one in status["drivers"] if one["name"] == "pine"]
    assert (driver["modprobe"], driver["provenance"]) == ("ours", "vendor source")
    done = private.run("uninstall", "pine", *place)
    assert done.returncode == 0, done.stderr
    assert sorted(str(path) for path in folder.rglob("*")) == before
