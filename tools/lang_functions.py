# SPDX-License-Identifier: GPL-2.0-or-later
"""Write the reference of pfq-lang's functions into docs/lang.md, from the table that the language itself uses.

Usage: python tools/lang_functions.py [FILE]
"""

import sys
from pathlib import Path

from pfq.lang.functions import table
from pfq.lang.functions.entry import Entry

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "lang.md"
BEGIN, END = "<!-- functions: python tools/lang_functions.py -->\n", "<!-- end of functions -->\n"


def reference() -> str:
    """Return the reference: a table for each family."""
    parts = []
    for family in table.FAMILIES:
        assert family.__doc__
        parts.append(f"### {family.__doc__.split('.')[0].split(':')[0]}\n\n")
        parts.append("| function | type | what it does | libpcap |\n|---|---|---|---|\n")
        parts += [_line(entry) for entry in family.ROWS]
        parts.append("\n")
    others = ", ".join(f"`{name}` ({meant})" for name, meant in table.ALIASES.items())
    return "".join(parts) + f"Other names, which programs of PFQ's C++ library have: {others}.\n\n"


def _line(entry: Entry) -> str:
    said = " ".join((entry.symbol, *(name.upper() for name in entry.names)))
    pcap = f"`{entry.pcap}`" if entry.pcap else ""
    return f"| `{said}` | `{entry.type}` | {entry.line} | {pcap} |\n"


def written(text: str) -> str:
    """Return a document with the reference in it."""
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert end, "the document has no place for the reference"
    return f"{before}{BEGIN}\n{reference()}{END}{after}"


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCUMENT
    target.write_text(written(target.read_text()))
