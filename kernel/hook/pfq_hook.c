// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pfq_hook: twins of the kernel's receive entry points.
 *
 * An accelerated driver calls pfq_gro_receive() where its stock twin calls
 * napi_gro_receive(), and so on for every entry point. A twin is a static
 * branch: off, it jumps to the kernel's function; on (some device is bound), it
 * offers the packet to the registered core first, and goes on to the kernel's
 * function with the packet untouched if the core does not want it.
 *
 *    driver             twin                                core (pfq.ko)
 *
 *    NAPI poll -------> pfq_gro_receive ..................> receive()
 *                       pfq_gro_frags      bottom halves
 *                       pfq_netif_receive*  disabled
 *
 *    anywhere --------> pfq_netif_rx*  --> per-CPU queue
 *    (hard interrupt, process, inside          |
 *     another device's transmit)            tasklet ......> receive()
 *
 * The netif_rx family always goes through the queue, as it does in the kernel:
 * its callers may hold a transmit lock (veth), on which a core that forwards
 * would deadlock, and softirq alone does not tell.
 *
 * The core is an RCU pointer: readers follow it in read-side sections,
 * pfq_hook_unregister() clears it and waits for a grace period.
 */
#include <linux/etherdevice.h>
#include <linux/interrupt.h>
#include <linux/jump_label.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/pfq_hook.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>

/* Packets of one CPU that wait for their softirq, as net.core.netdev_max_backlog. */
#define HOOK_QUEUE_MAX	1000

/**
 * struct hook_queue - packets of the netif_rx family on one CPU
 * @list: the packets; its lock is taken with interrupts off
 * @dropped: packets freed because the queue was full or the device down;
 *	guarded by the lock of @list
 * @tasklet: brings the packets into softirq context
 */
struct hook_queue {
	struct sk_buff_head list;
	u64 dropped;
	struct tasklet_struct tasklet;
};

static DEFINE_PER_CPU(struct hook_queue, hook_queues);
static DEFINE_STATIC_KEY_FALSE(hook_bound);

static DEFINE_MUTEX(hook_mutex);
static const struct pfq_hook_ops __rcu *hook_core;	/* written under hook_mutex */

/* The caller of these two is in an RCU read-side section. */
static bool hook_wants(const struct sk_buff *skb)
{
	const struct pfq_hook_ops *ops = rcu_dereference(hook_core);

	return ops && ops->wants(skb->dev, pfq_hook_skb_queue(skb));
}

static bool hook_receive(struct sk_buff *skb, unsigned int flags)
{
	const struct pfq_hook_ops *ops = rcu_dereference(hook_core);

	return ops && ops->receive(skb, flags);
}

/* Bottom halves disabled, and not in a hard interrupt on top of them. */
static bool hook_in_softirq(void)
{
	return softirq_count() && !hardirq_count();
}

/* Appends to this CPU's queue; the caller is in an RCU read-side section. */
static bool hook_queue_tail(struct hook_queue *q, struct sk_buff *skb)
{
	unsigned long flags;
	bool ok;

	spin_lock_irqsave(&q->list.lock, flags);
	/*
	 * A device that is down takes no more packets, so none is queued after
	 * the grace period that follows its closing (hook_netdev_event()).
	 */
	ok = netif_running(skb->dev) && skb_queue_len(&q->list) < HOOK_QUEUE_MAX;
	if (ok)
		__skb_queue_tail(&q->list, skb);
	else
		q->dropped++;
	spin_unlock_irqrestore(&q->list.lock, flags);
	return ok;
}

/*
 * Takes a packet in whatever context, if the core wants it. Returns false if it
 * does not; else *ret is what netif_rx() would have returned.
 */
static bool hook_take_any_context(struct sk_buff *skb, int *ret)
{
	bool bh_off = !softirq_count() && !hardirq_count() && !irqs_disabled();
	struct hook_queue *q;
	bool wanted;

	if (bh_off)
		local_bh_disable();
	rcu_read_lock();
	wanted = hook_wants(skb);
	if (wanted) {
		q = this_cpu_ptr(&hook_queues);
		if (hook_queue_tail(q, skb)) {
			tasklet_schedule(&q->tasklet);
			*ret = NET_RX_SUCCESS;
		} else {
			dev_core_stats_rx_dropped_inc(skb->dev);
			kfree_skb(skb);
			*ret = NET_RX_DROP;
		}
	}
	rcu_read_unlock();
	if (bh_off)
		local_bh_enable();
	return wanted;
}

/* A twin of the NAPI world was called out of its contract. */
static noinline bool hook_take_elsewhere(struct sk_buff *skb)
{
	int ret;

	return hook_take_any_context(skb, &ret);
}

/* Takes a packet in softirq context; returns false if the core does not want it. */
static bool hook_take(struct sk_buff *skb, unsigned int flags)
{
	bool taken;

	if (unlikely(!hook_in_softirq()))
		return hook_take_elsewhere(skb);

	rcu_read_lock();
	taken = hook_receive(skb, flags);
	rcu_read_unlock();
	return taken;
}

static void hook_queue_run(struct tasklet_struct *t)
{
	struct hook_queue *q = from_tasklet(q, t, tasklet);
	struct sk_buff_head list;
	struct sk_buff *skb;

	__skb_queue_head_init(&list);
	/*
	 * The read-side section starts before the packets leave the queue, so
	 * that a device that goes away finds them either there or in here.
	 */
	rcu_read_lock();
	spin_lock_irq(&q->list.lock);
	skb_queue_splice_init(&q->list, &list);
	spin_unlock_irq(&q->list.lock);
	while ((skb = __skb_dequeue(&list))) {
		if (!hook_receive(skb, 0))
			netif_rx(skb);
	}
	rcu_read_unlock();
}

/*
 * The twins. What one does while some device is bound is in a function of its
 * own, which is not inlined: so a twin that is off saves no registers, and is no
 * more than a jump.
 */

#ifdef PFQ_HAVE_GRO_RECEIVE_SKB
static noinline gro_result_t hook_gro_receive_skb(struct gro_node *gro, struct sk_buff *skb)
{
	return hook_take(skb, PFQ_HOOK_NAPI) ? GRO_NORMAL : gro_receive_skb(gro, skb);
}

/**
 * pfq_gro_receive_skb() - twin of gro_receive_skb()
 * @gro: GRO state of the context that polls
 * @skb: the packet
 *
 * Context: Bottom halves disabled.
 * Return: GRO_NORMAL if the core took the packet, else as gro_receive_skb().
 */
gro_result_t pfq_gro_receive_skb(struct gro_node *gro, struct sk_buff *skb)
{
	if (static_branch_unlikely(&hook_bound))
		return hook_gro_receive_skb(gro, skb);
	return gro_receive_skb(gro, skb);
}
EXPORT_SYMBOL_GPL(pfq_gro_receive_skb);
#else
static noinline gro_result_t hook_gro_receive(struct napi_struct *napi, struct sk_buff *skb)
{
	return hook_take(skb, PFQ_HOOK_NAPI) ? GRO_NORMAL : napi_gro_receive(napi, skb);
}

/**
 * pfq_gro_receive() - twin of napi_gro_receive()
 * @napi: the NAPI context that polls
 * @skb: the packet
 *
 * Context: Bottom halves disabled (NAPI poll).
 * Return: GRO_NORMAL if the core took the packet, else as napi_gro_receive().
 */
gro_result_t pfq_gro_receive(struct napi_struct *napi, struct sk_buff *skb)
{
	if (static_branch_unlikely(&hook_bound))
		return hook_gro_receive(napi, skb);
	return napi_gro_receive(napi, skb);
}
EXPORT_SYMBOL_GPL(pfq_gro_receive);
#endif

/* Can the packet in napi->skb be taken? It is not touched unless so. */
static bool hook_wants_frags(struct napi_struct *napi)
{
	struct sk_buff *skb = napi->skb;
	bool wanted;

	if (unlikely(!skb || !hook_in_softirq()))
		return false;

	rcu_read_lock();
	wanted = hook_wants(skb) && pskb_may_pull(skb, ETH_HLEN);
	rcu_read_unlock();
	return wanted;
}

/*
 * The Ethernet header is still in front of the data. From here on this is a
 * packet as any other: if the core declines, it goes on by napi_gro_receive().
 */
static noinline gro_result_t hook_gro_frags(struct napi_struct *napi)
{
	struct sk_buff *skb = napi->skb;

	if (!hook_wants_frags(napi))
		return napi_gro_frags(napi);
	napi->skb = NULL;
	skb->protocol = eth_type_trans(skb, skb->dev);
	if (hook_take(skb, PFQ_HOOK_NAPI))
		return GRO_NORMAL;
	return napi_gro_receive(napi, skb);
}

/**
 * pfq_gro_frags() - twin of napi_gro_frags()
 * @napi: the NAPI context that polls; the packet is in napi->skb
 *
 * Context: Bottom halves disabled (NAPI poll).
 * Return: GRO_NORMAL if the core took the packet, else as napi_gro_frags().
 */
gro_result_t pfq_gro_frags(struct napi_struct *napi)
{
	if (static_branch_unlikely(&hook_bound))
		return hook_gro_frags(napi);
	return napi_gro_frags(napi);
}
EXPORT_SYMBOL_GPL(pfq_gro_frags);

static noinline int hook_netif_receive_skb(struct sk_buff *skb)
{
	return hook_take(skb, 0) ? NET_RX_SUCCESS : netif_receive_skb(skb);
}

/**
 * pfq_netif_receive_skb() - twin of netif_receive_skb()
 * @skb: the packet
 *
 * Context: Bottom halves disabled.
 * Return: NET_RX_SUCCESS if the core took the packet, else as
 * netif_receive_skb().
 */
int pfq_netif_receive_skb(struct sk_buff *skb)
{
	if (static_branch_unlikely(&hook_bound))
		return hook_netif_receive_skb(skb);
	return netif_receive_skb(skb);
}
EXPORT_SYMBOL_GPL(pfq_netif_receive_skb);

static noinline int hook_netif_receive_skb_core(struct sk_buff *skb)
{
	return hook_take(skb, 0) ? NET_RX_SUCCESS : netif_receive_skb_core(skb);
}

/**
 * pfq_netif_receive_skb_core() - twin of netif_receive_skb_core()
 * @skb: the packet
 *
 * Context: Bottom halves disabled.
 * Return: NET_RX_SUCCESS if the core took the packet, else as
 * netif_receive_skb_core().
 */
int pfq_netif_receive_skb_core(struct sk_buff *skb)
{
	if (static_branch_unlikely(&hook_bound))
		return hook_netif_receive_skb_core(skb);
	return netif_receive_skb_core(skb);
}
EXPORT_SYMBOL_GPL(pfq_netif_receive_skb_core);

/* Takes what the core wants out of the list; the rest stays in order. */
static noinline void hook_take_list(struct list_head *head)
{
	struct sk_buff *skb, *next;
	struct list_head *prev;

	list_for_each_entry_safe(skb, next, head, list) {
		prev = skb->list.prev;
		skb_list_del_init(skb);
		if (!hook_take(skb, 0))
			list_add(&skb->list, prev);
	}
}

/**
 * pfq_netif_receive_skb_list() - twin of netif_receive_skb_list()
 * @head: the packets
 *
 * Context: Bottom halves disabled.
 */
void pfq_netif_receive_skb_list(struct list_head *head)
{
	if (static_branch_unlikely(&hook_bound))
		hook_take_list(head);
	netif_receive_skb_list(head);
}
EXPORT_SYMBOL_GPL(pfq_netif_receive_skb_list);

/**
 * pfq_netif_rx() - twin of netif_rx()
 * @skb: the packet
 *
 * Context: Any context in which netif_rx() is allowed, hard interrupts included.
 * Return: As netif_rx(): NET_RX_SUCCESS or NET_RX_DROP.
 */
int pfq_netif_rx(struct sk_buff *skb)
{
	int ret;

	if (static_branch_unlikely(&hook_bound) && hook_take_any_context(skb, &ret))
		return ret;
	return netif_rx(skb);
}
EXPORT_SYMBOL_GPL(pfq_netif_rx);

#ifdef PFQ_HAVE___NETIF_RX
/**
 * __pfq_netif_rx() - twin of __netif_rx()
 * @skb: the packet
 *
 * Context: Hard interrupt, or bottom halves disabled.
 * Return: As __netif_rx(): NET_RX_SUCCESS or NET_RX_DROP.
 */
int __pfq_netif_rx(struct sk_buff *skb)
{
	int ret;

	if (static_branch_unlikely(&hook_bound) && hook_take_any_context(skb, &ret))
		return ret;
	return __netif_rx(skb);
}
EXPORT_SYMBOL_GPL(__pfq_netif_rx);
#endif

#ifdef PFQ_HAVE_NETIF_RX_NI
/**
 * pfq_netif_rx_ni() - twin of netif_rx_ni()
 * @skb: the packet
 *
 * Context: Process context.
 * Return: As netif_rx_ni(): NET_RX_SUCCESS or NET_RX_DROP.
 */
int pfq_netif_rx_ni(struct sk_buff *skb)
{
	int ret;

	if (static_branch_unlikely(&hook_bound) && hook_take_any_context(skb, &ret))
		return ret;
	return netif_rx_ni(skb);
}
EXPORT_SYMBOL_GPL(pfq_netif_rx_ni);
#endif

#ifdef PFQ_HAVE_NETIF_RX_ANY_CONTEXT
/**
 * pfq_netif_rx_any_context() - twin of netif_rx_any_context()
 * @skb: the packet
 *
 * Context: Any.
 * Return: As netif_rx_any_context(): NET_RX_SUCCESS or NET_RX_DROP.
 */
int pfq_netif_rx_any_context(struct sk_buff *skb)
{
	int ret;

	if (static_branch_unlikely(&hook_bound) && hook_take_any_context(skb, &ret))
		return ret;
	return netif_rx_any_context(skb);
}
EXPORT_SYMBOL_GPL(pfq_netif_rx_any_context);
#endif

/**
 * pfq_hook_register() - make a core the one that is offered packets
 * @ops: the core; must stay valid until pfq_hook_unregister()
 *
 * Nothing is offered before the core calls pfq_hook_bound_inc().
 *
 * Context: Process context, may sleep.
 * Return: 0, or -EBUSY if there is a core already.
 */
int pfq_hook_register(const struct pfq_hook_ops *ops)
{
	int ret = 0;

	mutex_lock(&hook_mutex);
	if (rcu_access_pointer(hook_core)) {
		ret = -EBUSY;
	} else {
		rcu_assign_pointer(hook_core, ops);
		pr_debug("the core is %s\n", module_name(ops->owner));
	}
	mutex_unlock(&hook_mutex);
	return ret;
}
EXPORT_SYMBOL_GPL(pfq_hook_register);

/**
 * pfq_hook_unregister() - stop offering packets to a core
 * @ops: what was given to pfq_hook_register()
 *
 * When this returns no CPU is inside the core, nor will be. Packets that wait
 * in a per-CPU queue go to the network stack.
 *
 * Context: Process context, may sleep.
 */
void pfq_hook_unregister(const struct pfq_hook_ops *ops)
{
	mutex_lock(&hook_mutex);
	if (!WARN_ON_ONCE(rcu_access_pointer(hook_core) != ops)) {
		RCU_INIT_POINTER(hook_core, NULL);
		synchronize_net();
	}
	mutex_unlock(&hook_mutex);
}
EXPORT_SYMBOL_GPL(pfq_hook_unregister);

/**
 * pfq_hook_bound_inc() - one more device is bound
 *
 * The first one turns the twins' static branch on.
 *
 * Context: Process context, may sleep.
 */
void pfq_hook_bound_inc(void)
{
	static_branch_inc(&hook_bound);
}
EXPORT_SYMBOL_GPL(pfq_hook_bound_inc);

/**
 * pfq_hook_bound_dec() - one device less is bound
 *
 * The last one turns the twins' static branch off.
 *
 * Context: Process context, may sleep.
 */
void pfq_hook_bound_dec(void)
{
	static_branch_dec(&hook_bound);
}
EXPORT_SYMBOL_GPL(pfq_hook_bound_dec);

/**
 * pfq_hook_dropped() - packets that the per-CPU queues could not take
 *
 * Context: Any.
 * Return: Their number since the module was loaded.
 */
u64 pfq_hook_dropped(void)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(hook_queues, cpu).dropped);
	return sum;
}
EXPORT_SYMBOL_GPL(pfq_hook_dropped);

/* Frees the packets of a device (NULL: of all) in a queue. */
static void hook_queue_purge(struct hook_queue *q, const struct net_device *dev)
{
	struct sk_buff_head list;
	struct sk_buff *skb, *next;
	unsigned long flags;

	__skb_queue_head_init(&list);
	spin_lock_irqsave(&q->list.lock, flags);
	skb_queue_walk_safe(&q->list, skb, next) {
		if (dev && skb->dev != dev)
			continue;
		__skb_unlink(skb, &q->list);
		__skb_queue_tail(&list, skb);
		q->dropped++;
	}
	spin_unlock_irqrestore(&q->list.lock, flags);
	__skb_queue_purge(&list);
}

/*
 * A device goes away (or changes its namespace). It has been closed and a grace
 * period has passed, so nothing is queued any more. What a tasklet has already
 * taken out of the queue is waited for by unregister_netdevice() itself, which
 * lets another grace period pass after the notifiers.
 */
static int hook_netdev_event(struct notifier_block *nb, unsigned long event,
			     void *ptr)
{
	const struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	int cpu;

	if (event == NETDEV_UNREGISTER)
		for_each_possible_cpu(cpu)
			hook_queue_purge(&per_cpu(hook_queues, cpu), dev);
	return NOTIFY_DONE;
}

static struct notifier_block hook_netdev_notifier = {
	.notifier_call = hook_netdev_event,
};

static int __init pfq_hook_init(void)
{
	struct hook_queue *q;
	int cpu;

	for_each_possible_cpu(cpu) {
		q = &per_cpu(hook_queues, cpu);
		skb_queue_head_init(&q->list);
		tasklet_setup(&q->tasklet, hook_queue_run);
	}
	return register_netdevice_notifier(&hook_netdev_notifier);
}

/* Nobody uses the module any more: the queues can only run empty. */
static void __exit pfq_hook_exit(void)
{
	struct hook_queue *q;
	int cpu;

	unregister_netdevice_notifier(&hook_netdev_notifier);
	for_each_possible_cpu(cpu) {
		q = &per_cpu(hook_queues, cpu);
		tasklet_kill(&q->tasklet);
		hook_queue_purge(q, NULL);
	}
}

module_init(pfq_hook_init);
module_exit(pfq_hook_exit);

MODULE_DESCRIPTION("PFQ: twins of the kernel's receive entry points");
MODULE_LICENSE("GPL");
MODULE_VERSION("1.0");
