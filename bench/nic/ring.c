// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Receive buffers, recycled as NIC drivers do: a page has two halves, which take
 * turns. It is replaced only if the half whose turn it is has not come back by
 * the time that the ring has gone round.
 */
#include <linux/gfp.h>
#include <linux/mm.h>

#include "nic.h"

static bool buffer_fill(struct nic_buffer *b)
{
	b->page = dev_alloc_page();
	if (!b->page)
		return false;
	page_ref_add(b->page, U16_MAX - 1);
	b->bias = U16_MAX;
	b->offset = 0;
	return true;
}

/**
 * nic_ring_give() - somebody else frees the next buffer
 * @q: the queue
 *
 * Context: NAPI poll.
 * Return: False if there is no memory for a new page: the buffer must not be
 * given away.
 */
bool nic_ring_give(struct nic_queue *q)
{
	struct nic_buffer *b = &q->ring[q->next % NIC_RING];
	struct nic_buffer fresh;

	if (likely(page_ref_count(b->page) == b->bias)) {
		b->offset ^= NIC_TRUESIZE;
		b->bias--;
		if (unlikely(b->bias == 1)) {
			page_ref_add(b->page, U16_MAX - 1);
			b->bias = U16_MAX;
		}
	} else {
		if (!buffer_fill(&fresh))
			return false;
		if (b->bias > 1)
			__page_frag_cache_drain(b->page, b->bias - 1);
		*b = fresh;
	}
	q->next++;
	return true;
}

/**
 * nic_ring_alloc() - fill the ring of a queue
 * @q: the queue
 *
 * Context: Process context.
 * Return: 0 or -ENOMEM.
 */
int nic_ring_alloc(struct nic_queue *q)
{
	unsigned int i;

	BUILD_BUG_ON(2 * NIC_TRUESIZE > PAGE_SIZE);
	for (i = 0; i < NIC_RING; i++) {
		if (!buffer_fill(&q->ring[i])) {
			nic_ring_free(q);
			return -ENOMEM;
		}
	}
	return 0;
}

/**
 * nic_ring_free() - free the ring of a queue
 * @q: the queue
 *
 * Context: Process context, NAPI disabled.
 */
void nic_ring_free(struct nic_queue *q)
{
	unsigned int i;

	for (i = 0; i < NIC_RING; i++) {
		if (q->ring[i].page)
			__page_frag_cache_drain(q->ring[i].page, q->ring[i].bias);
		q->ring[i].page = NULL;
	}
}
