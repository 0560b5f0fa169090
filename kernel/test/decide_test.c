// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a group does with the verdicts of a program: all kinds of them, with and without
 * state, whatever programs there are that say so.
 */
#include <kunit/test.h>

#include "../decide.c"

#include "af_pfq.h"
#include "test/suites.h"
#include "test/world.h"

#define OTHER		Q_CLASS(9)

static struct pfq_work *decide_begin(struct kunit *test)
{
	struct pfq_work *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	struct pfq_sock *ps;
	int id;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, w);
	/* Sockets 0 to 3 are of the default class, 4 to 7 of another one. */
	for (id = 0; id < 8; id++) {
		ps = pfq_world_sock(test, id);
		pfq_world_enable(test, ps);
		KUNIT_ASSERT_EQ(test, pfq_group_join(ps, 0, Q_POLICY_GROUP_SHARED,
						     id < 4 ? Q_CLASS_DEFAULT : OTHER), 0);
	}
	pfq_world_fanout(test, 0);
	/* Rows of state are not cleared before they are used. */
	memset(w->state, 0xff, sizeof(w->state));
	return w;
}

static unsigned int decide_do(struct kunit *test, struct pfq_work *w, struct pfq_mask mask)
{
	const struct pfq_group *g = pfq_world_group(test, 0);
	unsigned int drops;

	rcu_read_lock();
	drops = decide_fanout(w, pfq_world_net(test), g, rcu_dereference(g->fanout), mask);
	rcu_read_unlock();
	return drops;
}

static u64 takers(const struct pfq_work *w, unsigned int i)
{
	u64 socks = 0;
	int id;

	for (id = 0; id < Q_MAX_ID; id++)
		if (pfq_mask_has(&w->want[id], i))
			socks |= BIT_ULL(id);
	return socks;
}

static u64 chosen(struct kunit *test, u64 class_mask, u32 hash)
{
	const struct pfq_group *g = pfq_world_group(test, 0);
	int id;

	rcu_read_lock();
	id = pfq_steer_pick(pfq_world_net(test), g, class_mask, hash);
	rcu_read_unlock();
	return id < 0 ? 0 : BIT_ULL(id);
}

static void decide_kinds(struct kunit *test)
{
	const struct pfq_verdict verdicts[] = {
		{ .type = PFQ_DROP },
		{ .type = PFQ_COPY, .class_mask = Q_CLASS_DEFAULT },
		{ .type = PFQ_COPY, .class_mask = OTHER },
		{ .type = PFQ_COPY, .class_mask = Q_CLASS_ANY },
		{ .type = PFQ_COPY, .class_mask = Q_CLASS(20) },
		{ .type = PFQ_STEER, .class_mask = Q_CLASS_DEFAULT, .hash = 1 },
		{ .type = PFQ_STEER, .class_mask = OTHER, .hash = 2 },
		{ .type = PFQ_STEER, .class_mask = Q_CLASS(20), .hash = 3 },
		{ .type = PFQ_DOUBLE, .class_mask = Q_CLASS_DEFAULT, .hash = 4, .hash2 = 9 },
		{ .type = PFQ_DOUBLE, .class_mask = OTHER, .hash = 5, .hash2 = 5 },
	};
	struct pfq_work *w = decide_begin(test);
	const u64 want[] = {
		0, 0x0f, 0xf0, 0xff, 0, chosen(test, Q_CLASS_DEFAULT, 1), chosen(test, OTHER, 2), 0,
		chosen(test, Q_CLASS_DEFAULT, 4) | chosen(test, Q_CLASS_DEFAULT, 9),
		chosen(test, OTHER, 5),
	};
	unsigned int i, at;

	for (i = 0; i < PFQ_BATCH_MAX; i++)
		w->verdict[i] = verdicts[i % ARRAY_SIZE(verdicts)];
	KUNIT_EXPECT_EQ(test, decide_do(test, w, pfq_mask_range(20, 120)), 10);
	for (i = 0; i < PFQ_BATCH_MAX; i++) {
		at = i % ARRAY_SIZE(verdicts);
		KUNIT_EXPECT_EQ_MSG(test, takers(w, i), i >= 20 && i < 120 ? want[at] : 0,
				    "frame %u", i);
	}
	KUNIT_EXPECT_EQ(test, w->socks, 0xff);
	KUNIT_EXPECT_EQ(test, w->stateful, 0);
}

/* State goes to those who get the frame, and 0 to their other frames. */
static void decide_state(struct kunit *test)
{
	struct pfq_work *w = decide_begin(test);
	unsigned int i;
	int id;

	for (i = 0; i < 100; i++)
		w->verdict[i] = (struct pfq_verdict) {
			.type = i % 3 == 2 ? PFQ_DOUBLE : PFQ_STEER, .class_mask = Q_CLASS_DEFAULT,
			.hash = i, .hash2 = 7 * i, .state = i % 5 ? 0 : 1000 + i,
		};
	KUNIT_EXPECT_EQ(test, decide_do(test, w, pfq_mask_below(100)), 0);
	KUNIT_EXPECT_EQ(test, w->stateful, 0x0f);
	for (id = 0; id < 4; id++)
		for (i = 0; i < 100; i++)
			KUNIT_EXPECT_EQ(test, w->state[id][i],
					pfq_mask_has(&w->want[id], i) && i % 5 == 0 ? 1000 + i : 0);
}

static struct kunit_case decide_cases[] = {
	KUNIT_CASE(decide_kinds),
	KUNIT_CASE(decide_state),
	{}
};

struct kunit_suite pfq_decide_suite = {
	.name = "pfq_decide",
	.init = pfq_world_init,
	.exit = pfq_world_exit,
	.test_cases = decide_cases,
};
