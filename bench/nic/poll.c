// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The NAPI poll: makes frames, as many as the runner has given credit for.
 */
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/mm.h>

#include "nic.h"

static void xdp_counted(struct nic_queue *q, u32 act)
{
	if (act == XDP_REDIRECT)
		q->counters.xdp_redirect++;
	else
		q->counters.xdp_drop++;
}

/* The buffer becomes an skb, or goes away. */
static struct sk_buff *skb_build(struct nic_queue *q, void *memory,
				 unsigned int headroom, unsigned int len)
{
	struct sk_buff *skb;

	if (unlikely(!nic_ring_give(q)))
		return NULL;
	skb = napi_build_skb(memory, NIC_TRUESIZE);
	if (unlikely(!skb)) {
		page_frag_free(memory);
		return NULL;
	}
	skb_reserve(skb, headroom);
	__skb_put(skb, len);
	skb->dev = q->nic->dev;
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb_record_rx_queue(skb, q->index);
	return skb;
}

static struct sk_buff *skb_frags(struct nic_queue *q, void *memory,
				 unsigned int headroom, unsigned int len)
{
	struct sk_buff *skb = napi_get_frags(&q->napi);

	if (unlikely(!skb || !nic_ring_give(q)))
		return NULL;
	skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, virt_to_page(memory),
			offset_in_page(memory) + headroom, len, NIC_TRUESIZE);
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb_record_rx_queue(skb, q->index);
	return skb;
}

static void skb_deliver(struct nic_queue *q, const struct nic_way *way,
			struct sk_buff *skb)
{
	if (way->skb) {
		q->counters.delivered++;
		way->skb(q, skb);
	} else {
		q->counters.freed++;
		napi_consume_skb(skb, 1);
	}
}

/* As a NIC: there is an skb only for what XDP lets pass. */
static void frame_page(struct nic_queue *q, const struct nic_way *way,
		       const struct bpf_prog *prog)
{
	unsigned int headroom = NIC_HEADROOM, len = READ_ONCE(q->nic->size);
	void *memory = nic_ring_memory(q);
	struct sk_buff *skb;
	u32 act;

	nic_frame_write(q, memory + headroom);
	if (prog) {
		act = nic_xdp_buffer(q, prog, memory, &headroom, &len);
		if (act != XDP_PASS) {
			if (act != XDP_REDIRECT)
				nic_ring_keep(q);
			xdp_counted(q, act);
			return;
		}
	}
	if (!way->skb) {
		nic_ring_keep(q);
		q->counters.freed++;
		return;
	}
	skb = way->frags ? skb_frags(q, memory, headroom, len) :
			   skb_build(q, memory, headroom, len);
	if (skb)
		skb_deliver(q, way, skb);
	else
		q->counters.failed++;
}

/* As a virtual device: what comes is an skb, and XDP has to make do with it. */
static void frame_skb(struct nic_queue *q, const struct nic_way *way,
		      const struct bpf_prog *prog)
{
	void *memory = nic_ring_memory(q);
	struct sk_buff *skb;
	u32 act;

	nic_frame_write(q, memory + NIC_HEADROOM);
	skb = skb_build(q, memory, NIC_HEADROOM, READ_ONCE(q->nic->size));
	if (unlikely(!skb)) {
		q->counters.failed++;
		return;
	}
	if (prog) {
		act = nic_xdp_skb(q, prog, skb);
		if (act != XDP_PASS) {
			napi_consume_skb(skb, 1);
			xdp_counted(q, act);
			return;
		}
	}
	skb_deliver(q, way, skb);
}

/**
 * nic_poll() - poll of a queue
 * @napi: of the queue
 * @budget: how many frames may be made
 *
 * With 64 frames of credit it is over at once: no second poll finds nothing.
 *
 * Context: NAPI poll.
 * Return: How many were made, but less than @budget if the poll is over.
 */
int nic_poll(struct napi_struct *napi, int budget)
{
	struct nic_queue *q = container_of(napi, struct nic_queue, napi);
	const struct nic_way *way = q->way;
	const struct bpf_prog *prog = READ_ONCE(q->nic->prog);
	int todo = min_t(unsigned int, q->credit, budget);
	bool skbs = READ_ONCE(q->nic->skbs) && !way->frags;
	int i;

	if (unlikely(!budget))
		return 0;
	for (i = 0; i < todo; i++) {
		if (skbs)
			frame_skb(q, way, prog);
		else
			frame_page(q, way, prog);
	}
	if (prog)
		xdp_do_flush();
	if (way->poll_end)
		way->poll_end(q);
	q->credit -= todo;
	if (q->credit)
		return budget;
	todo = min(todo, budget - 1);
	napi_complete_done(napi, todo);
	return todo;
}
