# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernel headers whose inline functions deliver: found, and copied with the twins in them."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from omatic import kheaders
from omatic.kheaders import Delivering
from omatic.model import KernelTarget, Plan
from omatic.prefix import Prefix
from omatic.unit import DriverUnit

FILES = {
    "include/linux/netdevice.h": "static inline int f(void)\n{\n\treturn netif_rx(skb);\n}\n",
    "include/net/dst.h": "/* as netif_rx() does */\nint netif_rx(struct sk_buff *skb);\n",
    "include/net/lib/xdp.h": "/* netif_rx() */\nstatic inline void run(void)\n{\n\tnapi_gro_receive(napi, skb);\n}\n",
    "include/net/lib/xsk.h": "#include <net/lib/xdp.h>\n",
    "include/net/xdp.h": "struct nothing;\n",
    "Makefile": "VERSION = 7\n",
    "tree/d/a.c": '#include "own.h"\n',
    "tree/d/b.c": "#include <net/xdp.h>\n",
    "tree/d/c.c": "#include <net/lib/xdp.h>\n",
    "tree/d/unused.c": "#include <net/lib/xdp.h>\n",
    "tree/d/own.h": "#include <net/lib/xsk.h>\n",
}
COPY = "/* netif_rx() */\nstatic inline void run(void)\n{\n\tpfq_gro_receive(napi, skb);\n}\n"


@dataclass(frozen=True)
class Unit:
    """As much of a driver's unit as is asked for."""

    tree: Path
    files: tuple[str, ...] = ("d/a.c", "d/b.c", "d/c.c", "d/own.h", "d/unused.c")
    sources: tuple[str, ...] = ("d/a.c", "d/b.c", "d/c.c")


@pytest.fixture
def target(tmp_path: Path) -> KernelTarget:
    """A kernel with these headers."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return KernelTarget("7.3", tmp_path, {}, tmp_path / "Module.symvers", "gcc", None)


@pytest.fixture
def plan(target: KernelTarget, tmp_path: Path) -> Plan:
    """The plan of a driver without a site of its own."""
    unit = cast(DriverUnit, Unit(tmp_path / "tree"))
    return kheaders.extend(Plan((), (), (), ()), target, unit, tmp_path / "kept")


def test_scan(target: KernelTarget) -> None:
    """A declaration, a comment and the headers that define delivery functions are none; what includes one counts."""
    assert kheaders.scan(target.build_dir / "include") == (
        Delivering("net/lib/xdp.h", ("net/lib/xdp.h", "net/lib/xsk.h")),
    )


def test_plan(plan: Plan) -> None:
    """The site is that of every file of the module that reaches the header, by its whole name."""
    (site,) = plan.rewritten
    assert (site.path, site.line, site.name) == ("include/net/lib/xdp.h", 4, "napi_gro_receive")
    assert site.units == plan.units == ("d/a.c", "d/c.c")
    assert plan.twins == ("pfq_gro_receive",)
    assert plan.edits == ()


def test_answers_are_kept(target: KernelTarget, plan: Plan, tmp_path: Path) -> None:
    """The headers of a kernel are read once."""
    del plan
    (tmp_path / "include/net/lib/xdp.h").write_text("")
    assert [one.header for one in kheaders.of_kernel(target, tmp_path / "kept")] == ["net/lib/xdp.h"]


def test_copies_pass_for_the_original(target: KernelTarget, plan: Plan) -> None:
    """The compiler is told the name under which it would have opened the kernel's own."""
    place = target.build_dir
    assert kheaders.shadows(plan, target, None) == {"net/lib/xdp.h": f'#line 1 "{place}/include/net/lib/xdp.h"\n{COPY}'}
    prefix = Prefix(Path("/build/linux"), place / "p", place / "o")
    assert kheaders.shadows(plan, target, prefix) == {
        "net/lib/xdp.h": f'#line 1 "/build/linux/include/net/lib/xdp.h"\n{COPY}'
    }
