# SPDX-License-Identifier: GPL-2.0-or-later
"""How a vendor's make is run, and what it can do; what is read of the records that kbuild leaves."""

import os
from pathlib import Path

import pytest

from omatic import proc
from omatic.errors import BuildFailed, UnknownDriver
from omatic.kernel import running
from omatic.model import KernelTarget
from omatic.vendor import build, compiled, confine

RELEASE = "6.1.0-1-toy"


@pytest.fixture
def target(tmp_path: Path) -> KernelTarget:
    """A kernel whose headers are one folder."""
    headers = tmp_path / "headers"
    headers.mkdir()
    return KernelTarget(RELEASE, headers, {}, headers / "Module.symvers", "gcc", None)


def run(target: KernelTarget, root: Path, recipe: str) -> str:
    """Run a Makefile that builds x.ko by a recipe; return what it said."""
    root.mkdir(exist_ok=True)
    lines = "".join(f"\t{line}\n" for line in recipe.splitlines())
    (root / "Makefile").write_text(
        f"obj-m := x.o\nV := $(shell uname -r)\nall:\n{lines}\nsub:\n\t$(MAKE) -C k M=$(PWD)\n"
    )
    log = root.parent / "log"
    log.write_text("")
    build.run(target, root, "x", tools=root.parent / "tools", log_to=log, jobs=1)
    return log.read_text()


def test_environment(target: KernelTarget, tmp_path: Path) -> None:
    """uname tells of the kernel that we want, PWD is what a shell would set, and no repository is around the source."""
    proc.run(["git", "init", "-q", tmp_path])
    root = tmp_path / "root"
    said = run(
        target,
        root,
        "@echo here=$(PWD) kernel=$(V) $$(uname -s -r)\n@git describe --always || echo none\n@echo $$KCFLAGS",
    )
    assert f"here={root} kernel={RELEASE} Linux {RELEASE}\n" in said
    assert "none\n" in said and f"-include {root}/pfq/hook.h" in said
    assert running() not in said or running() == RELEASE


@pytest.mark.skipif(os.geteuid() != 0, reason="only root could write there")
def test_confined(target: KernelTarget, tmp_path: Path) -> None:
    """Whatever a Makefile does, the system and the kernel's headers stay as they are; its own folder it may change."""
    (target.build_dir / "auto.conf").write_text("as it was")
    root = tmp_path / "root"
    victims = [target.build_dir / "auto.conf", Path("/usr/pfq-omatic-test"), Path("/etc/pfq-omatic-test")]
    said = run(target, root, "\n".join(f"@touch {path} && echo written" for path in [root / "x"]) + "\n" + "\n".join(
        f"@rm -f {path}; echo x > {path} || echo refused" for path in victims
    ))  # fmt: skip
    assert (said.count("written"), said.count("refused")) == (1, 3)
    assert (target.build_dir / "auto.conf").read_text() == "as it was"
    assert not any(path.exists() for path in victims[1:])


def test_nothing_is_confined_for_a_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user's rights are small enough."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert confine.command(["make", "all"], tmp_path) == ["make", "all"]


def test_failure(target: KernelTarget, tmp_path: Path) -> None:
    """The compiler's own errors, by path below the source."""
    with pytest.raises(BuildFailed) as failed:
        run(target, tmp_path / "root", f"@echo {tmp_path}/root/x.c:7:1: error: no such thing\n@false")
    assert failed.value.details == ("x.c:7: no such thing",)


def record(root: Path, path: str, command: str, read: str = "") -> None:
    """Leave what kbuild leaves beside an object."""
    source = (root / path).with_suffix(".c")
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text("")
    (root / path).write_text("")
    (source.parent / f".{Path(path).name}.cmd").write_text(
        f"{command}\n\nsource_{root}/{path} := {source}\n\n"
        f"deps_{root}/{path} := \\\n  $(wildcard include/config/X) \\\n"
        f"{read}\n{root}/{path}: $(deps_{root}/{path})\n"
    )


@pytest.mark.parametrize(
    ("prefix", "listing"),
    [("cmd_", "{r}/m/x_main.o {r}/m/../lib/lib.o\nnetif_rx printk\n"),
     ("savedcmd_", "{r}/m/x_main.o\n{r}/m/../lib/lib.o\n"),
     ("savedcmd_", "x_main.o\n../lib/lib.o\n")],
)  # fmt: skip
def test_records(target: KernelTarget, tmp_path: Path, prefix: str, listing: str) -> None:
    """Records of 5.10, 6.12 and of kernels that build inside M=: the module's own objects, and what they read."""
    root = tmp_path / "root"
    header = root / "lib/lib.h"
    for path, named in (("m/x_main.o", "m/x_main"), ("lib/lib.o", "m/../lib/lib"), ("m/other.o", "m/other")):
        compile_it = f"gcc -DA='\"$$(pound)\"' -I./a -c -o {root}/{named}.o {root}/{named}.c ; ./tool x.o"
        text = f"{prefix}{root}/{named}.o := {compile_it}"
        record(root, path, text, f"  {root}/m/../lib/lib.h \\\n  include/linux/x.h \\\n")
    header.write_text("")
    (root / "m/Module.symvers").write_text("")
    (root / "m/x.ko").write_text("")
    (root / "m/x.mod").write_text(listing.format(r=root))
    found = compiled.look(target, root, "x")
    assert (found.module, found.read, found.folders) == ("m/x.ko", ("lib/lib.h",), ("m",))
    assert {(c.source, c.output) for c in found.commands} == {
        ("m/x_main.c", "m/x_main.o"), ("lib/lib.c", "lib/lib.o")
    }  # fmt: skip
    assert all(c.directory == target.build_dir for c in found.commands)
    with pytest.raises(UnknownDriver) as refused:
        compiled.look(target, root, "y")
    assert "x" in refused.value.hint
