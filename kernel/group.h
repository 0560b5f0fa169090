/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Groups: sets of sockets that share what is bound to the group.
 */
#ifndef _PFQ_GROUP_H
#define _PFQ_GROUP_H

#include <linux/list.h>
#include <linux/types.h>

#include <linux/pf_q.h>

struct pfq_cpu_stats;
struct pfq_net;
struct pfq_sock;
struct pid;

/**
 * struct pfq_group - a group in use
 * @class: members of each class, one bit for each socket id. Written under
 *	pfq_mutex, read under RCU
 * @stats: counters
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
	struct pfq_cpu_stats __percpu *stats;
	u64 members;
	int gid;
	int policy;
	const struct pfq_sock *owner;
	struct pid *tgid;
	struct hlist_node dead;
};

struct pfq_group *pfq_group_get(const struct pfq_net *pn, int gid);
bool pfq_group_joined(const struct pfq_sock *ps, int gid);
bool pfq_group_access(const struct pfq_sock *ps, const struct pfq_group *g);
u64 pfq_group_mask(const struct pfq_sock *ps);

int pfq_group_join(struct pfq_sock *ps, int gid, int policy, u64 class_mask);
void pfq_group_leave(struct pfq_sock *ps, int gid);
void pfq_group_leave_all(struct pfq_sock *ps, struct hlist_head *dead);
void pfq_group_free(struct hlist_head *dead);
int pfq_group_set_tap(const struct pfq_sock *ps, int gid, bool on);

#endif /* _PFQ_GROUP_H */
