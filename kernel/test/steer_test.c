// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Steering: from hash to socket, by the formula of the interface's description; and the
 * quick way against the slow one, frame by frame.
 */
#include <kunit/test.h>
#include <linux/etherdevice.h>
#include <linux/ip.h>
#include <linux/random.h>

#include <linux/pf_q.h>

#include "af_pfq.h"
#include "frame.h"
#include "group.h"
#include "netns.h"
#include "program.h"
#include "steer.h"
#include "test/frames.h"
#include "test/suites.h"
#include "test/world.h"

#define FRAMES		127
#define NOBODY		40	/* a class that has no members */

static u32 random_u32(void)
{
	u32 a;

	get_random_bytes(&a, sizeof(a));
	return a;
}

/* --- hash to index -------------------------------------------------------- */

/* Worked out by hand of the description. */
static void steer_mix(struct kunit *test)
{
	static const u32 known[][2] = {
		{ 0, 0x2ba588a6 }, { 1, 0x2ba58337 }, { 0x0a000001, 0xccfd39cb },
		{ 0xdeadbeef, 0x5b8f81e1 }, { 0xffffffff, 0xce62aeb6 }, { 0x12345678, 0xe23f9887 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		KUNIT_EXPECT_EQ(test, pfq_steer_mix(known[i][0]), known[i][1]);
}

static u32 described_fold(u32 a, u32 n)
{
	u32 p = 1, r;

	if (n <= 1)
		return 0;
	if (!(n & (n - 1)))
		return a & (n - 1);
	if (n == 3 || n == 5 || n == 6 || n == 7)
		return a % n;
	while (p < n)
		p <<= 1;
	r = a & (p - 1);
	return r < n ? r : a % n;
}

/* 512 is all sockets with all weights. */
static void steer_fold(struct kunit *test)
{
	static const u32 edges[] = { 0, 1, 2, U32_MAX, U32_MAX - 1, 0x80000000, 0x7fffffff };
	struct pfq_fold f;
	u32 n, k, a;

	for (n = 1; n <= 512; n++) {
		pfq_steer_fold_init(&f, n);
		KUNIT_ASSERT_EQ(test, pfq_steer_masks(&f), !(n & (n - 1)));
		for (k = 0; k < 400; k++) {
			a = k < ARRAY_SIZE(edges) ? edges[k] :
				k % 2 ? random_u32() : n * random_u32() + k % 3 - 1;
			KUNIT_ASSERT_EQ_MSG(test, pfq_steer_fold(&f, a), described_fold(a, n),
					    "%u by %u", a, n);
		}
	}
}

/* --- index to socket -------------------------------------------------------- */

static void add_member(struct kunit *test, int id, int weight)
{
	struct pfq_sock *ps = pfq_world_sock(test, id);

	ps->weight = weight;
	if (weight)
		pfq_world_enable(test, ps);
	KUNIT_ASSERT_EQ(test, pfq_group_join(ps, 0, Q_POLICY_GROUP_SHARED, Q_CLASS_DEFAULT), 0);
}

static int pick(struct kunit *test, u64 class_mask, u32 hash)
{
	const struct pfq_group *g = pfq_world_group(test, 0);
	int id;

	rcu_read_lock();
	id = pfq_steer_pick(pfq_world_net(test), g, class_mask, hash);
	rcu_read_unlock();
	return id;
}

static u64 pick_two(struct kunit *test, u64 class_mask, u32 hash, u32 hash2)
{
	const struct pfq_group *g = pfq_world_group(test, 0);
	u64 socks;

	rcu_read_lock();
	socks = pfq_steer_double(pfq_world_net(test), g, class_mask, hash, hash2);
	rcu_read_unlock();
	return socks;
}

static int described_pick(struct kunit *test, u32 hash)
{
	u64 members = pfq_group_members(pfq_world_group(test, 0), Q_CLASS_DEFAULT);
	u32 n = 0, k = 0;
	u8 list[512];
	int id, i;

	for (id = 0; id < Q_MAX_ID; id++)
		for (i = 0; members & BIT_ULL(id) && i < pfq_world_sock(test, id)->weight; i++)
			list[n++] = id;
	if (!n)
		return -1;
	k = described_fold(pfq_steer_mix(hash), n);
	return list[k];
}

/* By the table, and by walking the list, which is done when the program asks for classes. */
static void expect_picks(struct kunit *test)
{
	int i, want;
	u32 hash;

	pfq_world_fanout(test, 0);
	for (i = 0; i < 500; i++) {
		hash = random_u32();
		want = described_pick(test, hash);
		KUNIT_ASSERT_EQ(test, pick(test, Q_CLASS_DEFAULT, hash), want);
		KUNIT_ASSERT_EQ(test, pick(test, Q_CLASS_DEFAULT | Q_CLASS(NOBODY), hash), want);
	}
}

static void steer_pick(struct kunit *test)
{
	int id;

	add_member(test, 63, 1);
	expect_picks(test);
	for (id = 5; id < 20; id++) {
		add_member(test, id, id % 9);	/* with weight 0: it cannot take frames */
		expect_picks(test);
	}
	for (id = 0; id < Q_MAX_ID; id++)
		add_member(test, id, 8);
	expect_picks(test);
}

static void steer_weights(struct kunit *test)
{
	unsigned int got[3] = {}, i;

	add_member(test, 0, 1);
	add_member(test, 1, 2);
	add_member(test, 2, 5);
	pfq_world_fanout(test, 0);
	for (i = 0; i < 8000; i++)
		got[pick(test, Q_CLASS_DEFAULT, random_u32())]++;
	KUNIT_EXPECT_TRUE(test, got[0] > 800 && got[0] < 1200);
	KUNIT_EXPECT_TRUE(test, got[1] > 1700 && got[1] < 2300);
	KUNIT_EXPECT_TRUE(test, got[2] > 4600 && got[2] < 5400);
}

/* Two hashes choose as each of them does; the same one twice is one. */
static void steer_double(struct kunit *test)
{
	const u64 classes[] = { Q_CLASS_DEFAULT, Q_CLASS_DEFAULT | Q_CLASS(NOBODY) };
	u32 a, b;
	int i;

	for (i = 0; i < 5; i++)
		add_member(test, 10 + i, 1 + i);
	pfq_world_fanout(test, 0);
	for (i = 0; i < 1000; i++) {
		a = random_u32();
		b = i % 4 ? random_u32() : a;
		KUNIT_ASSERT_EQ(test, pick_two(test, classes[i % 2], a, b),
				BIT_ULL(described_pick(test, a)) |
				BIT_ULL(described_pick(test, b)));
	}
}

static void steer_nobody(struct kunit *test)
{
	add_member(test, 0, 0);
	pfq_world_fanout(test, 0);
	KUNIT_EXPECT_EQ(test, pick(test, Q_CLASS_DEFAULT, 1), -1);
	KUNIT_EXPECT_EQ(test, pick(test, Q_CLASS(NOBODY), 1), -1);
	KUNIT_EXPECT_EQ(test, pick_two(test, Q_CLASS_DEFAULT, 1, 2), 0);
	KUNIT_EXPECT_EQ(test, pick_two(test, Q_CLASS(NOBODY), 1, 2), 0);
}

/* --- quick and slow ------------------------------------------------------------ */

struct flows {
	struct pfq_frame frame[FRAMES];
	struct pfq_verdict verdict[FRAMES];
	struct pfq_mask want[Q_MAX_ID];
	u8 bytes[200];
};

/* Noise in which something looks like IPv4, mostly. */
static void make_flow(struct kunit *test, struct flows *fl, struct pfq_frame *f)
{
	u8 protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, 47 };
	u32 r = random_u32(), len = sizeof(fl->bytes), linear = len;
	u8 *ip = fl->bytes + ETH_HLEN;

	get_random_bytes(fl->bytes, sizeof(fl->bytes));
	fl->bytes[12] = r % 16 == 0 ? 0x86 : 0x08;
	fl->bytes[13] = r % 16 == 0 ? 0xdd : r % 16 == 1 ? 0x06 : 0x00;
	if (r % 16 != 2)
		ip[0] = r % 16 < 5 ? 0x40 | (r >> 4 & 15) : 0x45;
	if (r % 16 > 2)
		ip[9] = protocols[r >> 8 & 3];
	if (r % 16 > 5)
		memset(ip + 6, 0, 2);
	if (r % 16 == 7)
		ip[6] = 0x40;
	if (r >> 16 & 1)
		linear = ETH_HLEN + (r >> 17) % 50;
	if (r >> 23 & 1)
		len = ETH_HLEN + (r >> 24) % 50;
	pfq_frame_make(test, f, fl->bytes, len, min(linear, len));
}

/* The socket that the slow way gives frame i to; -1: none. */
static int slow_choice(const struct pfq_fanout *t, const struct pfq_verdict *v)
{
	return v->type == PFQ_STEER ? pfq_steer_lookup(t, v->hash) : -1;
}

static void compare_ways(struct kunit *test, struct flows *fl, const struct pfq_fanout *t,
			 unsigned int *quick)
{
	struct pfq_mask all, left;
	u64 socks = 0, chosen = 0;
	int i, id, want;

	get_random_bytes(&all, sizeof(all));
	pfq_mask_clear(&all, FRAMES);
	memset(fl->want, 0, sizeof(fl->want));
	left = pfq_steer_flow_quick(t, fl->frame, all, fl->want, &socks);
	pfq_steer_flow(fl->frame, all, fl->verdict);
	for (i = 0; i < FRAMES; i++) {
		want = pfq_mask_has(&all, i) && !pfq_mask_has(&left, i) ?
			slow_choice(t, &fl->verdict[i]) : -1;
		KUNIT_ASSERT_FALSE(test, pfq_mask_has(&left, i) && !pfq_mask_has(&all, i));
		for (id = 0; id < Q_MAX_ID; id++)
			KUNIT_ASSERT_EQ_MSG(test, pfq_mask_has(&fl->want[id], i), id == want,
					    "frame %d, socket %d", i, id);
		if (pfq_mask_has(&all, i) && !pfq_mask_has(&left, i)) {
			/* What is taken is steered: none of it would have been dropped. */
			KUNIT_ASSERT_GE(test, want, 0);
			chosen |= BIT_ULL(want);
			(*quick)++;
		}
	}
	KUNIT_ASSERT_EQ(test, socks, chosen);
}

static void steer_quick_is_slow(struct kunit *test)
{
	struct flows *fl = kunit_kzalloc(test, sizeof(*fl), GFP_KERNEL);
	unsigned int round, quick = 0;
	const struct pfq_fanout *t;
	const struct pfq_group *g;
	int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, fl);
	for (round = 0; round < 40; round++) {
		add_member(test, round, 1 + round % 8);
		pfq_world_fanout(test, 0);
		for (i = 0; i < FRAMES; i++)
			make_flow(test, fl, &fl->frame[i]);
		g = pfq_world_group(test, 0);
		rcu_read_lock();
		t = rcu_dereference(g->fanout);
		compare_ways(test, fl, t, &quick);
		rcu_read_unlock();
		for (i = 0; i < FRAMES; i++)
			pfq_frame_free(&fl->frame[i]);
	}
	/* A part of them is as most frames are. */
	KUNIT_EXPECT_GT(test, quick, 200);
}

/* Without anybody to choose all frames are left to the slow way. */
static void steer_quick_for_nobody(struct kunit *test)
{
	struct pfq_mask all = pfq_mask_below(FRAMES), left, want[Q_MAX_ID] = {};
	const struct pfq_group *g;
	u64 socks = 0;

	add_member(test, 0, 0);
	pfq_world_fanout(test, 0);
	g = pfq_world_group(test, 0);
	rcu_read_lock();
	left = pfq_steer_flow_quick(rcu_dereference(g->fanout), NULL, all, want, &socks);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, memcmp(&left, &all, sizeof(all)), 0);
	KUNIT_EXPECT_EQ(test, socks, 0);
}

static struct kunit_case steer_cases[] = {
	KUNIT_CASE(steer_mix),
	KUNIT_CASE(steer_fold),
	KUNIT_CASE(steer_pick),
	KUNIT_CASE(steer_weights),
	KUNIT_CASE(steer_double),
	KUNIT_CASE(steer_nobody),
	KUNIT_CASE(steer_quick_is_slow),
	KUNIT_CASE(steer_quick_for_nobody),
	{}
};

struct kunit_suite pfq_steer_suite = {
	.name = "pfq_steer",
	.init = pfq_world_init,
	.exit = pfq_world_exit,
	.test_cases = steer_cases,
};
