// SPDX-License-Identifier: GPL-2.0-or-later
#include <sched.h>
#include <time.h>

#include "ring.h"

#define COMMIT_SPINS	1000	/* before giving the CPU away: a copy takes less */
#define COMMIT_SECONDS	1

int ring_attach(struct ring *ring, void *map, size_t map_size)
{
	const struct pfq_shared_queue *queue = map;
	uint64_t half;

	if (map_size < sizeof(*queue))
		return -1;
	ring->queue = map;
	ring->map_size = map_size;
	ring->slots = queue->rx.len;
	ring->slot_size = queue->rx.slot_size;

	half = (uint64_t)ring->slots * ring->slot_size;
	if (!ring->slots || ring->slot_size <= sizeof(struct pfq_pkthdr) ||
	    ring->slot_size % PFQ_SLOT_ALIGNMENT || half > (map_size - sizeof(*queue)) / 2)
		return -1;
	return 0;
}

static char *half_base(const struct ring *ring, uint32_t version)
{
	size_t half = (size_t)ring->slots * ring->slot_size;

	return (char *)ring->queue + sizeof(*ring->queue) + (version & 1) * half;
}

static struct pfq_pkthdr *slot_at(const struct ring *ring, char *base, uint32_t i)
{
	return (struct pfq_pkthdr *)(base + (size_t)i * ring->slot_size);
}

/*
 * Version numbers 0 and 1 come back after 2^32 swaps (and at the start), when
 * slots may still hold them as old values: set something else first.
 */
static void recommit(const struct ring *ring, uint32_t next)
{
	char *base = half_base(ring, next);
	uint32_t i;

	for (i = 0; i < ring->slots; i++)
		__atomic_store_n(&slot_at(ring, base, i)->info.commit, (next - 1) & 1,
				 __ATOMIC_RELAXED);
}

uint32_t ring_swap(struct ring *ring, struct ring_batch *batch)
{
	uint64_t *shinfo = (uint64_t *)&ring->queue->rx.shinfo;
	uint64_t old = __atomic_load_n(shinfo, __ATOMIC_RELAXED);
	uint32_t version = PFQ_SHINFO_VER(old);
	uint32_t next = version + 1;

	batch->count = 0;
	if (!PFQ_SHINFO_LEN(old))
		return 0;
	if (next == 0 || next == 1)
		recommit(ring, next);

	/* B */
	old = __atomic_exchange_n(shinfo, PFQ_SHINFO(next, 0), __ATOMIC_ACQ_REL);

	batch->version = version;
	batch->base = half_base(ring, version);
	batch->count = PFQ_SHINFO_LEN(old) < ring->slots ? PFQ_SHINFO_LEN(old) : ring->slots;
	return batch->count;
}

static int committed(const struct pfq_pkthdr *hdr, uint32_t version)
{
	/* A */
	return __atomic_load_n(&hdr->info.commit, __ATOMIC_ACQUIRE) == version;
}

static int wait_commit(const struct pfq_pkthdr *hdr, uint32_t version)
{
	struct timespec start, now;
	int i;

	for (i = 0; i < COMMIT_SPINS; i++)
		if (committed(hdr, version))
			return 1;
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		sched_yield();
		if (committed(hdr, version))
			return 1;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec <= COMMIT_SECONDS);
	return 0;
}

const struct pfq_pkthdr *ring_slot(const struct ring *ring, const struct ring_batch *batch,
				   uint32_t i)
{
	const struct pfq_pkthdr *hdr = slot_at(ring, batch->base, i);

	if (committed(hdr, batch->version) || wait_commit(hdr, batch->version))
		return hdr;
	return NULL;
}

const uint8_t *ring_bytes(const struct pfq_pkthdr *hdr)
{
	return (const uint8_t *)(hdr + 1);
}

uint32_t ring_caplen(const struct ring *ring, const struct pfq_pkthdr *hdr)
{
	uint32_t room = ring->slot_size - (uint32_t)sizeof(*hdr);

	return hdr->caplen < room ? hdr->caplen : room;
}
