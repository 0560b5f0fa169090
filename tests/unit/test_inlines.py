# SPDX-License-Identifier: GPL-2.0-or-later
"""Twins of delivery functions that a header defines around others."""

from pathlib import Path

import pytest

from omatic import inlines
from omatic.errors import PlanRefused
from omatic.model import KernelTarget

HEADER = """\
struct napi_struct;
gro_result_t gro_receive_skb(struct gro_node *gro, struct sk_buff *skb);

static inline void unrelated(struct napi_struct *napi)
{
	napi_gro_receive(napi, NULL);
}

static inline gro_result_t napi_gro_receive(struct napi_struct *napi,
					struct sk_buff *skb)
{
	return gro_receive_skb(&napi->gro, skb);
}

gro_result_t napi_gro_frags(struct napi_struct *napi);
"""


@pytest.fixture
def target(tmp_path: Path) -> KernelTarget:
    """A kernel with that header, which exports two delivery functions."""
    (tmp_path / "include/linux").mkdir(parents=True)
    (tmp_path / "include/linux/netdevice.h").write_text(HEADER)
    (tmp_path / "Makefile").write_text("VERSION = 7\n")
    symvers = tmp_path / "Module.symvers"
    names = ("gro_receive_skb", "napi_gro_frags")
    symvers.write_text("".join(f"0x00000000\t{name}\tvmlinux\tEXPORT_SYMBOL\t\n" for name in names))
    return KernelTarget("7.3", tmp_path, {}, symvers, "gcc", None)


def test_the_twin_has_the_same_shape(target: KernelTarget) -> None:
    """The header's own text with both names changed, and nothing else."""
    (found,) = inlines.of_kernel(target, ["pfq_gro_receive", "pfq_gro_frags"])
    assert (found.callee, found.header, found.uses) == (
        "napi_gro_receive", "linux/netdevice.h", ("pfq_gro_receive_skb",),
    )  # fmt: skip
    assert found.text == (
        "static inline gro_result_t pfq_gro_receive(struct napi_struct *napi,\n"
        "\t\t\t\t\tstruct sk_buff *skb)\n{\n\treturn pfq_gro_receive_skb(&napi->gro, skb);\n}"
    )


def test_what_is_exported_is_no_inline(target: KernelTarget) -> None:
    """A twin of an exported function is declared as it is."""
    assert inlines.of_kernel(target, ["pfq_gro_receive_skb", "pfq_gro_frags"]) == ()


def test_neither_exported_nor_inline(target: KernelTarget) -> None:
    """A function that the kernel does not have at all is refused."""
    with pytest.raises(PlanRefused, match="netif_rx_ni"):
        inlines.of_kernel(target, ["pfq_netif_rx_ni"])
