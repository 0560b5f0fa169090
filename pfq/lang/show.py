# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs for the eye: as text that the compiler takes, on one line or indented."""

from pfq.lang import values
from pfq.lang.node import Chain, Node

_INFIX = {"and": (".&&.", 7), "or": (".||.", 5), "xor": (".^^.", 6)}
_COMPARISONS = {
    "less": ".<", "less_eq": ".<=", "equal": ".==", "not_equal": "./=", "greater": ".>", "greater_eq": ".>=",
}  # fmt: skip
_COMPARISON, _THEN, _LOOSEST, _ARGUMENT = 4, 1, 0, 10
_WIDTH = 100


def line(chain: Chain) -> str:
    """Return a program on one line."""
    return _chain(chain, _LOOSEST)


def _chain(chain: Chain, outside: int) -> str:
    """Write a chain so that an operator that binds as tightly as `outside` does not tear it apart."""
    if len(chain.nodes) == 1:
        return _node(chain.nodes[0], outside)
    return _enclosed(" >-> ".join(_node(node, _THEN + 1) for node in chain.nodes), _THEN, outside)


def _enclosed(text: str, binds: int, outside: int) -> str:
    return f"({text})" if binds < outside else text


def _node(node: Node, outside: int) -> str:
    symbol = node.entry.symbol
    if symbol in _INFIX:
        sign, binds = _INFIX[symbol]
        left, right = node.kids()
        return _enclosed(f"{_chain(left, binds)} {sign} {_chain(right, binds + 1)}", binds, outside)
    if symbol in _COMPARISONS:
        text = f"{_chain(node.kids()[0], _COMPARISON + 1)} {_COMPARISONS[symbol]} {_value(node.args[1])}"
        return _enclosed(text, _COMPARISON, outside)
    if not node.args:
        return symbol
    return _enclosed(" ".join((symbol, *map(_value, node.args))), _ARGUMENT - 1, outside)


def _value(arg: "values.Value | Chain") -> str:
    return _chain(arg, _ARGUMENT) if isinstance(arg, Chain) else values.show(arg)


def indented(chain: Chain) -> str:
    """Return a program with one function a line, and what does not fit on one deeper."""
    return "\n".join(_lines(chain))


def _lines(chain: Chain) -> list[str]:
    found: list[str] = []
    for index, node in enumerate(chain.nodes):
        lead = ">-> " if index else ""
        first, *others = _node_lines(node)
        found += [lead + first, *(" " * len(lead) + other for other in others)]
    return found


def _node_lines(node: Node) -> list[str]:
    text = _node(node, _THEN + 1)
    # An operator's sides stay in one line: what is inside them is seldom long.
    if len(text) <= _WIDTH - 20 or node.entry.symbol in _INFIX or node.entry.symbol in _COMPARISONS:
        return [text]
    lines = [node.entry.symbol]
    for arg in node.args:
        short = _value(arg)
        if not isinstance(arg, Chain) or len(short) <= _WIDTH - 20:
            lines.append(f"    {short}")
            continue
        inner = _lines(arg)
        lines += [f"    ({inner[0]}", *(f"     {other}" for other in inner[1:])]
        lines[-1] += ")"
    return lines
