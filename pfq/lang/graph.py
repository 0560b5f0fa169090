# SPDX-License-Identifier: GPL-2.0-or-later
"""A program as a graph: DOT, and SVG where graphviz is installed. The only module here that runs a program."""

import subprocess

from pfq.errors import PfqError, ToolMissing
from pfq.lang import values
from pfq.lang.node import Chain, Node
from pfq.lang.term import Function
from pfq.lang.types import FUNCTION, PREDICATE

_TIMEOUT = 60


def dot(program: Function) -> str:
    """Return a program in DOT: functions are boxes, what they ask hangs from them."""
    lines = ["digraph pfq {", "    rankdir=TB;", '    node [fontname="monospace", shape=box];']
    lines += ['    packet [shape=plaintext, label="packet"];']
    drawing = _Drawing(lines)
    first, last = drawing.chain(program.chain)
    lines += [
        f"    packet -> {first};",
        '    readers [shape=plaintext, label="readers"];',
        f"    {last} -> readers;",
        "}",
    ]
    return "\n".join(lines) + "\n"


class _Drawing:
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.count = 0

    def chain(self, chain: Chain) -> tuple[str, str]:
        """Draw nodes in a row, and return the names of the first and the last."""
        names = [self._node(node) for node in chain.nodes]
        self.lines += [f"    {one} -> {other};" for one, other in zip(names, names[1:], strict=False)]
        return names[0], names[-1]

    def _node(self, node: Node) -> str:
        name = f"n{self.count}"
        self.count += 1
        plain = [values.show(arg) for arg in node.args if not isinstance(arg, Chain)]
        label = _quoted(" ".join((node.entry.symbol, *plain)))
        kind = node.entry.result
        shape = "" if kind == FUNCTION else ", shape=diamond" if kind == PREDICATE else ", shape=ellipse"
        self.lines.append(f"    {name} [label={label}{shape}];")
        for title, arg in zip(node.entry.names, node.args, strict=True):
            if isinstance(arg, Chain):
                first, _ = self.chain(arg)
                self.lines.append(f"    {name} -> {first} [style=dashed, label={_quoted(title)}];")
        return name


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def svg(program: Function) -> str:
    """Return a program as SVG. Raises ToolMissing without graphviz."""
    try:
        done = subprocess.run(
            ["dot", "-Tsvg"], input=dot(program), capture_output=True, text=True, check=False, timeout=_TIMEOUT
        )
    except FileNotFoundError:
        raise ToolMissing(
            "the program 'dot' is not installed", hint="apt-get install graphviz, or do without --svg"
        ) from None
    except subprocess.TimeoutExpired:
        raise PfqError(f"'dot' took more than {_TIMEOUT} seconds", hint="write DOT, and draw a part of it") from None
    if done.returncode:
        raise PfqError(f"'dot' failed: {done.stderr.strip()}", hint="write DOT instead, without --svg")
    return done.stdout
