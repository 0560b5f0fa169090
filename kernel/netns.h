/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What PFQ knows of a network namespace: its sockets and groups.
 *
 * Lifetime and locks
 * ------------------
 * pfq_mutex guards the configuration: which sockets and groups exist, who is
 * member of what, which devices are bound. The data path reads it under RCU
 * and takes no lock.
 *
 *	rtnl_mutex            binding, and a device that goes away
 *	  pfq_sock.lock       size and memory of one socket's queues
 *	    pfq_mutex         the configuration, as above
 *	      pfq_sock.map_lock   pfq_sock.ring against mmap(2)
 *	    mmap_lock         of the process whose memory is taken or charged;
 *	                      pfq_mutex is not held then
 *	      pfq_sock.map_lock   the same; so nothing under it may fault
 *
 * An id of a socket or group is given out again only after a grace period
 * under pfq_mutex, so that the data path never takes a new one for the old.
 * A socket holds a reference to its namespace; so the namespace outlives them.
 */
#ifndef _PFQ_NETNS_H
#define _PFQ_NETNS_H

#include <linux/mutex.h>
#include <linux/types.h>
#include <net/net_namespace.h>

#include <linux/pf_q.h>

#include "params.h"

struct pfq_cpu_stats;
struct pfq_group;
struct pfq_sock;
struct proc_dir_entry;

/**
 * struct pfq_net - sockets and groups of a network namespace
 * @sock: sockets by id
 * @group: groups by id; NULL: free
 * @any: for each hardware queue the groups bound to it on every device, present
 *	and to come, one bit each; guarded by pfq_mutex
 * @tap: groups that pass their frames on to the stack, one bit each
 * @incoming: groups that capture what comes in by the stack; the same
 * @outgoing: groups that capture what goes out by the stack; the same
 * @tstamp_users: sockets that want timestamps
 * @stats: counters of the namespace
 * @base: counters at the last reset; guarded by pfq_mutex
 * @proc: /proc/net/pfq
 */
struct pfq_net {
	struct pfq_sock __rcu *sock[Q_MAX_ID];
	struct pfq_group __rcu *group[Q_MAX_GROUP];
	u64 any[PFQ_MAX_QUEUES];
	u64 tap;
	u64 incoming;
	u64 outgoing;
	unsigned int tstamp_users;
	struct pfq_cpu_stats __percpu *stats;
	struct pfq_stats base;
	struct proc_dir_entry *proc;
};

extern struct mutex pfq_mutex;

struct pfq_net *pfq_net(const struct net *net);
int pfq_netns_init(void);
void pfq_netns_exit(void);

#endif /* _PFQ_NETNS_H */
