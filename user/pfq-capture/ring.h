/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reader's side of the double-buffered Rx queue. The protocol is described
 * in <linux/pf_q.h>; the letters at the barriers in ring.c are:
 *
 *   A  commit: the kernel stores it with release after the slot's bytes and
 *      header; we load it with acquire before reading them.
 *   B  shinfo: we exchange it with release after our last read of the half
 *      that is handed back, so that the kernel cannot overwrite bytes that
 *      are still being read; and with acquire for symmetry with the kernel's
 *      reservation, so that nothing of the new half is read ahead of it.
 */
#ifndef PFQ_CAPTURE_RING_H
#define PFQ_CAPTURE_RING_H

#include <stddef.h>
#include <stdint.h>

#include <linux/pf_q.h>

struct ring {
	struct pfq_shared_queue *queue;	/* start of the mapping */
	size_t map_size;
	uint32_t slots;			/* of one half */
	uint32_t slot_size;
};

/* What one swap yielded; valid until the next ring_swap(). */
struct ring_batch {
	char *base;
	uint32_t count;
	uint32_t version;
};

/*
 * Takes over a mapping made after Q_SO_ENABLE. Returns 0, or -1 if the control
 * block does not describe queues that fit in the mapping.
 */
int ring_attach(struct ring *ring, void *map, size_t map_size);

/* Hands the half read so far back and takes the other. Returns batch->count. */
uint32_t ring_swap(struct ring *ring, struct ring_batch *batch);

/*
 * Slot i of a batch, once committed. A slot that stays uncommitted for a second
 * (the kernel promises otherwise) gives NULL rather than a hung reader.
 */
const struct pfq_pkthdr *ring_slot(const struct ring *ring, const struct ring_batch *batch,
				   uint32_t i);

/* The bytes of a packet, and how many of them are really in the slot. */
const uint8_t *ring_bytes(const struct pfq_pkthdr *hdr);
uint32_t ring_caplen(const struct ring *ring, const struct pfq_pkthdr *hdr);

#endif
