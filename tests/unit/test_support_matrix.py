# SPDX-License-Identifier: GPL-2.0-or-later
"""The page that is made from sweeps' reports."""

from dataclasses import replace

from omatic.sweep.loads import Loaded, LoadReport, Loads
from omatic.sweep.result import Disagreement, Report, Result, State
from tools import support_matrix

ABOUT = {"package": "linux-headers-6.1.0 6.1.192-2", "compiler": "gcc-12"}
BUILT = Result(
    "igb", "drivers/net/ethernet/intel/igb/igb.ko", ("napi_gro_receive", "netif_rx"), State.BUILT, 12,
    sites={"call": 2, "address taken": 1}, relocations=4, checks={"provenance": "pass", "abi": "skip", "twin": "fail"},
    disagreements=(Disagreement("spatch", "not seen", "a.c:1", explained=False),),
)  # fmt: skip
REFUSED = Result(
    "odd", "drivers/net/odd.ko", ("netif_rx",), State.REFUSED, 1, aside=("gro_cells_receive",), reason="a | b"
)


def test_the_page() -> None:
    """One row for each driver, one column for each kernel; what was not built says why; who delivers through whom."""
    through = ({"driver": "asix", "through": ["usbnet"], "calls": {}},)
    older = Report("6.1.0-1", "net", ABOUT, 2, (BUILT, REFUSED), through)
    newer = replace(older, kernel="6.12.1", results=(replace(BUILT, relocations=5),), through=())
    page = support_matrix.write([older, newer], {("igb", "6.12.1"): True})
    assert "| 6.1.0-1 | linux-headers-6.1.0 6.1.192-2 | gcc-12 | 2 | 1 | 0 | 1 | 0 |" in page
    assert "| 1 of 7, the rest is not swept yet |" in support_matrix.write(
        [replace(newer, drivers=7, results=(BUILT,))], {}
    )
    assert "| driver | calls | 6.1.0-1 | 6.12.1 | loads | traffic |" in page
    assert "| igb | napi_gro_receive, netif_rx | 3 → 4, 1 of 2 | 3 → 5, 1 of 2 |  | rehearsed |" in page
    assert "| odd | netif_rx | **refused**: a \\| b |  |  |  |" in page
    assert page.index("## drivers/net\n") < page.index("## drivers/net/ethernet")
    assert "| usbnet | asix |" in page and "odd (gro_cells_receive)" in page
    assert "| spatch | **unexplained**: not seen | 1 |" in page


def test_a_later_report_of_the_same_kernel_counts() -> None:
    """A sweep of a part may come after one of the whole."""
    first = Report("6.1.0-1", "net", ABOUT, 1, (replace(BUILT, state=State.FAILED, reason="no"),), ())
    table, kernels = support_matrix.collect([first, replace(first, scope="ethernet", results=(BUILT,))])
    assert kernels == ("6.1.0-1",) and table[BUILT.intree]["6.1.0-1"] == BUILT


def test_how_drivers_load() -> None:
    """Beside each kernel whose drivers were loaded; a result of another build of the module does not count."""
    built = replace(BUILT, sha256="aa")
    report = Report("6.1.0-1", "net", ABOUT, 1, (built,), ())
    verdict = {"driver": "igb", "nic": "igb", "passed": True, "sent": 20_000, "captured": 20_000}
    answers = tuple(f"remove dep{i}: ENODEV" for i in range(4))
    igb = Loaded("igb", BUILT.intree, Loads.ALIKE, sha256="aa", answers=answers, said=("a|b",), traffic=(verdict,))

    def page(loaded: Loaded) -> str:
        return support_matrix.write([report], {}, [LoadReport("6.1.0-1", "net", {}, 1, (loaded,))])

    listed = "remove dep0: ENODEV, remove dep1: ENODEV, remove dep2: ENODEV, ..."
    assert f"| 3 → 4, 1 of 2 | as stock ({listed}) | igb: 20000 frames |" in page(igb)
    assert "| igb | 6.1.0-1 | remove dep3: ENODEV |" in page(igb)
    assert "| igb | 6.1.0-1 | `a\\|b` |" in page(igb)
    worse = replace(igb, state=Loads.DIFFERS, differences=("insert igb: EIO, stock ok",))
    assert "| **differs**: insert igb: EIO, stock ok |" in page(worse)
    assert "| **failed** |" in page(replace(igb, traffic=({**verdict, "passed": False},)))
    assert "loads" not in page(replace(igb, sha256="bb")).partition("## drivers")[2]
