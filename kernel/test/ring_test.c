// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The producer's side of the protocol, with a consumer that does what the description
 * of the interface says, and with one that lies.
 */
#include <kunit/test.h>
#include <linux/random.h>

#include "ring.h"
#include "test/suites.h"

#define SLOTS		8
#define SLOT_SIZE	96

static struct pfq_ring *ring_make(struct kunit *test, u32 version)
{
	struct pfq_ring *ring = kunit_kzalloc(test, sizeof(*ring), GFP_KERNEL);
	int i, k;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ring);
	ring->shared = kunit_kzalloc(test, sizeof(*ring->shared) + 128, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ring->shared);
	ring->shared = PTR_ALIGN(ring->shared, 128);
	ring->slots = SLOTS;
	ring->slot_size = SLOT_SIZE;
	ring->caplen = 64;
	for (i = 0; i < 2; i++) {
		ring->half[i] = kunit_kzalloc(test, SLOTS * SLOT_SIZE, GFP_KERNEL);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ring->half[i]);
		for (k = 0; k < SLOTS; k++)
			((struct pfq_pkthdr *)(ring->half[i] + k * SLOT_SIZE))->info.commit =
				version - 1;
	}
	ring->shared->rx.shinfo = PFQ_SHINFO(version, 0);
	return ring;
}

/* The consumer takes the half that is being filled; returns the length it finds. */
static u32 ring_swap(struct pfq_ring *ring)
{
	u32 version = PFQ_SHINFO_VER(atomic64_read(pfq_ring_shinfo(ring)));

	return PFQ_SHINFO_LEN(atomic64_xchg(pfq_ring_shinfo(ring), PFQ_SHINFO(version + 1, 0)));
}

static void expect_reserved(struct kunit *test, const struct pfq_reservation *r, u32 version,
			    u32 first, u32 count)
{
	KUNIT_EXPECT_EQ(test, r->version, version);
	KUNIT_EXPECT_EQ(test, r->first, first);
	KUNIT_EXPECT_EQ(test, r->count, count);
}

static void ring_fills_and_swaps(struct kunit *test)
{
	struct pfq_ring *ring = ring_make(test, 0);
	struct pfq_reservation a, b;
	u32 version;

	KUNIT_EXPECT_FALSE(test, pfq_ring_readable(ring));
	for (version = 0; version < 5; version++) {
		a = pfq_ring_reserve(ring, 3);
		b = pfq_ring_reserve(ring, 2);
		expect_reserved(test, &a, version, 0, 3);
		expect_reserved(test, &b, version, 3, 2);
		KUNIT_EXPECT_TRUE(test, pfq_ring_readable(ring));
		KUNIT_EXPECT_PTR_EQ(test, (void *)pfq_ring_slot(ring, &b, 1),
				    ring->half[version & 1] + 4 * SLOT_SIZE);
		pfq_ring_commit(&b, pfq_ring_slot(ring, &b, 1));
		KUNIT_EXPECT_EQ(test, pfq_ring_slot(ring, &b, 1)->info.commit, version);
		KUNIT_EXPECT_NE(test, pfq_ring_slot(ring, &b, 0)->info.commit, version);
		KUNIT_EXPECT_EQ(test, ring_swap(ring), 5);
		KUNIT_EXPECT_FALSE(test, pfq_ring_readable(ring));
	}
}

/* What does not fit is cut; once it is full nothing is added, however often one tries. */
static void ring_overflows(struct kunit *test)
{
	struct pfq_ring *ring = ring_make(test, 6);
	struct pfq_reservation r;
	int i;

	r = pfq_ring_reserve(ring, SLOTS - 1);
	expect_reserved(test, &r, 6, 0, SLOTS - 1);
	r = pfq_ring_reserve(ring, 127);
	expect_reserved(test, &r, 6, SLOTS - 1, 1);
	for (i = 0; i < 1000; i++) {
		r = pfq_ring_reserve(ring, 127);
		KUNIT_ASSERT_EQ(test, r.count, 0);
	}
	KUNIT_EXPECT_EQ(test, ring->shared->rx.shinfo, PFQ_SHINFO(6, SLOTS - 1 + 127));
	KUNIT_EXPECT_EQ(test, ring_swap(ring), SLOTS - 1 + 127);
	r = pfq_ring_reserve(ring, 1);
	expect_reserved(test, &r, 7, 0, 1);
}

static void ring_version_wraps(struct kunit *test)
{
	struct pfq_ring *ring = ring_make(test, U32_MAX);
	struct pfq_reservation last, first;

	last = pfq_ring_reserve(ring, 4);
	expect_reserved(test, &last, U32_MAX, 0, 4);
	KUNIT_EXPECT_PTR_EQ(test, (void *)pfq_ring_slot(ring, &last, 0), ring->half[1]);
	ring_swap(ring);
	first = pfq_ring_reserve(ring, 4);
	expect_reserved(test, &first, 0, 0, 4);
	KUNIT_EXPECT_PTR_EQ(test, (void *)pfq_ring_slot(ring, &first, 0), ring->half[0]);
	KUNIT_EXPECT_FALSE(test, pfq_ring_stale(ring, &last));
	ring_swap(ring);
	KUNIT_EXPECT_TRUE(test, pfq_ring_stale(ring, &last));
	KUNIT_EXPECT_FALSE(test, pfq_ring_stale(ring, &first));
}

/* The half of a slow producer is its own until the consumer has swapped twice. */
static void ring_reservation_gets_stale(struct kunit *test)
{
	struct pfq_ring *ring = ring_make(test, 40);
	struct pfq_reservation r = pfq_ring_reserve(ring, 1);

	KUNIT_EXPECT_FALSE(test, pfq_ring_stale(ring, &r));
	ring_swap(ring);
	KUNIT_EXPECT_FALSE(test, pfq_ring_stale(ring, &r));
	ring_swap(ring);
	KUNIT_EXPECT_TRUE(test, pfq_ring_stale(ring, &r));
	ring_swap(ring);
	KUNIT_EXPECT_TRUE(test, pfq_ring_stale(ring, &r));
}

/* Whatever the consumer writes, slots that are reserved are slots that there are. */
static void ring_consumer_lies(struct kunit *test)
{
	struct pfq_ring *ring = ring_make(test, 0);
	struct pfq_reservation r;
	void *slot;
	u64 shinfo;
	int i;

	for (i = 0; i < 20000; i++) {
		get_random_bytes(&shinfo, sizeof(shinfo));
		if (i & 1)		/* near the limit, too */
			shinfo = PFQ_SHINFO(shinfo >> 32, shinfo % (2 * SLOTS));
		WRITE_ONCE(ring->shared->rx.shinfo, shinfo);
		ring->shared->rx.len = U32_MAX;
		ring->shared->rx.slot_size = U32_MAX;
		r = pfq_ring_reserve(ring, 1 + i % 127);
		KUNIT_ASSERT_LE(test, r.count, SLOTS);
		if (!r.count)
			continue;
		KUNIT_ASSERT_LE(test, r.first + r.count, SLOTS);
		slot = pfq_ring_slot(ring, &r, r.count - 1);
		KUNIT_ASSERT_TRUE(test, slot >= ring->half[r.version & 1] &&
				  slot < ring->half[r.version & 1] + SLOTS * SLOT_SIZE);
	}
}

static struct kunit_case ring_cases[] = {
	KUNIT_CASE(ring_fills_and_swaps),
	KUNIT_CASE(ring_overflows),
	KUNIT_CASE(ring_version_wraps),
	KUNIT_CASE(ring_reservation_gets_stale),
	KUNIT_CASE(ring_consumer_lies),
	{}
};

struct kunit_suite pfq_ring_suite = {
	.name = "pfq_ring",
	.test_cases = ring_cases,
};
