/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Groups: sets of sockets that share what is bound to the group.
 */
#ifndef _PFQ_GROUP_H
#define _PFQ_GROUP_H

#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/types.h>

#include <linux/pf_q.h>

struct pfq_cpu_stats;
struct pfq_fanout;
struct pfq_filter;
struct pfq_net;
struct pfq_program;
struct pfq_sock;
struct pfq_vlan;
struct pid;

/**
 * struct pfq_group - a group in use
 * @class: members of each class, one bit for each socket id. Written under
 *	pfq_mutex, read under RCU, as all that follows
 * @vlan: VLAN filter, or NULL
 * @filter: BPF filter, or NULL
 * @program: program, or NULL: all members of class 0 get all frames
 * @fanout: table of the sockets that a program may choose among, or NULL
 * @stats: counters
 * @net: namespace of the group
 * @members: members in any class; guarded by pfq_mutex, as all that follows
 * @gid: index in &pfq_net.group
 * @policy: Q_POLICY_GROUP_*: who may join
 * @owner: of a private group: the only socket that may (compared, never
 *	dereferenced)
 * @tgid: of a restricted group: the only process that may
 * @dead: list of groups to be freed
 */
struct pfq_group {
	u64 class[Q_CLASS_MAX];
	struct pfq_vlan __rcu *vlan;
	struct pfq_filter __rcu *filter;
	struct pfq_program __rcu *program;
	struct pfq_fanout __rcu *fanout;
	struct pfq_cpu_stats __percpu *stats;
	struct pfq_net *net;
	u64 members;
	int gid;
	int policy;
	const struct pfq_sock *owner;
	struct pid *tgid;
	struct hlist_node dead;
};

/**
 * pfq_group_members() - members of classes
 * @g: the group
 * @class_mask: the classes, one bit each
 *
 * Context: Any, inside an RCU read-side section or with pfq_mutex held.
 * Return: One bit for each socket id.
 */
static inline u64 pfq_group_members(const struct pfq_group *g, u64 class_mask)
{
	u64 members = 0;

	for (; class_mask; class_mask &= class_mask - 1)
		members |= READ_ONCE(g->class[__ffs64(class_mask)]);
	return members;
}

struct pfq_group *pfq_group_get(const struct pfq_net *pn, int gid);
struct pfq_group *pfq_group_of(const struct pfq_sock *ps, int gid);
bool pfq_group_joined(const struct pfq_sock *ps, int gid);
bool pfq_group_access(const struct pfq_sock *ps, const struct pfq_group *g);
u64 pfq_group_mask(const struct pfq_sock *ps);

int pfq_group_join(struct pfq_sock *ps, int gid, int policy, u64 class_mask);
void pfq_group_leave(struct pfq_sock *ps, int gid);
void pfq_group_leave_all(struct pfq_sock *ps, struct hlist_head *dead);
void pfq_group_free(struct hlist_head *dead);
int pfq_group_set_tap(const struct pfq_sock *ps, int gid, bool on);

#endif /* _PFQ_GROUP_H */
