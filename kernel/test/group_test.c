// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Groups: who may join whom, numbers, classes, and the ends of groups.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/kthread.h>

#include <linux/pf_q.h>

#include "af_pfq.h"
#include "group.h"
#include "netns.h"
#include "params.h"
#include "test/suites.h"
#include "test/world.h"

#define UNDEFINED	Q_POLICY_GROUP_UNDEFINED
#define PRIVATE		Q_POLICY_GROUP_PRIVATE
#define RESTRICTED	Q_POLICY_GROUP_RESTRICTED
#define SHARED		Q_POLICY_GROUP_SHARED

static int join(struct kunit *test, int id, int gid, int policy)
{
	return pfq_group_join(pfq_world_sock(test, id), gid, policy, Q_CLASS_DEFAULT);
}

static void leave(struct kunit *test, int id, int gid)
{
	pfq_group_leave(pfq_world_sock(test, id), gid);
}

/* Joining by another process. */
struct joiner {
	struct pfq_sock *ps;
	int gid, policy, ret;
	struct completion done;
};

static int joiner_run(void *arg)
{
	struct joiner *j = arg;

	j->ret = pfq_group_join(j->ps, j->gid, j->policy, Q_CLASS_DEFAULT);
	complete(&j->done);
	return 0;
}

static int join_elsewhere(struct kunit *test, int id, int gid, int policy)
{
	struct joiner j = { .ps = pfq_world_sock(test, id), .gid = gid, .policy = policy };
	struct task_struct *task;

	init_completion(&j.done);
	task = kthread_run(joiner_run, &j, "pfq_joiner");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	wait_for_completion(&j.done);
	return j.ret;
}

/* Socket 0 has made the group with one policy; may another one join with another? */
static void group_policies(struct kunit *test)
{
	static const struct {
		int first, second;
		bool owner, process, stranger;
	} matrix[] = {
		{ PRIVATE, PRIVATE, true, false, false },
		{ PRIVATE, RESTRICTED, true, false, false },
		{ PRIVATE, SHARED, true, false, false },
		{ PRIVATE, UNDEFINED, true, false, false },
		{ RESTRICTED, PRIVATE, false, false, false },
		{ RESTRICTED, RESTRICTED, true, true, false },
		{ RESTRICTED, SHARED, false, false, false },
		{ RESTRICTED, UNDEFINED, false, false, false },
		{ SHARED, PRIVATE, false, false, false },
		{ SHARED, RESTRICTED, false, false, false },
		{ SHARED, SHARED, true, true, true },
		{ SHARED, UNDEFINED, false, false, false },
		{ UNDEFINED, PRIVATE, true, true, true },
		{ UNDEFINED, RESTRICTED, true, true, true },
		{ UNDEFINED, SHARED, true, true, true },
	};
	int i, gid, who, got;
	bool may;

	for (i = 0; i < ARRAY_SIZE(matrix); i++) {
		for (who = 0; who < 3; who++) {
			gid = 3 * i + who;	/* a fresh one */
			may = who == 0 ? matrix[i].owner : who == 1 ? matrix[i].process :
				matrix[i].stranger;
			KUNIT_ASSERT_EQ(test, join(test, 0, gid, matrix[i].first), gid);
			got = who == 2 ? join_elsewhere(test, who, gid, matrix[i].second) :
				join(test, who, gid, matrix[i].second);
			KUNIT_EXPECT_EQ_MSG(test, got, may ? gid : -EACCES,
					    "%d, then %d by %d", matrix[i].first,
					    matrix[i].second, who);
		}
	}
}

static void group_refuses(struct kunit *test)
{
	struct pfq_sock *ps = pfq_world_sock(test, 0);

	KUNIT_EXPECT_EQ(test, pfq_group_join(ps, 0, SHARED, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, join(test, 0, 0, -1), -EINVAL);
	KUNIT_EXPECT_EQ(test, join(test, 0, 0, SHARED + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, join(test, 0, Q_MAX_GROUP, SHARED), -EFAULT);
	KUNIT_EXPECT_EQ(test, join(test, 0, -2, SHARED), -EFAULT);
	KUNIT_EXPECT_NULL(test, pfq_world_group(test, 0));
	KUNIT_EXPECT_NULL(test, pfq_world_group(test, -1));
	KUNIT_EXPECT_NULL(test, pfq_world_group(test, Q_MAX_GROUP));
}

/* The lowest free number, up to the limit; a number is free when the last member has left. */
static void group_numbers(struct kunit *test)
{
	int gid;

	for (gid = 0; gid < pfq_max_groups; gid++)
		KUNIT_ASSERT_EQ(test, join(test, gid & 1, Q_ANY_GROUP, SHARED), gid);
	KUNIT_EXPECT_EQ(test, join(test, 0, Q_ANY_GROUP, SHARED), -EFAULT);
	KUNIT_EXPECT_EQ(test, join(test, 0, 17, SHARED), 17);
	leave(test, 1, 17);
	KUNIT_EXPECT_EQ(test, join(test, 1, Q_ANY_GROUP, SHARED), -EFAULT);
	leave(test, 0, 17);
	KUNIT_EXPECT_NULL(test, pfq_world_group(test, 17));
	leave(test, 0, 40);
	KUNIT_EXPECT_EQ(test, join(test, 1, Q_ANY_GROUP, PRIVATE), 17);
	KUNIT_EXPECT_EQ(test, join(test, 1, Q_ANY_GROUP, PRIVATE), 40);
}

static u64 members(struct kunit *test, int gid, u64 class_mask)
{
	return pfq_group_members(pfq_world_group(test, gid), class_mask);
}

static u64 joined(struct kunit *test, int id)
{
	u64 mask;

	mutex_lock(&pfq_mutex);
	mask = pfq_group_mask(pfq_world_sock(test, id));
	mutex_unlock(&pfq_mutex);
	return mask;
}

static void group_classes(struct kunit *test)
{
	int id;

	for (id = 0; id < Q_MAX_ID; id++)
		KUNIT_ASSERT_EQ(test, pfq_group_join(pfq_world_sock(test, id), 5, SHARED,
						     Q_CLASS(id) | Q_CLASS(63 - id)), 5);
	for (id = 0; id < Q_MAX_ID; id++) {
		KUNIT_EXPECT_EQ(test, members(test, 5, Q_CLASS(id)),
				BIT_ULL(id) | BIT_ULL(63 - id));
		KUNIT_EXPECT_EQ(test, joined(test, id), BIT_ULL(5));
	}
	KUNIT_EXPECT_EQ(test, members(test, 5, ~0ULL), ~0ULL);
	KUNIT_EXPECT_EQ(test, members(test, 5, 0), 0);
	KUNIT_EXPECT_EQ(test, members(test, 5, Q_CLASS(1) | Q_CLASS(2)),
			BIT_ULL(1) | BIT_ULL(62) | BIT_ULL(2) | BIT_ULL(61));
	/* To join again adds classes; to leave ends all of them. */
	KUNIT_EXPECT_EQ(test, pfq_group_join(pfq_world_sock(test, 1), 5, SHARED, Q_CLASS(30)), 5);
	KUNIT_EXPECT_EQ(test, members(test, 5, Q_CLASS(30)),
			BIT_ULL(30) | BIT_ULL(33) | BIT_ULL(1));
	leave(test, 1, 5);
	KUNIT_EXPECT_EQ(test, members(test, 5, ~0ULL), ~BIT_ULL(1));
	KUNIT_EXPECT_EQ(test, joined(test, 1), 0);
	leave(test, 1, 5);
	KUNIT_EXPECT_EQ(test, members(test, 5, ~0ULL), ~BIT_ULL(1));
}

/* With no policy a group comes to life without a member. */
static void group_without_members(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, join(test, 0, Q_ANY_GROUP, UNDEFINED), 0);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, pfq_world_group(test, 0));
	KUNIT_EXPECT_EQ(test, members(test, 0, ~0ULL), 0);
	KUNIT_EXPECT_EQ(test, joined(test, 0), 0);
	KUNIT_EXPECT_EQ(test, join(test, 1, Q_ANY_GROUP, SHARED), 1);
	KUNIT_EXPECT_EQ(test, join(test, 1, 0, PRIVATE), 0);
	KUNIT_EXPECT_EQ(test, joined(test, 1), 3);
}

static struct kunit_case group_cases[] = {
	KUNIT_CASE(group_policies),
	KUNIT_CASE(group_refuses),
	KUNIT_CASE(group_numbers),
	KUNIT_CASE(group_classes),
	KUNIT_CASE(group_without_members),
	{}
};

struct kunit_suite pfq_group_suite = {
	.name = "pfq_group",
	.init = pfq_world_init,
	.exit = pfq_world_exit,
	.test_cases = group_cases,
};
