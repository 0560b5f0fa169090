// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Groups: joining, leaving, policies.
 *
 * A group comes to life when a socket joins it, and dies when its last member
 * leaves. It is published in &pfq_net.group and read by the data path under
 * RCU. Death is synchronous: bindings are gone, the number is free and a grace
 * period has passed before the caller returns to user space; programs rely on
 * the lowest free number.
 */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include <linux/pf_q.h>

#include "af_pfq.h"
#include "device.h"
#include "filter.h"
#include "generic.h"
#include "group.h"
#include "netns.h"
#include "params.h"
#include "program.h"
#include "rx.h"
#include "stats.h"
#include "steer.h"
#include "vlan.h"

/**
 * pfq_group_get() - look a group up
 * @pn: the namespace
 * @gid: its number, unchecked
 *
 * Context: Process context; the caller holds pfq_mutex.
 * Return: The group, or NULL if it is not in use or @gid is out of range.
 */
struct pfq_group *pfq_group_get(const struct pfq_net *pn, int gid)
{
	lockdep_assert_held(&pfq_mutex);

	if (gid < 0 || gid >= Q_MAX_GROUP)
		return NULL;
	return rcu_dereference_protected(pn->group[gid],
					 lockdep_is_held(&pfq_mutex));
}

/**
 * pfq_group_of() - look up a group that a socket is member of, in any class
 * @ps: the socket
 * @gid: the group's number, unchecked
 *
 * Context: Process context; the caller holds pfq_mutex.
 * Return: The group, or NULL if the socket is no member.
 */
struct pfq_group *pfq_group_of(const struct pfq_sock *ps, int gid)
{
	struct pfq_group *g = pfq_group_get(ps->net, gid);

	return g && (g->members & BIT_ULL(ps->id)) ? g : NULL;
}

/**
 * pfq_group_joined() - is the socket member of the group, in any class?
 * @ps: the socket
 * @gid: the group's number, unchecked
 *
 * Context: Process context; the caller holds pfq_mutex.
 * Return: True if so.
 */
bool pfq_group_joined(const struct pfq_sock *ps, int gid)
{
	return pfq_group_of(ps, gid);
}

/**
 * pfq_group_mask() - the groups that a socket is member of
 * @ps: the socket
 *
 * Context: Process context; the caller holds pfq_mutex.
 * Return: A bit for each group.
 */
u64 pfq_group_mask(const struct pfq_sock *ps)
{
	u64 mask = 0;
	int gid;

	for (gid = 0; gid < Q_MAX_GROUP; gid++)
		if (pfq_group_joined(ps, gid))
			mask |= BIT_ULL(gid);
	return mask;
}

/**
 * pfq_group_access() - may the socket read the group's counters?
 * @ps: the socket
 * @g: the group
 *
 * Context: Process context; the caller holds pfq_mutex.
 * Return: True if so.
 */
bool pfq_group_access(const struct pfq_sock *ps, const struct pfq_group *g)
{
	lockdep_assert_held(&pfq_mutex);

	switch (g->policy) {
	case Q_POLICY_GROUP_PRIVATE:
		return g->owner == ps;
	case Q_POLICY_GROUP_RESTRICTED:
		return g->tgid == task_tgid(current);
	default:
		return true;
	}
}

/* May the socket join, given the policy that it asks for? */
static bool group_admits(const struct pfq_group *g, const struct pfq_sock *ps,
			 int policy)
{
	switch (g->policy) {
	case Q_POLICY_GROUP_UNDEFINED:
		return true;
	case Q_POLICY_GROUP_PRIVATE:
		return g->owner == ps;
	default:
		return policy == g->policy && pfq_group_access(ps, g);
	}
}

static struct pfq_group *group_create(struct pfq_net *pn, int gid)
{
	struct pfq_group *g;

	g = kzalloc(sizeof(*g), GFP_KERNEL_ACCOUNT);
	if (!g)
		return NULL;
	g->stats = pfq_stats_alloc();
	if (!g->stats) {
		kfree(g);
		return NULL;
	}
	g->gid = gid;
	g->net = pn;
	pfq_generic_group_init(pn, gid);
	rcu_assign_pointer(pn->group[gid], g);
	return g;
}

static int group_lowest_free(const struct pfq_net *pn)
{
	int gid;

	for (gid = 0; gid < pfq_max_groups; gid++)
		if (!rcu_access_pointer(pn->group[gid]))
			return gid;
	return -EFAULT;
}

/* The first policy other than UNDEFINED is the group's. */
static void group_add(struct pfq_group *g, const struct pfq_sock *ps, int policy,
		      u64 class_mask)
{
	int class;

	if (policy == Q_POLICY_GROUP_UNDEFINED)
		return;
	if (g->policy == Q_POLICY_GROUP_UNDEFINED) {
		g->policy = policy;
		g->owner = ps;
		g->tgid = get_pid(task_tgid(current));
	}
	g->members |= BIT_ULL(ps->id);
	for (class = 0; class < Q_CLASS_MAX; class++)
		if (class_mask & BIT_ULL(class))
			WRITE_ONCE(g->class[class],
				   g->class[class] | BIT_ULL(ps->id));
	pfq_steer_update(g);
}

/**
 * pfq_group_join() - make a socket member of a group
 * @ps: the socket
 * @gid: the group, or Q_ANY_GROUP for the lowest one that is free
 * @policy: Q_POLICY_GROUP_*; with UNDEFINED the group comes to life, but the
 *	socket does not become a member
 * @class_mask: classes to be member of
 *
 * Context: Process context; takes pfq_mutex.
 * Return: The number of the group; -EINVAL for no class or an unknown policy,
 * -EFAULT for a number out of range or no group free, -EACCES if the group's
 * policy forbids it, -ENOMEM.
 */
int pfq_group_join(struct pfq_sock *ps, int gid, int policy, u64 class_mask)
{
	struct pfq_net *pn = ps->net;
	struct pfq_group *g;

	if (!class_mask)
		return -EINVAL;
	if (policy < Q_POLICY_GROUP_UNDEFINED || policy > Q_POLICY_GROUP_SHARED)
		return -EINVAL;

	mutex_lock(&pfq_mutex);
	if (gid == Q_ANY_GROUP)
		gid = group_lowest_free(pn);
	else if (gid < 0 || gid >= pfq_max_groups)
		gid = -EFAULT;
	if (gid < 0)
		goto out;

	g = pfq_group_get(pn, gid);
	if (!g)
		g = group_create(pn, gid);
	if (!g)
		gid = -ENOMEM;
	else if (!group_admits(g, ps, policy))
		gid = -EACCES;
	else
		group_add(g, ps, policy, class_mask);
out:
	mutex_unlock(&pfq_mutex);
	return gid;
}

/* Takes a group out of sight; the caller frees it after a grace period. */
static void group_unpublish(struct pfq_net *pn, struct pfq_group *g,
			    struct hlist_head *dead)
{
	pfq_device_unbind_group(pn, g->gid);
	WRITE_ONCE(pn->tap, pn->tap & ~BIT_ULL(g->gid));
	pfq_generic_group_exit(pn, g->gid);
	RCU_INIT_POINTER(pn->group[g->gid], NULL);
	hlist_add_head(&g->dead, dead);
}

static void group_remove(struct pfq_group *g, const struct pfq_sock *ps)
{
	int class;

	g->members &= ~BIT_ULL(ps->id);
	for (class = 0; class < Q_CLASS_MAX; class++)
		WRITE_ONCE(g->class[class], g->class[class] & ~BIT_ULL(ps->id));
	pfq_steer_update(g);
}

/**
 * pfq_group_free() - free groups that are out of sight
 * @dead: the groups
 *
 * Context: Process context; a grace period has passed since they were collected.
 */
void pfq_group_free(struct hlist_head *dead)
{
	struct hlist_node *next;
	struct pfq_group *g;

	hlist_for_each_entry_safe(g, next, dead, dead) {
		put_pid(g->tgid);
		pfq_vlan_free(g);
		pfq_filter_free(g);
		pfq_program_free(g);
		pfq_steer_free(g);
		free_percpu(g->stats);
		kfree(g);
	}
}

/**
 * pfq_group_leave() - end a socket's membership
 * @ps: the socket
 * @gid: the group, in range; nothing happens if the socket is no member
 *
 * Context: Process context, waits for a grace period; takes pfq_mutex.
 */
void pfq_group_leave(struct pfq_sock *ps, int gid)
{
	HLIST_HEAD(dead);
	struct pfq_group *g;

	mutex_lock(&pfq_mutex);
	if (pfq_group_joined(ps, gid)) {
		g = pfq_group_get(ps->net, gid);
		group_remove(g, ps);
		if (!g->members)
			group_unpublish(ps->net, g, &dead);
		synchronize_net();
		pfq_group_free(&dead);
	}
	mutex_unlock(&pfq_mutex);
}

/**
 * pfq_group_leave_all() - end all memberships of a socket
 * @ps: the socket
 * @dead: where groups are collected that have no member now, also those that
 *	nobody ever joined
 *
 * Context: Process context; the caller holds pfq_mutex, waits for a grace
 * period and calls pfq_group_free() before it drops the mutex.
 */
void pfq_group_leave_all(struct pfq_sock *ps, struct hlist_head *dead)
{
	struct pfq_group *g;
	int gid;

	for (gid = 0; gid < Q_MAX_GROUP; gid++) {
		g = pfq_group_get(ps->net, gid);
		if (!g)
			continue;
		group_remove(g, ps);
		if (!g->members)
			group_unpublish(ps->net, g, dead);
	}
}

/**
 * pfq_group_set_tap() - shall the group's frames go to the stack as well?
 * @ps: a member
 * @gid: the group, unchecked
 * @on: yes or no
 *
 * A frame that comes when this has returned is treated accordingly.
 *
 * Context: Process context, may sleep; takes pfq_mutex.
 * Return: 0, or -EACCES if the socket is no member.
 */
int pfq_group_set_tap(const struct pfq_sock *ps, int gid, bool on)
{
	struct pfq_net *pn = ps->net;
	int ret = -EACCES;

	mutex_lock(&pfq_mutex);
	if (pfq_group_joined(ps, gid)) {
		if (on)
			WRITE_ONCE(pn->tap, pn->tap | BIT_ULL(gid));
		else
			WRITE_ONCE(pn->tap, pn->tap & ~BIT_ULL(gid));
		ret = 0;
	}
	mutex_unlock(&pfq_mutex);
	if (!ret)
		pfq_rx_drain();
	return ret;
}
