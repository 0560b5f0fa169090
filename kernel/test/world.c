// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/percpu.h>
#include <linux/rcupdate.h>

#include <linux/pf_q.h>

#include "af_pfq.h"
#include "group.h"
#include "netns.h"
#include "ring.h"
#include "stats.h"
#include "steer.h"
#include "test/world.h"

int pfq_world_init(struct kunit *test)
{
	struct pfq_net *pn = kunit_kzalloc(test, sizeof(*pn), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pn);
	pn->stats = pfq_stats_alloc();
	KUNIT_ASSERT_TRUE(test, !!pn->stats);
	test->priv = pn;
	return 0;
}

void pfq_world_exit(struct kunit *test)
{
	struct pfq_net *pn = test->priv;
	struct pfq_sock *ps;
	HLIST_HEAD(dead);
	int id;

	if (!pn)
		return;
	for (id = 0; id < Q_MAX_ID; id++) {
		ps = rcu_dereference_protected(pn->sock[id], true);
		if (!ps)
			continue;
		mutex_lock(&pfq_mutex);
		pfq_group_leave_all(ps, &dead);
		synchronize_net();
		pfq_group_free(&dead);
		mutex_unlock(&pfq_mutex);
		INIT_HLIST_HEAD(&dead);
		free_percpu(ps->stats);
	}
	free_percpu(pn->stats);
	rcu_barrier();
}

struct pfq_net *pfq_world_net(struct kunit *test)
{
	return test->priv;
}

struct pfq_sock *pfq_world_sock(struct kunit *test, int id)
{
	struct pfq_net *pn = pfq_world_net(test);
	struct pfq_sock *ps = rcu_dereference_protected(pn->sock[id], true);

	if (ps)
		return ps;
	ps = kunit_kzalloc(test, sizeof(*ps), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ps);
	ps->net = pn;
	ps->id = id;
	ps->weight = 1;
	mutex_init(&ps->lock);
	ps->stats = pfq_stats_alloc();
	KUNIT_ASSERT_TRUE(test, !!ps->stats);
	rcu_assign_pointer(pn->sock[id], ps);
	return ps;
}

void pfq_world_enable(struct kunit *test, struct pfq_sock *ps)
{
	struct pfq_ring *ring = kunit_kzalloc(test, sizeof(*ring), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ring);
	rcu_assign_pointer(ps->ring, ring);
}

struct pfq_group *pfq_world_group(struct kunit *test, int gid)
{
	struct pfq_group *g;

	mutex_lock(&pfq_mutex);
	g = pfq_group_get(pfq_world_net(test), gid);
	mutex_unlock(&pfq_mutex);
	return g;
}

/* What the program says is the business of who calls; that there is one makes the table. */
void pfq_world_fanout(struct kunit *test, int gid)
{
	struct pfq_group *g = pfq_world_group(test, gid);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, g);
	mutex_lock(&pfq_mutex);
	RCU_INIT_POINTER(g->program, (struct pfq_program *)g);
	pfq_steer_update(g);
	RCU_INIT_POINTER(g->program, NULL);
	mutex_unlock(&pfq_mutex);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, rcu_access_pointer(g->fanout));
}
