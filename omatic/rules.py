# SPDX-License-Identifier: GPL-2.0-or-later
"""The delivery functions of the kernel and the twins that pfq_hook.ko exports for them, as one table.

A delivery function is an entry point through which a driver hands a received packet to the stack. Each twin has the
prototype of its kernel function, so a call and an address taken are both safe to rename, and the compiler emits the
same code. A new driver needs no new rule; a new rule needs a golden case. The names are frozen: docs/hook-abi.md.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One delivery function: its name in the kernel, the twin, the twin's prototype, and where it comes from."""

    callee: str
    twin: str
    returns: str
    parameters: str
    why: str


RULES = (
    Rule("napi_gro_receive", "pfq_gro_receive", "enum gro_result",
         "struct napi_struct *napi, struct sk_buff *skb",
         "NAPI drivers; an inline around gro_receive_skb on 6.16 and later"),
    Rule("gro_receive_skb", "pfq_gro_receive_skb", "enum gro_result",
         "struct gro_node *gro, struct sk_buff *skb",
         "what napi_gro_receive became inside, and what libeth calls"),
    Rule("napi_gro_frags", "pfq_gro_frags", "enum gro_result",
         "struct napi_struct *napi",
         "page based receive: the packet is in napi->skb"),
    Rule("netif_receive_skb", "pfq_netif_receive_skb", "int",
         "struct sk_buff *skb",
         "NAPI drivers without GRO"),
    Rule("netif_receive_skb_list", "pfq_netif_receive_skb_list", "void",
         "struct list_head *head",
         "a list of packets at once (4.19 and later)"),
    Rule("netif_receive_skb_core", "pfq_netif_receive_skb_core", "int",
         "struct sk_buff *skb",
         "past generic XDP and RPS"),
    Rule("netif_rx", "pfq_netif_rx", "int",
         "struct sk_buff *skb",
         "old drivers, any context"),
    Rule("__netif_rx", "__pfq_netif_rx", "int",
         "struct sk_buff *skb",
         "like netif_rx with bottom halves off (5.18 and later)"),
    Rule("netif_rx_ni", "pfq_netif_rx_ni", "int",
         "struct sk_buff *skb",
         "from process context (before 5.18)"),
    Rule("netif_rx_any_context", "pfq_netif_rx_any_context", "int",
         "struct sk_buff *skb",
         "from any context (before 5.18)"),
)  # fmt: skip

BY_CALLEE = {rule.callee: rule for rule in RULES}
TWINS = {rule.callee: rule.twin for rule in RULES}
"""From delivery function to twin, e.g. napi_gro_receive -> pfq_gro_receive."""
