# SPDX-License-Identifier: GPL-2.0-or-later
"""Errors out of build logs."""

from omatic.buildlog import BuildError, errors

LOG = """\
  CC [M]  /t/a.o
/t/a.c: In function 'f':
/t/a.c:12:2: warning: unused variable 'x' [-Wunused-variable]
/t/a.c:14:9: error: implicit declaration of function 'g'
/t/a.c:3:10: fatal error: no_such.h: No such file or directory
/t/a.c:14:9: error: implicit declaration of function 'g'
/tmp/x.s:7: Error: no such instruction: `foo'
ERROR: modpost: "pfq_gro_receive" [/t/a.ko] undefined!
make[2]: *** No rule to make target '/t/b.o', needed by '/t/b.ko'.  Stop.
make[1]: *** [scripts/Makefile.build:250: /t/a.o] Error 1
"""


def test_errors() -> None:
    """Compiler, assembler, modpost and make; warnings and make's echoes are left out, each error once."""
    assert errors(LOG) == (
        BuildError("/t/a.c", 14, "implicit declaration of function 'g'"),
        BuildError("/t/a.c", 3, "no_such.h: No such file or directory"),
        BuildError("/tmp/x.s", 7, "no such instruction: `foo'"),
        BuildError("", 0, 'modpost: "pfq_gro_receive" [/t/a.ko] undefined!'),
        BuildError("", 0, "make[2]: *** No rule to make target '/t/b.o', needed by '/t/b.ko'.  Stop."),
    )
