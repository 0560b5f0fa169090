# SPDX-License-Identifier: GPL-2.0-or-later
"""Every disagreement between two ways of looking has a class, or says that nobody knows it."""

from pathlib import Path

import pytest

from omatic import proc
from omatic.model import Kind, Site, Verdict
from omatic.render import render
from omatic.sweep import opinions
from omatic.sweep.result import Disagreement


def site(
    line: int, kind: Kind, *, path: str = "drv.c", name: str = "netif_rx", note: str = "", function: str = "rx"
) -> Site:
    """Return a mention."""
    return Site(path, line * 10, line, 3, name, kind, function, note, ("drv.c",))


def classes(found: tuple[Disagreement, ...]) -> list[tuple[str, bool]]:
    """Return the classes of disagreements, and whether they are explained."""
    return [(each.kind, each.explained) for each in found]


def test_census_tells_what_was_left_alone() -> None:
    """Comments and strings are no code; the rest has libclang's reason, without names."""
    found = opinions.census(
        [
            site(1, Kind.CALL),
            site(2, Kind.COMMENT),
            site(3, Kind.INACTIVE, note="left out by the preprocessor in this configuration"),
            site(4, Kind.LOCAL, note="a function of the driver (drivers/net/a.c)"),
            site(5, Kind.INACTIVE, note="nothing uses the macro RX in this configuration"),
        ]
    )
    assert classes(found) == [
        ("inactive: left out by the preprocessor in this configuration", True),
        ("same name, other thing: a function of the driver", True),
        ("inactive: nothing uses the macro in this configuration", True),
    ]


def test_spatch_is_blind_to_some_and_sees_too_much_elsewhere() -> None:
    """What it cannot see is explained by what it is; anything else is not."""
    sites = [
        site(1, Kind.CALL),
        site(2, Kind.ADDRESS),
        site(3, Kind.MACRO),
        site(4, Kind.CALL, path="rx.h"),
        site(5, Kind.INACTIVE, note="left out by the preprocessor in this configuration"),
        site(6, Kind.CALL),
        site(7, Kind.CALL),
    ]
    seen = [("drv.c", 1, "netif_rx"), ("drv.c", 5, "netif_rx"), ("drv.c", 9, "netif_rx")]
    assert sorted(classes(opinions.spatch(sites, seen, {("drv.c", 7, "netif_rx")}))) == [
        ("not seen by spatch", False),
        ("rewritten by spatch though inactive: left out by the preprocessor in this configuration", True),
        ("seen by spatch alone", False),
        ("spatch cannot parse the function", True),
        ("spatch does not look into functions that are used as values", True),
        ("spatch does not look into headers", True),
        ("spatch does not look into the bodies of macros", True),
    ]


@pytest.mark.parametrize(
    ("functions", "calls", "expected"),
    [
        (["rx"], ["rx+0x10"], []),
        (["rx"], ["rx.isra.0+0x10"], []),
        (["rx"], ["rx+0x10", "rx.cold+0x80"], [("copied by the compiler", True)]),
        (["rx", "rx"], ["rx+0x10"], [("merged by the compiler", True)]),
        (
            ["inline"],
            ["poll+0x10"],
            [("holds a call that was inlined into it", True), ("inlined into its callers", True)],
        ),
        (
            [""],
            ["poll+0x1"],
            [("holds a call that was inlined into it", True), ("written in the body of a macro", True)],
        ),
        ([], ["poll+0x1"], [("a call from nowhere", False)]),
        (["rx"], ["poll+0x1"], [("a call from nowhere", False), ("left out by the compiler", False)]),
    ],
)
def test_object_code_against_sites(functions: list[str], calls: list[str], expected: list[tuple[str, bool]]) -> None:
    """Inlining moves calls, copies and merges them; a call without a site, or a site without a call, is a riddle."""
    sites = [site(line, Kind.CALL, function=function) for line, function in enumerate(functions)]
    renamed = [{"old": "netif_rx", "function": place} for place in calls]
    assert sorted(classes(opinions.relocations(sites, renamed, {"rx", "poll"}))) == expected


def test_twin_against_minimality() -> None:
    """Both prove the same; where the vanilla build is not the stock module only one of them can."""
    agreed = {"minimality": Verdict.PASS, "twin": Verdict.PASS}
    assert opinions.twin(agreed, proven=True) == ()
    assert opinions.twin({**agreed, "twin": Verdict.SKIP}, proven=True) == ()
    assert [each.explained for each in opinions.twin({**agreed, "twin": Verdict.FAIL}, proven=False)] == [True]
    assert [each.explained for each in opinions.twin({**agreed, "twin": Verdict.FAIL}, proven=True)] == [False]


@pytest.mark.skipif(not proc.available("spatch"), reason="coccinelle is not installed")
def test_spatch_itself(tmp_path: Path) -> None:
    """The generated rules find calls of one and two arguments, whatever these are, at their lines."""
    (tmp_path / "drv.c").write_text(
        "int f(struct a *a, struct sk_buff *skb)\n{\n\tint e;\n\tif (a)\n\t\tnapi_gro_receive(&a->napi,\n"
        "\t\t\tskb);\n\te = netif_rx(skb);\n\tfn(netif_rx);\n\tnapi_gro_frags(&a->napi);\n\treturn e;\n}\n"
    )
    script = tmp_path / "rules.cocci"
    script.write_text(opinions.rules())
    said = proc.run(["spatch", "--very-quiet", "--sp-file", script, tmp_path / "drv.c"]).stdout
    assert list(opinions.calls(said, f"{tmp_path}/")) == [
        ("drv.c", 5, "napi_gro_receive"),
        ("drv.c", 7, "netif_rx"),
        ("drv.c", 9, "napi_gro_frags"),
    ]
    odd = site(4, Kind.CALL, path="odd.c")
    (tmp_path / "odd.c").write_text("int f(struct sk_buff *skb)\n{\n\tif (f(skb)))\n\t\tnetif_rx(skb);\n}\n")
    assert opinions.unparsed([odd], tmp_path) == {("odd.c", 4, "netif_rx")}
    assert opinions.unparsed([site(7, Kind.CALL)], tmp_path) == frozenset()
    assert render("opinion.cocci.j2", rules=[]).strip() == ""
