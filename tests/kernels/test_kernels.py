# SPDX-License-Identifier: GPL-2.0-or-later
"""Drivers for the kernels of other Debian releases, each below a root of its own: built, proven, rehearsed."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from omatic import dirs, elf, proc
from tests import kernelroots
from tests.build.conftest import Command
from tests.build.test_drivers import assert_accelerated, assert_proven
from tests.kernelroots import KernelRoot

pytestmark = pytest.mark.kernels

LINES = ("5.10", "6.12", "7")
DRIVERS = ("e1000e", "veth")
"""A driver of many files, and one that shares its folder with others and is made of one file."""


@dataclass(frozen=True)
class Below:
    """The command line for the kernel below a root, which it need not be told the release of."""

    root: KernelRoot

    def json(self, command: str, *arguments: str) -> list[dict[str, Any]]:
        """Run a command that must succeed and return what it printed."""
        there = Command(self.root.release, dirs.default_cache())
        return there.json(command, [], *arguments, "--sysroot", str(self.root.path))

    def json_of(self, command: str) -> list[dict[str, Any]]:
        """Run a command that takes no driver, and return what it printed."""
        status, printed, said = self.ask(command, "--json")
        assert status == 0, said
        found = json.loads(printed)
        assert isinstance(found, list)
        return found

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a command; return its exit code and what it complained of."""
        status, _, said = self.ask(*arguments)
        return status, said

    def ask(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command; return its exit code, what it printed and what it complained of."""
        done = Command(self.root.release, dirs.default_cache()).run(*arguments, "--sysroot", str(self.root.path))
        return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module", params=LINES)
def below(request: pytest.FixtureRequest) -> Below:
    """The newest kernel of each line."""
    return Below(kernelroots.root(request.param))


@pytest.fixture
def newest() -> Below:
    """The newest kernel of all."""
    return Below(kernelroots.root("7"))


def _files(root: Path) -> Iterator[tuple[str, int, int]]:
    for folder, folders, files in os.walk(root):
        # apt's own indexes, which it makes again when it is asked.
        folders[:] = [name for name in folders if Path(folder, name) != root / "var/cache/apt"]
        for name in (*folders, *files):
            found = Path(folder, name).lstat()
            yield os.path.join(folder, name), found.st_size, found.st_mtime_ns  # noqa: PTH118 - 50 000 of them


def test_build_proves(below: Below) -> None:
    """Every proof, as on this machine's own kernels, by the root's own compiler, which is recorded; and nothing is
    left in the root."""
    below.json("plan", "vmxnet3")
    before = set(_files(below.root.path))
    built = below.json("build", *DRIVERS)
    assert [one["driver"] for one in built] == list(DRIVERS)
    for one in built:
        assert_proven(one)
        assert_accelerated(one)
        evidence = one["checks"]["provenance"]["evidence"]
        assert evidence["tools"]["root"] == str(below.root.path)
        # "GCC: (Debian 10.2.1-6) 10.2.1 20210110" in the object, "gcc-10 (Debian 10.2.1-6) 10.2.1 20210110" by itself.
        assert evidence["compilers"]["stock"] == ["GCC: " + re.sub(r"^\S+ ", "", evidence["tools"]["compiler"])]
        assert evidence["tools"]["kbuild"].startswith("linux-kbuild-")
    assert set(_files(below.root.path)) == before


def test_doctor(below: Below) -> None:
    """Nothing is missing there, and the programs run."""
    found = {one["name"]: one for one in below.json_of("doctor")}
    assert all(one["ok"] for one in found.values() if one["required"]), found
    assert found["make"]["detail"].startswith(str(below.root.path))
    assert "GNU Make" in found[f"programs below {below.root.path}"]["detail"]


def test_install(below: Below) -> None:
    """Built with the root's own headers and compiler, for its only kernel, and put into it; removed without a trace."""
    folder = below.root.path / "lib/modules" / below.root.release
    try:
        status, said = below.run("install", "vmxnet3")
        assert status == 0, said
        module = folder / "updates/drivers/net/vmxnet3/vmxnet3.ko"
        assert (elf.stated(module, "vermagic") or "").startswith(f"{below.root.release} ")
        assert (folder / "updates/pfq/pfq_hook.ko").is_file()
    finally:
        status, said = below.run("uninstall", "vmxnet3")
    assert status == 0, said
    assert not (folder / "updates").exists()


def test_rehearse(below: Below) -> None:
    """The kernel boots, the driver hands every frame to PFQ, and all is unloaded with a clean log."""
    (verdict,) = below.json("rehearse", "e1000e", "--frames", "2000")
    assert verdict["passed"], verdict
    assert verdict["kernel"] == below.root.release


def test_inline_twin(newest: Below) -> None:
    """napi_gro_receive is an inline there: the module imports the twin of what is inside."""
    (built,) = newest.json("build", "vmxnet3")
    assert_proven(built)
    imports = elf.imports(Path(built["module"]))
    assert "pfq_gro_receive_skb" in imports
    assert not imports & {"pfq_gro_receive", "napi_gro_receive", "gro_receive_skb"}


def test_inline_of_a_kernel_header(newest: Below) -> None:
    """idpf delivers through net/libeth/ there; the site is in a rewritten copy of that header."""
    (plan,) = newest.json("plan", "idpf")
    assert {site["path"] for site in plan["sites"]} > {"include/net/libeth/xdp.h"}
    status, patch, said = newest.ask("plan", "idpf", "--diff")
    assert status == 0, said
    lines = patch.splitlines()
    assert {"copy from include/net/libeth/xdp.h", "copy to pfq/include/net/libeth/xdp.h"} <= set(lines)
    assert "# generated for the build: pfq/hook.h" in lines
    changed = [line for line in lines if line.startswith("+\t") and "pfq_" in line]
    assert len(changed) == sum(site["kind"] in ("call", "address taken", "macro body") for site in plan["sites"])
    (built,) = newest.json("build", "idpf")
    assert_proven(built)
    assert_accelerated(built)


def test_unproven_is_refused_without_crcs(newest: Below, tmp_path: Path) -> None:
    """Without MODVERSIONS nothing else would stop a driver of the wrong sources; --force takes it all the same."""
    (built,) = newest.json("build", "vmxnet3")
    proc.run(
        ["git", "clone", "--quiet", "-b", "vanilla", Path(built["module"]).parents[1] / "tree", tmp_path / "linux"]
    )
    folder = tmp_path / "linux/drivers/net/vmxnet3"
    for ours in (folder / "Kbuild", tmp_path / "linux/Kbuild"):
        ours.unlink(missing_ok=True)
    source = folder / "vmxnet3_drv.c"
    # All of them: the first is in a part that is not compiled, and proves to make no difference.
    source.write_text(source.read_text().replace("return 0;", "return 1;"))
    status, said = newest.run("build", "vmxnet3", "--source", str(tmp_path / "linux"))
    assert (status, "not proven" in said) == (13, True), said
    status, said = newest.run("build", "vmxnet3", "--source", str(tmp_path / "linux"), "--force")
    assert status == 0, said
