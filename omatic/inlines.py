# SPDX-License-Identifier: GPL-2.0-or-later
"""Delivery functions that a kernel's headers define as inlines around other ones, and the twins of such.

Where a kernel exports no napi_gro_receive() but its header makes it of an exported gro_receive_skb(), the twin is the
header's own text with every delivery function renamed: an inline of the same shape, from which the compiler makes the
same code. It cannot be declared ahead of everything else as other twins are, because it looks into structures; so it
comes in a shadow of that header, which reads the real one and then adds it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from omatic import kernel
from omatic.errors import PlanRefused
from omatic.model import KernelTarget
from omatic.modinfo import Symvers
from omatic.rules import BY_CALLEE, TWINS

HEADERS = ("linux/netdevice.h", "net/gro.h")
"""Where kernels declare delivery functions."""

_BY_TWIN = {twin: callee for callee, twin in TWINS.items()}
_NAMES = re.compile(rf"\b(?:{'|'.join(map(re.escape, TWINS))})\b")


@dataclass(frozen=True, slots=True)
class Inline:
    """An inline delivery function: the header that has it, its twin's text, and the twins that this uses."""

    callee: str
    header: str
    text: str
    uses: tuple[str, ...]


def of_kernel(target: KernelTarget, twins: Iterable[str]) -> tuple[Inline, ...]:
    """Return those of the given twins whose kernel functions are inlines of this kernel's headers."""
    exported = Symvers.load([target.symvers])
    wanted = [_BY_TWIN[twin] for twin in twins]
    return tuple(_find(target, callee) for callee in wanted if exported.get(callee) is None)


def _find(target: KernelTarget, callee: str) -> Inline:
    for header in HEADERS:
        path = kernel.source_dir(target) / "include" / header
        if path.is_file() and (found := parse(path.read_text(errors="replace"), header, callee)):
            return found
    raise PlanRefused(
        f"kernel {target.release} exports no {callee}, and its headers do not define it by way of another delivery "
        "function; nothing was changed",
        hint="do the sources belong to this kernel?",
        details=[f"looked in include/{header}" for header in HEADERS],
    )


def parse(text: str, header: str, callee: str) -> Inline | None:
    """Return the inline function of that name in a header's text, if it delivers by another delivery function."""
    definition = rf"^static (?:inline|__always_inline)\b[^;{{}}]*?\b{re.escape(callee)}\([^;{{}}]*\)\s*^\{{.*?^\}}"
    found = re.search(definition, text, re.MULTILINE | re.DOTALL)
    if found is None:
        return None
    inner = tuple(dict.fromkeys(name for name in _NAMES.findall(found[0]) if name != callee))
    if not inner:
        return None
    renamed = _NAMES.sub(lambda name: BY_CALLEE[name[0]].twin, found[0])
    return Inline(callee, header, renamed, tuple(TWINS[name] for name in inner))
