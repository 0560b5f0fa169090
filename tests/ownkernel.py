# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel that is an installed one with other options: its headers are copied and changed, and so are its modules,
which are built from pristine sources against them. Only commands that are run through it see it.

    own = ownkernel.make(command, tmp_path, {"CONFIG_MODVERSIONS": None})
    own.add_stock(tree, "drivers/net/vmxnet3", "CONFIG_VMXNET3=m")     the distribution's module of that kernel
    own.run("build", "vmxnet3", ...)                                   the command line, for that kernel

It has the release, and lies at the paths, of the one that it is made of: by bind mounts in a mount namespace.
"""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from omatic import proc, sysroot
from tests.build.conftest import Command

_ENTER = """\
set -e
while [ "$1" != -- ]; do
	case $2 in /mnt/*) mountpoint -q /mnt || mount -t tmpfs tmpfs /mnt; mkdir -p "$2" ;; esac
	mount --bind "$1" "$2"
	shift 2
done
shift
exec "$@"
"""


@dataclass(frozen=True)
class OwnKernel(Command):
    """The command line for that kernel. `mounts` are what is seen where, `built_at` is where its modules are built."""

    mounts: tuple[tuple[Path, Path], ...]
    built_at: Path

    def argv(self, *arguments: str) -> list[str | Path]:
        """Return the whole command line."""
        return self.inside(super().argv(*arguments))

    def inside(self, argv: Sequence[str | Path], *mounts: tuple[Path, Path]) -> list[str | Path]:
        """Return a command that sees the kernel."""
        places = [path for pair in (*self.mounts, *mounts) for path in pair]
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER, "sh", *places, "--", *argv]

    @property
    def modules(self) -> Path:
        """What is at /lib/modules/RELEASE."""
        return next(path for path, place in self.mounts if place.parent == Path("/lib/modules"))

    def add_stock(self, tree: Path, folder: str, *options: str) -> Path:
        """Build a driver by its own Makefile, as the distribution does: the kernel's tree, the driver in it, is at the
        path where that kernel was built, and the objects are elsewhere. Return the module."""
        headers = Path("/lib/modules", self.release, "build")
        source = tree if self.built_at == tree else _merged(tree, headers)
        argv: list[str | Path]
        argv = ["make", "-C", self.built_at, f"O={headers.resolve()}"] if source != tree else ["make", "-C", headers]
        argv += [f"M={self.built_at / folder}", f"KCFLAGS=-fmacro-prefix-map={self.built_at}/=", *options, "modules"]
        mounts = ((source, self.built_at),) if source != tree else ()
        proc.run(self.inside(argv, *mounts))
        (built,) = (source / folder).glob("*.ko")
        place = self.modules / "kernel" / folder / built.name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(built, place)
        return place


def _merged(tree: Path, headers: Path) -> Path:
    # The kernel's tree with this driver alone: a copy, for links would show where they lead.
    merged = tree.with_name("linux")
    common = re.search(r"^include (\S+)/Makefile$", (headers / "Makefile").read_text(), re.MULTILINE)
    assert common, "these headers are laid out in another way"
    shutil.copytree(common[1], merged, symlinks=True)
    for name in ("scripts", "tools"):
        if (headers / name).exists():
            (merged / name).unlink(missing_ok=True)
            (merged / name).symlink_to((headers / name).resolve())
    shutil.copytree(tree / "drivers", merged / "drivers", dirs_exist_ok=True)
    return merged


def make(
    command: Command,
    folder: Path,
    options: Mapping[str, str | None],
    *,
    exports: Sequence[str] = (),
    built_at: Path | None = None,
) -> OwnKernel:
    """Return a kernel with these options (None: off) that exports these symbols, too; it has no modules yet."""
    if os.geteuid() != 0 or not sysroot.possible():
        pytest.skip("only root can show another kernel in the place of this one")
    headers = Path("/lib/modules", command.release, "build").resolve()
    copy = folder / "headers"
    shutil.copytree(headers, copy, symlinks=True)
    for name, value in options.items():
        _set(copy, name, value)
    crcs = options.get("CONFIG_MODVERSIONS", "y") == "y"
    table = (copy / "Module.symvers").read_text()
    table = table if crcs else re.sub(r"^0x\w+", "0x00000000", table, flags=re.MULTILINE)
    added = "".join(f"0x{0x1234567 if crcs else 0:08x}\t{name}\tvmlinux\tEXPORT_SYMBOL\t\n" for name in exports)
    (copy / "Module.symvers").write_text(table + added)
    modules = folder / "modules"
    (modules / "kernel").mkdir(parents=True)
    for name in ("build", "source"):
        (modules / name).symlink_to(Path("/lib/modules", command.release, name).readlink())
    cache = folder / "cache"
    cache.mkdir()
    for name in ("downloads", "sources"):
        if (command.cache / name).is_dir():
            (cache / name).symlink_to(command.cache / name)
    mounts = ((copy, headers), (modules, Path("/lib/modules", command.release)))
    return OwnKernel(command.release, cache, mounts, built_at or folder / "tree")


def _set(headers: Path, name: str, value: str | None) -> None:
    """Set an option in all three places where a build looks for it."""
    for path, line in (
        (".config", f"{name}={value}" if value else f"# {name} is not set"),
        ("include/config/auto.conf", f"{name}={value}" if value else ""),
        ("include/generated/autoconf.h", f"#define {name} 1" if value == "y" else ""),
    ):
        text = (headers / path).read_text()
        former = rf"^(?:# )?(?:#define )?{name}(?:[= ].*)?\n"
        (headers / path).write_text(re.sub(former, "", text, flags=re.MULTILINE) + line + "\n" * bool(line))


def pristine(command: Command, driver: str, folder: Path) -> Path:
    """Return the distribution's own sources of a driver, at their path in the tree and with their own Makefile."""
    (plan,) = command.json("plan", [driver])
    assert plan["driver"] == driver
    (tree,) = (command.cache / "work" / command.release / driver).glob("tree")
    proc.run(["git", "clone", "--quiet", "-b", "vanilla", tree, folder])
    for generated in folder.rglob("Kbuild"):
        generated.unlink()
    return folder
