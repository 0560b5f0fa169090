# SPDX-License-Identifier: GPL-2.0-or-later
"""The text of a C file for a quick parse: libclang skips the bodies of all functions but those we ask about.

Most of a parse goes into the inline functions of the kernel's headers, of which we need nothing but their
declarations. libclang can skip function bodies, but only all of them (or, with a precompiled preamble, at the price
of writing it). It never skips the body of a block (an extension of clang's). So a function that holds a mention,

    static void f(struct sk_buff *skb)        static void f(struct sk_buff *skb)
    {                                   ->    ;__auto_type pfq_block_37=^(struct sk_buff *skb){
            netif_rx(skb);                            netif_rx(skb);
    }                                         };

is handed over as a declaration and a block with the same parameters: the same names, looked up in the same scopes.
The text on the disk is not touched. Where this makes an error (a block must return one type) the file is parsed whole.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from omatic import census

_OPEN = re.compile(rb"^\{", re.MULTILINE)
_CLOSE = re.compile(rb"^\}", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A file's text with insertions; `insertions` are (offset in the file, text), in order, `bodies` (start, end)."""

    text: bytes
    insertions: tuple[tuple[int, bytes], ...]
    bodies: tuple[tuple[int, int], ...]

    def place(self, offset: int) -> int:
        """Return where the byte at `offset` of the file is in the text."""
        return offset + sum(len(inserted) for at, inserted in self.insertions if at <= offset)

    def body_after(self, end: int, inside: int) -> bool:
        """Tell whether the body around `inside` (in the file) belongs to the declaration that ends at `end` (text)."""
        for start, stop in self.bodies:
            if start <= inside < stop:
                between = self.text[end : self.place(start) - len(dict(self.insertions)[start])]
                return end <= self.place(start) and not re.search(rb"[;{}]", census.blank(between))
        return False


def make(text: bytes, offsets: Iterable[int]) -> Excerpt | None:
    """Return the excerpt in which the functions around the offsets are parsed; None if one is not found."""
    blanked = census.blank(text)
    insertions: dict[int, bytes] = {}
    bodies: dict[int, int] = {}
    for offset in offsets:
        opening = max((m.start() for m in _OPEN.finditer(blanked, 0, offset)), default=None)
        closing = _CLOSE.search(blanked, offset)
        if opening is None or closing is None or _CLOSE.search(blanked, opening, offset):
            return None
        parameters = _parameters(blanked, opening)
        if parameters is None:
            return None
        insertions[opening] = b";__auto_type pfq_block_%d=^%b" % (opening, parameters)
        insertions[closing.end()] = b";"
        bodies[opening] = closing.end()
    ordered = tuple(sorted(insertions.items()))
    return Excerpt(_insert(text, ordered), ordered, tuple(sorted(bodies.items())))


def _insert(text: bytes, insertions: Iterable[tuple[int, bytes]]) -> bytes:
    pieces, start = [], 0
    for at, inserted in insertions:
        pieces += [text[start:at], inserted]
        start = at
    return b"".join([*pieces, text[start:]])


def _parameters(blanked: bytes, body: int) -> bytes | None:
    end = blanked.rfind(b")", 0, body) + 1
    start = opening_parenthesis(blanked, end)
    found = blanked[start:end]
    # A directive among the parameters cannot be moved to one line.
    return None if start < 0 or b"#" in found else found.replace(b"\n", b" ")


def opening_parenthesis(text: bytes, end: int) -> int:
    """Return where the parenthesis opens that closes last before `end`, or -1."""
    depth = 0
    for index in range(text.rfind(b")", 0, end), -1, -1):
        depth += {b")": 1, b"(": -1}.get(text[index : index + 1], 0)
        if depth == 0:
            return index
    return -1
