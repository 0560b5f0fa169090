// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Generic capture: from devices whose driver is not accelerated. It copies what
 * the stack sees and never takes anything away; it is slower than the hook, and
 * comes after GRO. A group asks for it (Q_SO_GROUP_GENERIC), or has it from the
 * start by the parameters capture_incoming and capture_outgoing.
 *
 *   incoming:  stack ---> generic_receive() ----------------+
 *                                                           v
 *   outgoing:  stack ---> generic_receive() ---> queue    pfq_rx_copy(): joins the
 *              (a transmit lock is held)       of this --> batch of this CPU
 *                                                 CPU
 *                                             (tasklet)
 *
 * A device that a group with generic capture is bound to gets a packet type
 * (ETH_P_ALL) of its own. The alternative is an rx_handler; but a device has
 * only one, which bridges, bonds and macvlan want for themselves, it does not
 * see what goes out, and it decides about the frame, which is not for us to do.
 *
 * A frame must not be delivered twice, by the hook and by the stack that it was
 * passed on to. So a device is marked as accelerated when the hook offers the
 * first frame of it, and generic_receive() ignores it from then on; that frame
 * itself has not come so far yet. The packet type is removed a little later.
 *
 * Outgoing frames come with the lock of a transmit queue held. A device endpoint
 * takes such a lock as well, maybe the other one of two, while another CPU does
 * the same the other way round. So they wait in a queue for their own softirq.
 */
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/netdevice.h>
#include <linux/percpu.h>
#include <linux/pfq_hook.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <linux/workqueue.h>

#include <linux/pf_q.h>

#include "af_pfq.h"
#include "device.h"
#include "generic.h"
#include "group.h"
#include "netns.h"
#include "params.h"
#include "rx.h"
#include "stats.h"

#define GENERIC_QUEUE_MAX	1000	/* as net.core.netdev_max_backlog */

/**
 * struct generic_queue - outgoing frames of a CPU that wait for their softirq
 * @list: the frames; its lock guards them
 * @tasklet: hands them on
 */
struct generic_queue {
	struct sk_buff_head list;
	struct tasklet_struct tasklet;
};

static DEFINE_PER_CPU(struct generic_queue, generic_queues);

/* --- configuration -------------------------------------------------------- */

static void generic_work_run(struct work_struct *work)
{
	mutex_lock(&pfq_mutex);
	pfq_device_update_generic(NULL);
	mutex_unlock(&pfq_mutex);
}

static DECLARE_WORK(generic_work, generic_work_run);

static void generic_set_flags(struct pfq_net *pn, int gid, unsigned int flags)
{
	u64 bit = BIT_ULL(gid);

	WRITE_ONCE(pn->incoming, flags & Q_GENERIC_INCOMING ?
				 pn->incoming | bit : pn->incoming & ~bit);
	WRITE_ONCE(pn->outgoing, flags & Q_GENERIC_OUTGOING ?
				 pn->outgoing | bit : pn->outgoing & ~bit);
}

/**
 * pfq_generic_set() - shall the group capture where drivers are not accelerated?
 * @ps: a member
 * @gid: the group, unchecked
 * @flags: Q_GENERIC_*: which frames; 0: none
 *
 * Context: Process context, may wait for a grace period; takes pfq_mutex.
 * Return: 0, -EACCES if the socket is no member, -EINVAL for unknown flags.
 */
int pfq_generic_set(const struct pfq_sock *ps, int gid, unsigned int flags)
{
	int ret = -EACCES;

	if (flags & ~(Q_GENERIC_INCOMING | Q_GENERIC_OUTGOING))
		return -EINVAL;
	mutex_lock(&pfq_mutex);
	if (pfq_group_joined(ps, gid)) {
		generic_set_flags(ps->net, gid, flags);
		pfq_device_update_generic(ps->net);
		ret = 0;
	}
	mutex_unlock(&pfq_mutex);
	return ret;
}

/**
 * pfq_generic_group_init() - a group comes to life
 * @pn: its namespace
 * @gid: its number
 *
 * Context: Process context; the caller holds pfq_mutex.
 */
void pfq_generic_group_init(struct pfq_net *pn, int gid)
{
	lockdep_assert_held(&pfq_mutex);

	generic_set_flags(pn, gid, (pfq_capture_incoming ? Q_GENERIC_INCOMING : 0) |
				   (pfq_capture_outgoing ? Q_GENERIC_OUTGOING : 0));
}

/**
 * pfq_generic_group_exit() - a group dies; it is bound to nothing any more
 * @pn: its namespace
 * @gid: its number
 *
 * Context: Process context; the caller holds pfq_mutex.
 */
void pfq_generic_group_exit(struct pfq_net *pn, int gid)
{
	lockdep_assert_held(&pfq_mutex);

	generic_set_flags(pn, gid, 0);
}

/* --- data path ------------------------------------------------------------- */

static void generic_count(const struct pfq_device *d, bool captured)
{
	pfq_count(&d->stats->handed, 1);
	if (captured) {
		pfq_count(&d->stats->both, 1);
		pfq_count(&d->net->stats->recv, 1);
	} else {
		pfq_count(&d->stats->passed, 1);
	}
}

/* Eats @skb, which is ours alone. */
static void generic_capture(const struct pfq_device *d, struct sk_buff *skb,
			    unsigned int queue, bool outgoing)
{
	bool captured = pfq_rx_copy(d->net, skb, queue, outgoing);

	generic_count(d, captured);
	if (!captured)
		kfree_skb(skb);
}

static void generic_queue_run(struct tasklet_struct *t)
{
	struct generic_queue *q = from_tasklet(q, t, tasklet);
	const struct pfq_device *d;
	struct sk_buff_head list;
	struct sk_buff *skb;

	__skb_queue_head_init(&list);
	/*
	 * The read-side section starts before the frames leave the queue, so
	 * that a device that goes away finds them either there or in here.
	 */
	rcu_read_lock();
	spin_lock_bh(&q->list.lock);
	skb_queue_splice_init(&q->list, &list);
	spin_unlock_bh(&q->list.lock);
	while ((skb = __skb_dequeue(&list))) {
		d = pfq_device_find(skb->dev);
		if (d)
			generic_capture(d, skb, 0, true);
		else
			kfree_skb(skb);
	}
	rcu_read_unlock();
}

/* Eats @skb. A device that is down sends nothing, so its entry is there still. */
static void generic_defer(const struct pfq_device *d, struct sk_buff *skb)
{
	struct generic_queue *q = this_cpu_ptr(&generic_queues);
	bool room;

	spin_lock(&q->list.lock);
	room = skb_queue_len(&q->list) < GENERIC_QUEUE_MAX;
	if (room)
		__skb_queue_tail(&q->list, skb);
	spin_unlock(&q->list.lock);
	if (room) {
		tasklet_schedule(&q->tasklet);
		return;
	}
	generic_count(d, false);
	kfree_skb(skb);
}

/*
 * The packet type. Bottom halves are disabled. @skb is a reference of ours to a
 * frame that others see too: incoming with data at the network header and an
 * 802.1Q tag taken out, outgoing a clone with data at the MAC header. Queues are
 * those of reception, so that an outgoing frame belongs to queue 0.
 */
static int generic_receive(struct sk_buff *skb, struct net_device *dev,
			   struct packet_type *pt, struct net_device *orig_dev)
{
	const struct pfq_device *d = container_of(pt, struct pfq_device, generic);
	bool outgoing = skb->pkt_type == PACKET_OUTGOING;
	unsigned int queue = outgoing ? 0 : pfq_hook_skb_queue(skb);
	u64 groups = pfq_device_groups(d, queue);

	groups &= outgoing ? READ_ONCE(d->net->outgoing) : READ_ONCE(d->net->incoming);
	if (!groups || READ_ONCE(d->hooked) || skb->pkt_type == PACKET_LOOPBACK) {
		consume_skb(skb);
		return NET_RX_SUCCESS;
	}
	skb = skb_share_check(skb, GFP_ATOMIC);
	if (!skb)
		generic_count(d, false);
	else if (outgoing)
		generic_defer(d, skb);
	else
		generic_capture(d, skb, queue, false);
	return NET_RX_SUCCESS;
}

/* --- devices ---------------------------------------------------------------- */

/**
 * pfq_generic_update() - start or end generic capture on a device, as need be
 * @d: the device's entry
 *
 * Context: Process context; the caller holds pfq_mutex.
 * Return: True if capture ended: it must not start again before a grace period.
 */
bool pfq_generic_update(struct pfq_device *d)
{
	u64 incoming = d->bound & d->net->incoming;
	u64 outgoing = d->bound & d->net->outgoing;
	bool want = (incoming | outgoing) && !READ_ONCE(d->hooked);

	lockdep_assert_held(&pfq_mutex);

	WRITE_ONCE(d->generic.ignore_outgoing, !outgoing);
	if (want == d->captures)
		return false;
	d->captures = want;
	if (want) {
		d->generic.type = htons(ETH_P_ALL);
		d->generic.dev = (struct net_device *)d->dev;
		d->generic.func = generic_receive;
		dev_add_pack(&d->generic);
	} else {
		__dev_remove_pack(&d->generic);
	}
	return !want;
}

/**
 * pfq_generic_remove() - end generic capture on a device
 * @d: the device's entry, which is freed after a grace period
 *
 * Context: Process context; the caller holds pfq_mutex.
 */
void pfq_generic_remove(struct pfq_device *d)
{
	lockdep_assert_held(&pfq_mutex);

	if (d->captures)
		__dev_remove_pack(&d->generic);
	d->captures = false;
}

/**
 * pfq_generic_hooked() - the hook has offered a frame of a device
 * @d: the device's entry
 *
 * From here on the device counts as accelerated.
 *
 * Context: Any, inside an RCU read-side section.
 */
void pfq_generic_hooked(struct pfq_device *d)
{
	WRITE_ONCE(d->hooked, true);
	if (READ_ONCE(d->captures))
		schedule_work(&generic_work);
}

/**
 * pfq_generic_purge() - forget the outgoing frames of a device that goes away
 * @dev: the device, which sends nothing any more; NULL: of all
 *
 * What a tasklet has taken out of a queue is in a batch after a grace period.
 *
 * Context: Process context.
 */
void pfq_generic_purge(const struct net_device *dev)
{
	struct sk_buff *skb, *next;
	struct generic_queue *q;
	struct sk_buff_head list;
	int cpu;

	__skb_queue_head_init(&list);
	for_each_possible_cpu(cpu) {
		q = &per_cpu(generic_queues, cpu);
		spin_lock_bh(&q->list.lock);
		skb_queue_walk_safe(&q->list, skb, next) {
			if (dev && skb->dev != dev)
				continue;
			__skb_unlink(skb, &q->list);
			__skb_queue_tail(&list, skb);
		}
		spin_unlock_bh(&q->list.lock);
	}
	__skb_queue_purge(&list);
}

/**
 * pfq_generic_init() - prepare the queues of all CPUs
 *
 * Context: Module load.
 */
void __init pfq_generic_init(void)
{
	struct generic_queue *q;
	int cpu;

	for_each_possible_cpu(cpu) {
		q = &per_cpu(generic_queues, cpu);
		skb_queue_head_init(&q->list);
		tasklet_setup(&q->tasklet, generic_queue_run);
	}
}

/**
 * pfq_generic_exit() - end what is going on; no device is bound any more
 *
 * Context: Module unload, before pfq_rx_stop(); waits for a grace period.
 */
void pfq_generic_exit(void)
{
	int cpu;

	synchronize_net();
	cancel_work_sync(&generic_work);
	for_each_possible_cpu(cpu)
		tasklet_kill(&per_cpu(generic_queues, cpu).tasklet);
	pfq_generic_purge(NULL);
}
