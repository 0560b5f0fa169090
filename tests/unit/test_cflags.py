# SPDX-License-Identifier: GPL-2.0-or-later
"""Compile commands out of make -n, as different kernels print them."""

from pathlib import Path

from omatic import cflags

TREE = Path("/t")
OLD = (
    "set -e;  echo '  CC [M]  /t/d/a.o';    trap 'rm -f /t/d/a.o; trap - HUP; kill -s HUP $$' HUP;  "
    'gcc-12 -Wp,-MMD,/t/d/.a.o.d -nostdinc -I./include -DKBUILD_MODNAME=\'"a"\' -DX="(1)" -c -o /t/d/a.o /t/d/a.c   '
    "; ./tools/objtool/objtool --orc /t/d/a.o; scripts/basic/fixdep /t/d/.a.o.d /t/d/a.o ' gcc-12 -c -o /t/d/a.o "
    "/t/d/a.c' > /t/d/.a.o.cmd\n"
    "set -e; if nm /t/d/a.o | grep -q __ksymtab; then  gcc-12 -E -D__GENKSYMS__ /t/d/a.c | genksyms; fi\n"
)
NEW = (
    "make[1]: Entering directory '/t'\n"
    "set -e; trap 'rm -f d/b.o' HUP; gcc-14 -I/k/include -I. -c -o d/b.o d/b.c  ; scripts/fixdep x y z\n"
    "gcc-14 -c -o d/b.mod.o d/b.mod.c\n"
)


def test_old_form() -> None:
    """Up to 6.12: absolute paths, entered in the kernel's folder, everything on one line."""
    (command,) = cflags.parse(OLD, TREE, Path("/build"))
    assert (command.source, command.output) == ("d/a.c", "d/a.o")
    assert command.directory == Path("/build")
    assert '-DKBUILD_MODNAME="a"' in command.arguments
    assert "-DX=(1)" in command.arguments
    assert command.arguments[0] == "-Wp,-MMD,/t/d/.a.o.d"


def test_new_form() -> None:
    """From 6.13 make works in the module's folder; module glue is none of the driver's code."""
    (command,) = cflags.parse(NEW, TREE, Path("/build"))
    assert (command.source, command.directory) == ("d/b.c", Path("/t"))


def test_nothing_to_compile() -> None:
    """Chatter is not a command."""
    assert list(cflags.parse("make: Nothing to be done for 'modules'.\n", TREE, Path("/build"))) == []


def test_paths_of_another_root() -> None:
    """Absolute paths count from the root that the compiler runs in, but those of the tree, which is shown there."""
    root = Path("/r")
    text = OLD.replace("-I./include", "-I./include -I/usr/src/h -I/t/pfq -include /usr/src/k.h -isystem /usr/lib/gcc")
    (command,) = cflags.parse(text, TREE, Path("/build"))
    moved = cflags.outside(command, TREE, root)
    assert moved.directory == Path("/r/build")
    assert moved.arguments[2:9] == (
        "-I./include", "-I/r/usr/src/h", "-I/t/pfq", "-include", "/r/usr/src/k.h", "-isystem", "/r/usr/lib/gcc",
    )  # fmt: skip
    assert cflags.outside(command, TREE, Path("/")) == command
