// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The delivery functions: each by which a driver can hand over a frame, in the
 * contexts that it may be called in.
 */
#include <linux/etherdevice.h>
#include <linux/netdevice.h>

#include "nic.h"

static void way_gro_receive(struct nic_queue *q, struct sk_buff *skb)
{
	skb->protocol = eth_type_trans(skb, skb->dev);
	napi_gro_receive(&q->napi, skb);
}

static void way_receive(struct nic_queue *q, struct sk_buff *skb)
{
	skb->protocol = eth_type_trans(skb, skb->dev);
	netif_receive_skb(skb);
}

static void way_receive_core(struct nic_queue *q, struct sk_buff *skb)
{
	skb->protocol = eth_type_trans(skb, skb->dev);
	netif_receive_skb_core(skb);
}

static void way_rx(struct nic_queue *q, struct sk_buff *skb)
{
	skb->protocol = eth_type_trans(skb, skb->dev);
	netif_rx(skb);
}

static void way_later(struct nic_queue *q, struct sk_buff *skb)
{
	skb->protocol = eth_type_trans(skb, skb->dev);
	list_add_tail(&skb->list, &q->list);
}

static void poll_end_list(struct nic_queue *q)
{
	netif_receive_skb_list(&q->list);
	INIT_LIST_HEAD(&q->list);
}

static void poll_end_irq(struct nic_queue *q)
{
	irq_work_queue(&q->irq);
}

static struct sk_buff *list_pop(struct nic_queue *q)
{
	struct sk_buff *skb = list_first_entry_or_null(&q->list, struct sk_buff, list);

	if (skb)
		skb_list_del_init(skb);
	return skb;
}

/**
 * nic_deliver_irq() - deliver by netif_rx() out of a hard interrupt
 * @irq: of the queue
 *
 * Context: Hard interrupt.
 */
void nic_deliver_irq(struct irq_work *irq)
{
	struct nic_queue *q = container_of(irq, struct nic_queue, irq);
	struct sk_buff *skb;

	while ((skb = list_pop(q)))
		netif_rx(skb);
}

static void process_irq(struct nic_queue *q)
{
	irq_work_sync(&q->irq);
}

/*
 * The functions that take a frame in process context; from v5.18 on netif_rx()
 * is the only one.
 */
#ifdef NIC_HAVE_NETIF_RX_NI
static void process_rx_ni(struct nic_queue *q)
{
	struct sk_buff *skb;

	while ((skb = list_pop(q)))
		netif_rx_ni(skb);
}

static void process_rx_any(struct nic_queue *q)
{
	struct sk_buff *skb;

	while ((skb = list_pop(q)))
		netif_rx_any_context(skb);
}
#else
static void process_rx(struct nic_queue *q)
{
	struct sk_buff *skb;

	while ((skb = list_pop(q)))
		netif_rx(skb);
}
#endif

#ifdef NIC_HAVE___NETIF_RX
static void way___rx(struct nic_queue *q, struct sk_buff *skb)
{
	skb->protocol = eth_type_trans(skb, skb->dev);
	__netif_rx(skb);
}
#endif

/* The frame is a fragment of napi->skb. */
static void way_gro_frags(struct nic_queue *q, struct sk_buff *skb)
{
	napi_gro_frags(&q->napi);
}

/* The first is no delivery: the frame is freed where it was made. */
const struct nic_way nic_ways[] = {
	{ "free" },
	{ "napi_gro_receive", way_gro_receive },
	{ "napi_gro_frags", way_gro_frags, .frags = true },
	{ "netif_receive_skb", way_receive },
	{ "netif_receive_skb_core", way_receive_core },
	{ "netif_receive_skb_list", way_later, .poll_end = poll_end_list },
	{ "netif_rx", way_rx },
	{ "netif_rx/irq", way_later, .poll_end = poll_end_irq, .process = process_irq },
#ifdef NIC_HAVE_NETIF_RX_NI
	{ "netif_rx_ni", way_later, .process = process_rx_ni },
	{ "netif_rx_any_context", way_later, .process = process_rx_any },
#else
	{ "netif_rx/process", way_later, .process = process_rx },
#endif
#ifdef NIC_HAVE___NETIF_RX
	{ "__netif_rx", way___rx },
#endif
};

const unsigned int nic_ways_count = ARRAY_SIZE(nic_ways);
