/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bindings of groups to devices and hardware queues.
 */
#ifndef _PFQ_DEVICE_H
#define _PFQ_DEVICE_H

#include <linux/if.h>
#include <linux/netdevice.h>
#include <linux/rculist.h>
#include <linux/types.h>

#include "params.h"

struct net;
struct pfq_device_stats;
struct pfq_net;
struct seq_file;

/**
 * struct pfq_device - a device that some group is bound to
 * @node: in the hash table, by @dev; read under RCU
 * @dev: the device. No reference is held: the entry goes when the device does
 * @net: namespace of the device
 * @ifindex: its number
 * @hooked: the hook has offered a frame: the driver is accelerated; see generic.c
 * @captures: @generic is registered; written under pfq_mutex
 * @stats: what became of its frames
 * @bound: groups bound to any queue, one bit each; guarded by pfq_mutex
 * @name: its name, for /proc; the same
 * @generic: generic capture
 * @rcu: frees the entry
 * @groups: for each hardware queue the groups bound to it, one bit each.
 *	Written under pfq_mutex, read under RCU
 */
struct pfq_device {
	struct hlist_node node;
	const struct net_device *dev;
	struct pfq_net *net;
	int ifindex;
	bool hooked;
	bool captures;
	struct pfq_device_stats __percpu *stats;
	u64 bound;
	char name[IFNAMSIZ];
	struct packet_type generic;
	struct rcu_head rcu;
	u64 groups[PFQ_MAX_QUEUES];
};

struct pfq_device *pfq_device_find(const struct net_device *dev);

/**
 * pfq_device_groups() - groups bound to a queue of a device
 * @d: the device
 * @queue: the queue
 *
 * Context: Any, inside an RCU read-side section.
 * Return: One bit for each group.
 */
static inline u64 pfq_device_groups(const struct pfq_device *d, unsigned int queue)
{
	return READ_ONCE(d->groups[queue % PFQ_MAX_QUEUES]);
}

int pfq_device_bind(struct pfq_net *pn, const struct net_device *dev, int gid,
		    int queue);
int pfq_device_bind_any(struct pfq_net *pn, struct net *net, int gid, int queue);
void pfq_device_unbind(struct pfq_net *pn, int ifindex, int gid, int queue);
void pfq_device_unbind_group(struct pfq_net *pn, int gid);
void pfq_device_update_generic(const struct pfq_net *pn);
void pfq_device_show(struct seq_file *m, const struct pfq_net *pn);

int pfq_device_init(void);
void pfq_device_exit(void);

#endif /* _PFQ_DEVICE_H */
