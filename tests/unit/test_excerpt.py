# SPDX-License-Identifier: GPL-2.0-or-later
"""The text for a quick parse: what is inserted where, and how places are kept."""

from omatic import excerpt

TEXT = b"""\
static int other(void)
{
	return 1;
}

static void rx(struct napi *napi, /* ) */
	struct sk_buff *skb)
{
	napi_gro_receive(napi, skb);
	netif_rx(skb);
}

static int after;
"""
GRO = TEXT.index(b"napi_gro_receive(")
RX = TEXT.index(b"netif_rx(")


def test_only_functions_asked_for_become_blocks() -> None:
    """One block for both mentions in a function; its parameters on one line, so that lines keep their numbers."""
    made = excerpt.make(TEXT, [GRO, RX])
    assert made is not None
    assert made.text.count(b"^(") == 1
    assert b"=^(struct napi *napi,         \tstruct sk_buff *skb){\n\tnapi_gro_receive" in made.text
    assert made.text.count(b"\n") == TEXT.count(b"\n")
    assert b"};\n\nstatic int after;" in made.text
    assert made.text.startswith(TEXT[: TEXT.index(b"static void rx")])


def test_places_of_the_file_are_found_in_the_text() -> None:
    """Every byte outside the insertions is where `place` says."""
    made = excerpt.make(TEXT, [GRO])
    assert made is not None
    assert all(made.text[made.place(at)] == TEXT[at] for at in range(len(TEXT)))


def test_a_body_belongs_to_the_declaration_right_before_it() -> None:
    """Attributes may stand between; another function may not."""
    text = TEXT.replace(b"skb)\n{", b"skb) __must_hold(x)\n{")
    inside = text.index(b"napi_gro_receive")
    made = excerpt.make(text, [inside])
    assert made is not None
    assert made.body_after(text.index(b"skb)") + len(b"skb)"), inside)
    assert not made.body_after(text.index(b"(void)") + len(b"(void)"), inside)
    assert not made.body_after(text.index(b"skb)") + len(b"skb)"), text.index(b"after"))


def test_what_is_no_function_body_has_no_excerpt() -> None:
    """Before the first body, between two, in one that is not closed, and with a directive among the parameters."""
    assert excerpt.make(TEXT, [3]) is None
    assert excerpt.make(TEXT, [TEXT.index(b"static void rx")]) is None
    assert excerpt.make(TEXT[: RX + 10], [RX]) is None
    conditional = TEXT.replace(b"/* ) */", b"\n#ifdef A\n")
    assert excerpt.make(conditional, [conditional.index(b"netif_rx")]) is None
