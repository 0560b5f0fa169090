/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pfq_hook: twins of the kernel's receive entry points, and the interface of
 * the core that stands behind them. docs/hook-abi.md is the full description.
 *
 * Drivers call the twins; the core (pfq.ko) registers a struct pfq_hook_ops.
 */
#ifndef _LINUX_PFQ_HOOK_H
#define _LINUX_PFQ_HOOK_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>

/**
 * PFQ_HOOK_NAPI - flag of &pfq_hook_ops.receive: the call comes from a NAPI
 * poll, so buffers may go back to the NAPI cache of this CPU.
 */
#define PFQ_HOOK_NAPI	0x1

/**
 * struct pfq_hook_ops - a core that takes packets from the twins
 * @owner: module of the core; for the log only: the core unregisters itself
 * @wants: does the core want packets of this device and queue? Called in any
 *	context, hard interrupts included, inside an RCU read-side section.
 *	A hint: the answer may be outdated when @receive is called.
 * @receive: take a packet. Called with bottom halves disabled (never in a hard
 *	interrupt), inside an RCU read-side section; may be re-entered on the
 *	same CPU if the core itself transmits. skb->data is at the network
 *	header and the MAC header is set. Returns true if the core took the
 *	packet, which is then its own; false if it did not, and then the packet
 *	must be as it was (it may have been read). Flags: PFQ_HOOK_NAPI.
 */
struct pfq_hook_ops {
	struct module *owner;
	bool (*wants)(const struct net_device *dev, unsigned int queue);
	bool (*receive)(struct sk_buff *skb, unsigned int flags);
};

int pfq_hook_register(const struct pfq_hook_ops *ops);
void pfq_hook_unregister(const struct pfq_hook_ops *ops);
void pfq_hook_bound_inc(void);
void pfq_hook_bound_dec(void);
u64 pfq_hook_dropped(void);

/**
 * pfq_hook_skb_queue() - hardware queue that a packet came from
 * @skb: the packet
 *
 * Context: Any.
 * Return: The recorded queue, or 0.
 */
static inline unsigned int pfq_hook_skb_queue(const struct sk_buff *skb)
{
	return skb_rx_queue_recorded(skb) ? skb_get_rx_queue(skb) : 0;
}

/* The twins. Which exist is decided in kernel/compat/compat.h. */
#ifdef PFQ_HAVE_GRO_RECEIVE_SKB
gro_result_t pfq_gro_receive_skb(struct gro_node *gro, struct sk_buff *skb);

/**
 * pfq_gro_receive() - twin of napi_gro_receive(), an inline as the kernel's
 * @napi: the NAPI context that polls
 * @skb: the packet
 *
 * Context: NAPI poll.
 * Return: As gro_receive_skb().
 */
static inline gro_result_t pfq_gro_receive(struct napi_struct *napi,
					   struct sk_buff *skb)
{
	return pfq_gro_receive_skb(&napi->gro, skb);
}
#else
gro_result_t pfq_gro_receive(struct napi_struct *napi, struct sk_buff *skb);
#endif
gro_result_t pfq_gro_frags(struct napi_struct *napi);
int pfq_netif_receive_skb(struct sk_buff *skb);
int pfq_netif_receive_skb_core(struct sk_buff *skb);
void pfq_netif_receive_skb_list(struct list_head *head);
int pfq_netif_rx(struct sk_buff *skb);
#ifdef PFQ_HAVE___NETIF_RX
int __pfq_netif_rx(struct sk_buff *skb);
#endif
#ifdef PFQ_HAVE_NETIF_RX_NI
int pfq_netif_rx_ni(struct sk_buff *skb);
#endif
#ifdef PFQ_HAVE_NETIF_RX_ANY_CONTEXT
int pfq_netif_rx_any_context(struct sk_buff *skb);
#endif

#endif /* _LINUX_PFQ_HOOK_H */
