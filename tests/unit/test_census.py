# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may include a file: by its text, by the compiler's command line, and where a macro makes the name."""

from pathlib import Path

from omatic import census

FILES = {
    "src/a.c": '#include "../compat/rx.h"\n',
    "src/b.c": "int b;\n",
    "src/c.c": "#define NAME <compat/rx.h>\n#include NAME\n",
    "compat/all.h": '#include "rx.h"\n',
    "compat/rx.h": "\n",
}


def test_includers(tmp_path: Path) -> None:
    """A compatibility header that -include brings into every file is seen by every file, and so is what it includes."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = census.includers(tmp_path, FILES)
    assert found["compat/rx.h"] == {"src/a.c", "src/c.c", "compat/all.h"}
    assert found["compat/all.h"] == {"src/c.c"}
    forced = census.includers(tmp_path, FILES, {"src/b.c": ("./include/linux/kconfig.h", "all.h")})
    assert forced["compat/rx.h"] == {"src/a.c", "src/b.c", "src/c.c", "compat/all.h"}
    assert forced["compat/all.h"] == {"src/b.c", "src/c.c"}
