// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Copying into slots: every length, whatever part of the frame is in a row, with and
 * without state, and more frames than there are slots.
 */
#include <kunit/test.h>
#include <linux/if_vlan.h>
#include <linux/percpu.h>
#include <linux/random.h>

#include <linux/pf_q.h>

#include "af_pfq.h"
#include "copy.h"
#include "frame.h"
#include "ring.h"
#include "stats.h"
#include "test/frames.h"
#include "test/suites.h"
#include "test/world.h"

#define SLOTS		128
#define CAPLEN		608
#define LEN_MAX		1600

struct copy_scene {
	struct pfq_sock *ps;
	struct pfq_ring ring;
	struct pfq_frame frame[127];
	u8 bytes[LEN_MAX];
};

static struct copy_scene *copy_begin(struct kunit *test)
{
	struct copy_scene *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s);
	s->ps = pfq_world_sock(test, 0);
	s->ring.slots = SLOTS;
	s->ring.caplen = CAPLEN;
	s->ring.slot_size = PFQ_SLOT_SIZE(CAPLEN);
	s->ring.shared = kunit_kzalloc(test, sizeof(*s->ring.shared), GFP_KERNEL);
	s->ring.half[0] = kunit_kzalloc(test, SLOTS * s->ring.slot_size, GFP_KERNEL);
	s->ring.half[1] = s->ring.half[0];
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s->ring.shared);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s->ring.half[0]);
	get_random_bytes(s->bytes, sizeof(s->bytes));
	return s;
}

/* The ring is empty, and its next version is 5; no slot has been committed. */
static void copy_empty(struct copy_scene *s)
{
	memset(s->ring.half[0], 0xa5, SLOTS * s->ring.slot_size);
	s->ring.shared->rx.shinfo = PFQ_SHINFO(5, 0);
}

static struct pfq_pkthdr *copy_slot(struct copy_scene *s, u32 i)
{
	return s->ring.half[0] + i * s->ring.slot_size;
}

static bool copy_do(struct copy_scene *s, struct pfq_mask mask, const u32 *state)
{
	bool wake;

	local_bh_disable();
	rcu_read_lock();
	wake = pfq_copy(s->ps, &s->ring, s->frame, mask, state);
	rcu_read_unlock();
	local_bh_enable();
	return wake;
}

static void expect_slot(struct kunit *test, struct copy_scene *s, u32 i, u32 len)
{
	const struct pfq_pkthdr *slot = copy_slot(s, i);
	const u8 *after = (u8 *)(slot + 1) + min_t(u32, len, CAPLEN);
	const u8 *end = (u8 *)slot + s->ring.slot_size;

	KUNIT_ASSERT_EQ(test, slot->info.commit, 5);
	KUNIT_ASSERT_EQ(test, slot->len, len);
	KUNIT_ASSERT_EQ(test, slot->caplen, min_t(u32, len, CAPLEN));
	KUNIT_ASSERT_EQ(test, slot->info.ifindex, 7);
	KUNIT_ASSERT_EQ(test, slot->info.queue, 3);
	KUNIT_ASSERT_EQ_MSG(test, memcmp(slot + 1, s->bytes, slot->caplen), 0, "%u bytes", len);
	for (; after < end; after++)
		KUNIT_ASSERT_EQ_MSG(test, *after, 0xa5, "beyond a frame of %u bytes", len);
}

static void copy_every_length(struct kunit *test)
{
	struct copy_scene *s = copy_begin(test);
	struct pfq_mask one = pfq_mask_below(1);
	u32 len, cut;

	for (len = ETH_HLEN; len <= LEN_MAX; len += len < 700 ? 1 : 101) {
		for (cut = 0; cut < 3; cut++) {
			copy_empty(s);
			pfq_frame_make(test, s->frame, s->bytes, len,
				       cut == 0 ? len : cut == 1 ? ETH_HLEN : len / 2);
			KUNIT_ASSERT_TRUE(test, copy_do(s, one, NULL));
			expect_slot(test, s, 0, len);
			KUNIT_ASSERT_EQ(test, copy_slot(s, 0)->info.data.state, 0);
			pfq_frame_free(s->frame);
		}
	}
}

static void copy_make_all(struct kunit *test, struct copy_scene *s)
{
	int i;

	for (i = 0; i < 127; i++)
		pfq_frame_make(test, &s->frame[i], s->bytes, 60 + i, 60 + i);
}

static void copy_free_all(struct copy_scene *s)
{
	int i;

	for (i = 0; i < 127; i++)
		pfq_frame_free(&s->frame[i]);
}

/* Frames of a set in their order, each with its own state, mark and tag. */
static void copy_state(struct kunit *test)
{
	struct copy_scene *s = copy_begin(test);
	struct pfq_mask mask = { .w = { 0xf000000000000011, 0x4000000000000003 } }, left = mask;
	u32 state[127], k = 0;
	int i;

	copy_make_all(test, s);
	for (i = 0; i < 127; i++) {
		state[i] = 0x1000 + i;
		s->frame[i].skb->mark = 0x2000 + i;
		__vlan_hwaccel_put_tag(s->frame[i].skb, htons(ETH_P_8021Q), 0x3000 + i);
	}
	copy_empty(s);
	KUNIT_EXPECT_TRUE(test, copy_do(s, mask, state));
	while ((i = pfq_mask_pop(&left)) >= 0) {
		expect_slot(test, s, k, 60 + i);
		KUNIT_EXPECT_EQ(test, copy_slot(s, k)->info.data.state, 0x1000 + i);
		KUNIT_EXPECT_EQ(test, copy_slot(s, k)->info.data.mark, 0x2000 + i);
		KUNIT_EXPECT_EQ(test, copy_slot(s, k)->info.vlan.tci, 0x3000 + i);
		k++;
	}
	KUNIT_EXPECT_EQ(test, s->ring.shared->rx.shinfo, PFQ_SHINFO(5, k));
	copy_free_all(s);
}

static void copy_too_many(struct kunit *test)
{
	struct copy_scene *s = copy_begin(test);
	struct pfq_stats stats;
	int i;

	copy_make_all(test, s);
	copy_empty(s);
	KUNIT_EXPECT_TRUE(test, copy_do(s, pfq_mask_below(127), NULL));
	KUNIT_EXPECT_TRUE(test, copy_do(s, pfq_mask_range(100, 127), NULL));
	KUNIT_EXPECT_FALSE(test, copy_do(s, pfq_mask_below(127), NULL));
	KUNIT_EXPECT_FALSE(test, copy_do(s, pfq_mask_below(0), NULL));
	for (i = 0; i < 127; i++)
		expect_slot(test, s, i, 60 + i);
	expect_slot(test, s, 127, 160);
	pfq_stats_sum(s->ps->stats, &stats);
	KUNIT_EXPECT_EQ(test, stats.recv, 127 + 27 + 127);
	KUNIT_EXPECT_EQ(test, stats.lost, 26 + 127);
	copy_free_all(s);
}

static struct kunit_case copy_cases[] = {
	KUNIT_CASE(copy_every_length),
	KUNIT_CASE(copy_state),
	KUNIT_CASE(copy_too_many),
	{}
};

struct kunit_suite pfq_copy_suite = {
	.name = "pfq_copy",
	.init = pfq_world_init,
	.exit = pfq_world_exit,
	.test_cases = copy_cases,
};
