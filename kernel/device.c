// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bindings of groups to devices and hardware queues.
 *
 * A group may be bound to any device: then it is bound to each of the namespace,
 * those to come included. To unbind it from one of them later is no contradiction;
 * a device that comes after that is bound.
 *
 * A device has an entry here while at least one group is bound to it; the
 * entries are what keeps the static branch of the hook on. The data path finds
 * them under RCU. A device that goes away, or moves to another namespace, loses
 * its bindings.
 */
#include <linux/bits.h>
#include <linux/hashtable.h>
#include <linux/netdevice.h>
#include <linux/pfq_hook.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include <linux/pf_q.h>

#include "device.h"
#include "generic.h"
#include "netns.h"
#include "rx.h"
#include "stats.h"

static DEFINE_READ_MOSTLY_HASHTABLE(devices, 6);	/* guarded by pfq_mutex */
static bool devices_used;	/* batches may hold frames; the same */

/**
 * pfq_device_find() - the entry of a device
 * @dev: the device
 *
 * Context: Any, inside an RCU read-side section or with pfq_mutex held.
 * Return: The entry, or NULL if nothing is bound to the device.
 */
struct pfq_device *pfq_device_find(const struct net_device *dev)
{
	struct pfq_device *d;

	hash_for_each_possible_rcu(devices, d, node, (unsigned long)dev,
				   lockdep_is_held(&pfq_mutex))
		if (d->dev == dev)
			return d;
	return NULL;
}

static struct pfq_device *device_add_entry(struct pfq_net *pn,
					   const struct net_device *dev)
{
	struct pfq_device *d;

	d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);
	if (!d)
		return NULL;
	d->stats = alloc_percpu_gfp(struct pfq_device_stats, GFP_KERNEL_ACCOUNT);
	if (!d->stats) {
		kfree(d);
		return NULL;
	}
	d->dev = dev;
	d->net = pn;
	d->ifindex = dev->ifindex;
	strscpy(d->name, dev->name, sizeof(d->name));
	hash_add_rcu(devices, &d->node, (unsigned long)dev);
	devices_used = true;
	pfq_hook_bound_inc();
	return d;
}

static void device_entry_free(struct rcu_head *rcu)
{
	struct pfq_device *d = container_of(rcu, struct pfq_device, rcu);

	free_percpu(d->stats);
	kfree(d);
}

static void device_del_entry(struct pfq_device *d)
{
	pfq_generic_remove(d);
	hash_del_rcu(&d->node);
	pfq_hook_bound_dec();
	call_rcu(&d->rcu, device_entry_free);
}

/*
 * Sets or clears the bit of a group for one queue or all of them. Returns the
 * groups that are bound to any queue then.
 */
static u64 queues_change(u64 *queues, int queue, int gid, bool set)
{
	u64 bit = BIT_ULL(gid), left = 0;
	unsigned int q;

	for (q = 0; q < PFQ_MAX_QUEUES; q++) {
		if (queue == Q_ANY_QUEUE || queue == q)
			WRITE_ONCE(queues[q], set ? queues[q] | bit : queues[q] & ~bit);
		left |= queues[q];
	}
	return left;
}

static struct pfq_device *device_get_entry(struct pfq_net *pn,
					   const struct net_device *dev)
{
	struct pfq_device *d = pfq_device_find(dev);

	return d ? : device_add_entry(pn, dev);
}

static void device_bind(struct pfq_device *d, int gid, int queue)
{
	d->bound = queues_change(d->groups, queue, gid, true);
	pfq_generic_update(d);
}

/**
 * pfq_device_bind() - bind a group to a device
 * @pn: namespace of both
 * @dev: the device
 * @gid: the group
 * @queue: hardware queue, or Q_ANY_QUEUE
 *
 * Context: Process context; the caller holds rtnl_mutex, so that @dev is not on
 * its way out, and pfq_mutex.
 * Return: 0 or -ENOMEM.
 */
int pfq_device_bind(struct pfq_net *pn, const struct net_device *dev, int gid,
		    int queue)
{
	struct pfq_device *d;

	ASSERT_RTNL();
	lockdep_assert_held(&pfq_mutex);

	d = device_get_entry(pn, dev);
	if (!d)
		return -ENOMEM;
	device_bind(d, gid, queue);
	return 0;
}

/* Removes the entries of a namespace that nothing is bound to. */
static void device_prune(const struct pfq_net *pn)
{
	struct hlist_node *next;
	struct pfq_device *d;
	int bkt;

	hash_for_each_safe(devices, bkt, next, d, node)
		if (d->net == pn && !d->bound)
			device_del_entry(d);
}

/**
 * pfq_device_bind_any() - bind a group to every device, present and to come
 * @pn: the namespace
 * @net: the same
 * @gid: the group
 * @queue: hardware queue, or Q_ANY_QUEUE
 *
 * Context: Process context; the caller holds rtnl_mutex and pfq_mutex.
 * Return: 0, or -ENOMEM, with nothing bound.
 */
int pfq_device_bind_any(struct pfq_net *pn, struct net *net, int gid, int queue)
{
	struct net_device *dev;

	ASSERT_RTNL();
	lockdep_assert_held(&pfq_mutex);

	for_each_netdev(net, dev) {
		if (device_get_entry(pn, dev))
			continue;
		device_prune(pn);
		return -ENOMEM;
	}
	for_each_netdev(net, dev)
		device_bind(pfq_device_find(dev), gid, queue);
	queues_change(pn->any, queue, gid, true);
	return 0;
}

/**
 * pfq_device_unbind() - undo bindings of a group
 * @pn: the namespace
 * @ifindex: device, or Q_ANY_DEVICE
 * @gid: the group
 * @queue: hardware queue, or Q_ANY_QUEUE
 *
 * Context: Process context, may wait for a grace period; the caller holds
 * pfq_mutex.
 */
void pfq_device_unbind(struct pfq_net *pn, int ifindex, int gid, int queue)
{
	struct pfq_device *d;
	int bkt;

	lockdep_assert_held(&pfq_mutex);

	if (ifindex == Q_ANY_DEVICE)
		queues_change(pn->any, queue, gid, false);
	hash_for_each(devices, bkt, d, node)
		if (d->net == pn && (ifindex == Q_ANY_DEVICE || ifindex == d->ifindex))
			d->bound = queues_change(d->groups, queue, gid, false);
	device_prune(pn);
	pfq_device_update_generic(pn);
}

/**
 * pfq_device_unbind_group() - undo all bindings of a group
 * @pn: the namespace
 * @gid: the group
 *
 * Context: Process context; the caller holds pfq_mutex.
 */
void pfq_device_unbind_group(struct pfq_net *pn, int gid)
{
	pfq_device_unbind(pn, Q_ANY_DEVICE, gid, Q_ANY_QUEUE);
}

/**
 * pfq_device_update_generic() - start or end generic capture, as need be
 * @pn: namespace of the devices in question, or NULL: all
 *
 * Context: Process context, may wait for a grace period; the caller holds
 * pfq_mutex.
 */
void pfq_device_update_generic(const struct pfq_net *pn)
{
	struct pfq_device *d;
	bool ended = false;
	int bkt;

	lockdep_assert_held(&pfq_mutex);

	hash_for_each(devices, bkt, d, node)
		if (!pn || d->net == pn)
			ended |= pfq_generic_update(d);
	if (ended)
		synchronize_net();
}

static const char *device_kind(const struct pfq_device *d)
{
	if (READ_ONCE(d->hooked))
		return "accelerated";
	return d->captures ? "generic" : "none";
}

/**
 * pfq_device_show() - print the bound devices of a namespace
 * @m: where
 * @pn: the namespace
 *
 * Context: Process context; the caller holds pfq_mutex.
 */
void pfq_device_show(struct seq_file *m, const struct pfq_net *pn)
{
	struct pfq_device_counts c;
	struct pfq_device *d;
	int bkt;

	lockdep_assert_held(&pfq_mutex);

	seq_puts(m, "ifindex: handed    consumed  passed    both      freed     groups           frames      name\n");
	hash_for_each(devices, bkt, d, node) {
		if (d->net != pn)
			continue;
		pfq_device_stats_sum(d->stats, &c);
		seq_printf(m, "%7d: %-9llu %-9llu %-9llu %-9llu %-9llu %016llx %-11s %s\n",
			   d->ifindex, c.handed, c.consumed, c.passed, c.both,
			   c.freed, d->bound, device_kind(d), d->name);
	}
}

/*
 * The device has been closed and a grace period has passed, so its driver hands
 * over nothing more; but frames of it may wait in a batch, also if the last
 * group was unbound a moment ago.
 */
static void device_gone(const struct net_device *dev)
{
	struct pfq_device *d;
	bool used;

	mutex_lock(&pfq_mutex);
	d = pfq_device_find(dev);
	if (d)
		device_del_entry(d);
	used = devices_used;
	mutex_unlock(&pfq_mutex);
	if (used) {
		pfq_generic_purge(dev);
		synchronize_net();
		pfq_rx_drain();
	}
}

/* A device has come into a namespace: groups bound to any device are bound to it. */
static void device_come(const struct net_device *dev)
{
	struct pfq_net *pn = pfq_net(dev_net(dev));
	struct pfq_device *d;
	u64 bound = 0;
	unsigned int q;

	mutex_lock(&pfq_mutex);
	for (q = 0; q < PFQ_MAX_QUEUES; q++)
		bound |= pn->any[q];
	if (!bound)
		goto out;
	d = device_get_entry(pn, dev);
	if (!d) {
		pr_warn("%s: no memory to bind it to a group that wants any device\n",
			dev->name);
		goto out;
	}
	d->bound = bound;
	for (q = 0; q < PFQ_MAX_QUEUES; q++)
		WRITE_ONCE(d->groups[q], pn->any[q]);
	pfq_generic_update(d);
out:
	mutex_unlock(&pfq_mutex);
}

static void device_renamed(const struct net_device *dev)
{
	struct pfq_device *d;

	mutex_lock(&pfq_mutex);
	d = pfq_device_find(dev);
	if (d)
		strscpy(d->name, dev->name, sizeof(d->name));
	mutex_unlock(&pfq_mutex);
}

/* Moving to another namespace is going away and coming. */
static int device_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	const struct net_device *dev = netdev_notifier_info_to_dev(ptr);

	switch (event) {
	case NETDEV_REGISTER:
		device_come(dev);
		break;
	case NETDEV_CHANGENAME:
		device_renamed(dev);
		break;
	case NETDEV_UNREGISTER:
		device_gone(dev);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block device_notifier = {
	.notifier_call = device_event,
};

/**
 * pfq_device_init() - start to watch devices go away
 *
 * Context: Module load.
 * Return: 0 or a negative errno.
 */
int __init pfq_device_init(void)
{
	return register_netdevice_notifier(&device_notifier);
}

/**
 * pfq_device_exit() - stop to watch; no device is bound any more
 *
 * Context: Module unload, after pfq_rx_stop().
 */
void pfq_device_exit(void)
{
	/* To unregister tells of each device that it goes; the batches are empty. */
	mutex_lock(&pfq_mutex);
	devices_used = false;
	mutex_unlock(&pfq_mutex);
	unregister_netdevice_notifier(&device_notifier);
	rcu_barrier();
}
