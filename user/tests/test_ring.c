// SPDX-License-Identifier: GPL-2.0-or-later
/* The reader against a writer that follows the same page. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "ring.h"

#define SLOTS		64
#define SLOT_SIZE	96
#define MAP_SIZE	(2048 + 2 * SLOTS * SLOT_SIZE)
#define STRESS		300000

static struct pfq_shared_queue *new_map(uint32_t version)
{
	struct pfq_shared_queue *queue = aligned_alloc(128, (MAP_SIZE + 127) & ~127UL);
	uint32_t half, i;

	memset(queue, 0, MAP_SIZE);
	queue->rx.shinfo = PFQ_SHINFO(version, 0);
	queue->rx.len = SLOTS;
	queue->rx.size = SLOTS * SLOT_SIZE;
	queue->rx.slot_size = SLOT_SIZE;
	for (half = 0; half < 2; half++)
		for (i = 0; i < SLOTS; i++) {
			char *slot = (char *)(queue + 1) + (half * SLOTS + i) * SLOT_SIZE;

			((struct pfq_pkthdr *)slot)->info.commit = !half;
		}
	return queue;
}

/* Reserves a slot and commits it; returns 0 if the half is full. */
static int produce(struct pfq_shared_queue *queue, uint32_t value)
{
	uint64_t old = __atomic_load_n(&queue->rx.shinfo, __ATOMIC_RELAXED);
	struct pfq_pkthdr *hdr;
	uint32_t version;

	if (PFQ_SHINFO_LEN(old) >= SLOTS)
		return 0;
	old = __atomic_fetch_add(&queue->rx.shinfo, 1, __ATOMIC_ACQUIRE);
	if (PFQ_SHINFO_LEN(old) >= SLOTS)
		return 0;
	version = PFQ_SHINFO_VER(old);
	hdr = (struct pfq_pkthdr *)((char *)(queue + 1) +
		((size_t)(version & 1) * SLOTS + PFQ_SHINFO_LEN(old)) * SLOT_SIZE);
	hdr->caplen = 4;
	hdr->len = 60;
	memcpy(hdr + 1, &value, sizeof(value));
	__atomic_store_n(&hdr->info.commit, version, __ATOMIC_RELEASE);
	return 1;
}

static uint32_t value_of(const struct pfq_pkthdr *hdr)
{
	uint32_t value;

	memcpy(&value, ring_bytes(hdr), sizeof(value));
	return value;
}

static void test_attach(void)
{
	struct pfq_shared_queue *queue = new_map(0);
	struct ring ring;

	CHECK(ring_attach(&ring, queue, MAP_SIZE) == 0);
	CHECK(ring.slots == SLOTS && ring.slot_size == SLOT_SIZE);
	CHECK(ring_attach(&ring, queue, MAP_SIZE - 1) == -1);
	CHECK(ring_attach(&ring, queue, 100) == -1);
	queue->rx.slot_size = 100;
	CHECK(ring_attach(&ring, queue, MAP_SIZE) == -1);
	queue->rx.slot_size = 32;
	CHECK(ring_attach(&ring, queue, MAP_SIZE) == -1);
	queue->rx.slot_size = SLOT_SIZE;
	queue->rx.len = 0;
	CHECK(ring_attach(&ring, queue, MAP_SIZE) == -1);
	queue->rx.len = 0x80000000;
	queue->rx.slot_size = 0x40000000;
	CHECK(ring_attach(&ring, queue, MAP_SIZE) == -1);
	free(queue);
}

/* A few swaps from a given version on, in both halves, across the wrap. */
static void test_swaps(uint32_t version)
{
	struct pfq_shared_queue *queue = new_map(version);
	struct ring_batch batch;
	struct ring ring;
	uint32_t sent = 0, seen = 0, round, i;

	ring_attach(&ring, queue, MAP_SIZE);
	CHECK(ring_swap(&ring, &batch) == 0);
	for (round = 0; round < 6; round++) {
		for (i = 0; i < 3 + round; i++)
			CHECK(produce(queue, sent++));
		CHECK(ring_swap(&ring, &batch) == 3 + round);
		CHECK(batch.version == version + round);
		for (i = 0; i < batch.count; i++) {
			const struct pfq_pkthdr *hdr = ring_slot(&ring, &batch, i);

			CHECK(hdr && value_of(hdr) == seen++);
			CHECK(hdr && ring_caplen(&ring, hdr) == 4);
		}
	}
	CHECK(seen == sent);
	free(queue);
}

static void test_overfull_and_uncommitted(void)
{
	struct pfq_shared_queue *queue = new_map(2);
	struct pfq_pkthdr *first = (struct pfq_pkthdr *)(queue + 1);
	struct ring_batch batch;
	struct ring ring;

	ring_attach(&ring, queue, MAP_SIZE);
	queue->rx.shinfo = PFQ_SHINFO(2, SLOTS + 1000);	/* PFQ 6.2 counts past the end */
	first->info.commit = 2;
	first->caplen = 65535;
	CHECK(ring_swap(&ring, &batch) == SLOTS);
	CHECK(ring_slot(&ring, &batch, 0) == first);
	CHECK(ring_caplen(&ring, first) == SLOT_SIZE - 32);
	CHECK(ring_slot(&ring, &batch, 1) == NULL);	/* after a second, not never */
	free(queue);
}

static void *stress_writer(void *arg)
{
	uint32_t i = 0;

	while (i < STRESS)
		i += (uint32_t)produce(arg, i);
	return NULL;
}

/* Everything arrives, once and in order, while the halves are swapped. */
static void test_stress(void)
{
	struct pfq_shared_queue *queue = new_map(0xfffffff0);	/* wraps on the way */
	uint32_t seen = 0, wrong = 0, i;
	struct ring_batch batch;
	struct ring ring;
	pthread_t thread;

	ring_attach(&ring, queue, MAP_SIZE);
	pthread_create(&thread, NULL, stress_writer, queue);
	while (seen < STRESS) {
		ring_swap(&ring, &batch);
		for (i = 0; i < batch.count; i++) {
			const struct pfq_pkthdr *hdr = ring_slot(&ring, &batch, i);

			wrong += !hdr || value_of(hdr) != seen;
			seen++;
		}
	}
	pthread_join(thread, NULL);
	CHECK(wrong == 0);
	CHECK(seen == STRESS);
	free(queue);
}

int main(void)
{
	test_attach();
	test_swaps(0);
	test_swaps(7);
	test_swaps(0xfffffffd);
	test_overfull_and_uncommitted();
	test_stress();
	return check_result("ring");
}
