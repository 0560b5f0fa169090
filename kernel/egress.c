// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Device endpoints: sockets whose frames are sent by a device.
 *
 * A socket that is bound to a device for egress is chosen as any other, but its
 * frames go to the device at once, from the softirq that handles the batch, past
 * queueing disciplines. Several sockets may get the same frame: each sends a
 * clone, the last one the skb itself, unless it belongs to somebody else too.
 *
 * A frame that the device's driver has taken is forwarded (frwd); any other is
 * discarded (disc): the device is down, without carrier or gone, its queue is
 * stopped or ours already (we were called from its transmit function), the frame
 * is too long for it, has been sent by us too often, or cannot be segmented, or
 * there is no memory.
 *
 * No reference to the device is held: the binding loses it when it goes away, or
 * to another namespace, and the core lets a grace period pass before it frees
 * it. The socket stays a device endpoint, which discards all.
 *
 * The data path is not entered again by what a device does in its transmit
 * function: a frame that comes back joins the next batch (rx.c).
 */
#include <linux/list.h>
#include <linux/netdevice.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/slab.h>

#include <linux/pf_q.h>

#include "af_pfq.h"
#include "decide.h"
#include "egress.h"
#include "frame.h"
#include "netns.h"
#include "stats.h"
#include "steer.h"

#define EGRESS_HOPS_MAX		8	/* as nested transmissions in the kernel */
#define EGRESS_CB_OFFSET	24	/* before what GSO uses */

/**
 * struct pfq_egress - the device of a device endpoint
 * @node: in the list of all; guarded by pfq_mutex
 * @dev: the device, or NULL if it has gone. Written under pfq_mutex, read under
 *	RCU
 * @queue: its transmit queue, or Q_ANY_QUEUE
 * @rcu: frees it
 */
struct pfq_egress {
	struct hlist_node node;
	struct net_device *dev;
	int queue;
	struct rcu_head rcu;
};

static HLIST_HEAD(egress_all);	/* guarded by pfq_mutex */
static u64 egress_secret __ro_after_init;	/* see egress_hop() */

/* --- configuration ---------------------------------------------------------- */

static void egress_replace(struct pfq_sock *ps, struct pfq_egress *new)
{
	struct pfq_egress *old;

	old = rcu_replace_pointer(ps->egress, new, lockdep_is_held(&pfq_mutex));
	if (new)
		hlist_add_head(&new->node, &egress_all);
	if (old) {
		hlist_del(&old->node);
		kfree_rcu(old, rcu);
	}
	pfq_steer_update_sock(ps);
}

/**
 * pfq_egress_bind() - make a socket a device endpoint
 * @ps: the socket
 * @ifindex: the device, in the socket's own namespace
 * @queue: its transmit queue, or Q_ANY_QUEUE
 *
 * Context: Process context; takes rtnl_mutex, so that the device is not on its
 * way out, and pfq_mutex.
 * Return: 0; -EPERM if there is no such device or @queue is no queue's number,
 * -ENOMEM.
 */
int pfq_egress_bind(struct pfq_sock *ps, int ifindex, int queue)
{
	struct pfq_egress *e;
	int ret = 0;

	if (queue < Q_ANY_QUEUE)
		return -EPERM;
	e = kzalloc(sizeof(*e), GFP_KERNEL_ACCOUNT);
	if (!e)
		return -ENOMEM;
	e->queue = queue;

	rtnl_lock();
	mutex_lock(&pfq_mutex);
	e->dev = __dev_get_by_index(sock_net(&ps->sk), ifindex);
	if (e->dev)
		egress_replace(ps, e);
	else
		ret = -EPERM;
	mutex_unlock(&pfq_mutex);
	rtnl_unlock();
	if (ret)
		kfree(e);
	return ret;
}

/**
 * pfq_egress_unbind() - make a socket a memory endpoint again
 * @ps: the socket
 *
 * Context: Process context; takes pfq_mutex.
 */
void pfq_egress_unbind(struct pfq_sock *ps)
{
	mutex_lock(&pfq_mutex);
	egress_replace(ps, NULL);
	mutex_unlock(&pfq_mutex);
}

static int egress_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	const struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct pfq_egress *e;

	if (event != NETDEV_UNREGISTER)
		return NOTIFY_DONE;

	mutex_lock(&pfq_mutex);
	hlist_for_each_entry(e, &egress_all, node)
		if (e->dev == dev)
			WRITE_ONCE(e->dev, NULL);
	mutex_unlock(&pfq_mutex);
	return NOTIFY_DONE;
}

static struct notifier_block egress_notifier = {
	.notifier_call = egress_event,
};

/**
 * pfq_egress_init() - start to watch devices go away
 *
 * Context: Module load.
 * Return: 0 or a negative errno.
 */
int __init pfq_egress_init(void)
{
	get_random_bytes(&egress_secret, sizeof(egress_secret));
	return register_netdevice_notifier(&egress_notifier);
}

/**
 * pfq_egress_exit() - stop to watch; no socket is open any more
 *
 * Context: Module unload.
 */
void pfq_egress_exit(void)
{
	unregister_netdevice_notifier(&egress_notifier);
}

/* --- data path -------------------------------------------------------------- */

/* The queue that the stack would send a frame by. */
static u16 egress_pick_queue(struct net_device *dev, struct sk_buff *skb)
{
	const struct net_device_ops *ops = dev->netdev_ops;
	u16 queue;

	if (dev->real_num_tx_queues == 1)
		return 0;
#ifdef CONFIG_XPS
	skb->sender_cpu = raw_smp_processor_id() + 1;	/* napi_id until now */
#endif
	if (!ops->ndo_select_queue)
		return netdev_pick_tx(dev, skb, NULL);
	queue = ops->ndo_select_queue(dev, skb, NULL);
	return queue < dev->real_num_tx_queues ? queue : 0;
}

/* Sending would wait for a lock that this CPU holds, further up the stack. */
static bool egress_is_ours(const struct net_device *dev, u16 queue)
{
	return pfq_compat_tx_owned(netdev_get_tx_queue(dev, queue));
}

/*
 * Counts how often we have sent a frame; returns false if that was too often. What a
 * software device sends may come back, as the very skb or a clone of it: so the number
 * is in the skb, in a part of the control block that GSO and most queueing
 * disciplines leave alone. What else is found there differs from the secret by a
 * large number. Of a loop over a cable nothing can be known.
 */
static bool egress_hop(struct sk_buff *skb)
{
	u64 *mark = (u64 *)(skb->cb + EGRESS_CB_OFFSET);
	u64 hops = *mark ^ egress_secret;

	BUILD_BUG_ON(EGRESS_CB_OFFSET + sizeof(*mark) > sizeof(skb->cb));
	if (hops == EGRESS_HOPS_MAX)
		return false;
	if (hops > EGRESS_HOPS_MAX)
		hops = 0;
	*mark = (hops + 1) ^ egress_secret;
	return true;
}

/*
 * What a NIC has glued together by its own rules (LRO) cannot be taken apart again,
 * and segments need checksums that can be relied on.
 */
static bool egress_can_segment(const struct sk_buff *skb)
{
	return skb_shinfo(skb)->gso_type && (skb->ip_summed == CHECKSUM_PARTIAL ||
					     skb->ip_summed == CHECKSUM_UNNECESSARY);
}

/*
 * A GSO frame goes as it is if the device can make segments itself, else in segments.
 * It counts as one frame, taken if all of it was.
 */
static noinline bool egress_send_gso(struct net_device *dev, struct sk_buff *skb,
				     u16 queue)
{
	bool again = false, sent;
	struct sk_buff *next;

	if (!egress_can_segment(skb)) {
		kfree_skb(skb);
		return false;
	}
	skb_probe_transport_header(skb);
	skb = validate_xmit_skb_list(skb, dev, &again);
	for (sent = skb; skb; skb = next) {
		next = skb->next;
		skb_mark_not_on_list(skb);
		if (dev_direct_xmit(skb, queue) != NETDEV_TX_OK)
			sent = false;
	}
	return sent;
}

/* Hands an skb, which is gone then, to a device; tells if its driver took it. */
static bool egress_send(struct net_device *dev, struct sk_buff *skb, u16 mac_len,
			int queue)
{
	pfq_frame_expose(skb, mac_len);
	if (unlikely(!is_skb_forwardable(dev, skb) || !egress_hop(skb)))
		goto drop;
	skb->dev = dev;
	pfq_compat_clear_tstamp(skb);
	skb_forward_csum(skb);
	if (queue == Q_ANY_QUEUE)
		queue = egress_pick_queue(dev, skb);
	if (unlikely(egress_is_ours(dev, queue)))
		goto drop;
	if (unlikely(skb_is_gso(skb)))
		return egress_send_gso(dev, skb, queue);
	return dev_direct_xmit(skb, queue) == NETDEV_TX_OK;

drop:
	kfree_skb(skb);
	return false;
}

/*
 * Sends the frames of @mask; those in @rest have another user later on. Returns
 * how many the device took.
 */
static unsigned int egress_burst(struct pfq_work *w, struct net_device *dev, int queue,
				 const struct pfq_frame *frame, struct pfq_mask mask,
				 const struct pfq_mask *rest)
{
	unsigned int sent = 0;
	struct sk_buff *skb;
	int i;

	if (queue != Q_ANY_QUEUE)
		queue %= dev->real_num_tx_queues;
	while ((i = pfq_mask_pop(&mask)) >= 0) {
		skb = frame[i].skb;
		if (w->keep || pfq_mask_has(rest, i) || skb_shared(skb))
			skb = skb_clone(skb, GFP_ATOMIC);
		else
			pfq_mask_set(&w->taken, i);
		if (skb && egress_send(dev, skb, frame[i].origin.mac_len, queue))
			sent++;
	}
	return sent;
}

static void egress_xmit(struct pfq_work *w, const struct pfq_sock *ps,
			const struct pfq_frame *frame, struct pfq_mask mask,
			const struct pfq_mask *rest)
{
	const struct pfq_egress *e = rcu_dereference(ps->egress);
	unsigned int want = pfq_mask_weight(mask), sent = 0;
	struct net_device *dev;

	if (!e)			/* unbound meanwhile */
		return;
	dev = READ_ONCE(e->dev);
	if (dev && netif_running(dev) && netif_carrier_ok(dev))
		sent = egress_burst(w, dev, e->queue, frame, mask, rest);
	pfq_count(&ps->stats->frwd, sent);
	pfq_count(&ps->stats->disc, want - sent);
	pfq_count(&ps->net->stats->frwd, sent);
	pfq_count(&ps->net->stats->disc, want - sent);
}

/**
 * pfq_egress_xmit() - send frames of a batch
 * @pn: the namespace
 * @w: who gets which; the frames of @socks are taken out. Frames whose skb was
 *	given away are noted
 * @socks: the device endpoints, one bit each
 * @frame: the frames of the batch
 *
 * Context: Softirq, inside an RCU read-side section.
 */
void pfq_egress_xmit(const struct pfq_net *pn, struct pfq_work *w, u64 socks,
		     const struct pfq_frame *frame)
{
	const struct pfq_sock *ps;
	struct pfq_mask rest;
	u64 later;
	int id;

	for (; socks; socks &= socks - 1) {
		id = __ffs64(socks);
		memset(&rest, 0, sizeof(rest));
		for (later = socks & (socks - 1); later; later &= later - 1)
			pfq_mask_or(&rest, w->want[__ffs64(later)]);
		ps = rcu_dereference(pn->sock[id]);
		if (ps)
			egress_xmit(w, ps, frame, w->want[id], &rest);
		memset(&w->want[id], 0, sizeof(w->want[id]));
	}
}
