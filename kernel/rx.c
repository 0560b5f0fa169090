// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The receive path: what a frame meets from the driver to the reader.
 *
 *   driver ---> twin in pfq_hook.ko ---> rx_receive()
 *                                          |
 *                 nobody bound: back ------+------ a group taps: handled at once,
 *                 to the twin, untouched   |       then back to the twin
 *                                          v
 *                     rx_append(): batch of this CPU, as runs of frames
 *                     that came from one queue of one device; a frame like
 *                     the last one goes there straight: rx_append_alike()
 *                                          |  full, or the softirq ends (tasklet)
 *                                          v
 *                     rx_handle(), of a batch that was taken away first
 *                                          |
 *          +-------------------------------+------------------+
 *          v                                                  v  at last
 *     rx_decide(): for each run, for each            rx_dispose(): skb back to
 *     group bound to its queue: filters,             the NAPI cache of this CPU
 *     program, steering (decide.c); adds to
 *     the set of frames of each socket
 *          |
 *          v
 *     rx_give(): for each socket its set
 *          |
 *          +---> pfq_copy(): reserve, copy, commit (copy.c, ring.h)
 *          +---> pfq_egress_xmit(): send a clone, or the skb itself (egress.c)
 *
 * stage           context                held  owner of the skb  may lose it: counter
 * --------------  ---------------------  ----  ----------------  ---------------------------
 * twin            bottom halves off (1)  RCU   driver            queue of pfq_hook full: its
 *                                                                dropped, and rx_dropped
 * rx_receive()    the same               RCU   PFQ, if true is   its tag cannot be taken
 *                                              returned          out, or both batches are
 *                                                                full: device freed
 * rx_decide()     the same, or tasklet   RCU   batch             filter or program: group
 *                                                                drop (2)
 * pfq_copy()      the same               RCU   batch             no slot: socket lost (2)
 * pfq_egress_     the same               RCU   batch, then the   device down or busy, too
 * xmit()                                       device            many hops: socket disc (2)
 * rx_dispose()    the same               RCU   freed, or to the  device down: it counts as
 *                                              stack if all      passed
 *                                              groups were
 *                                              unbound since
 *
 * (1) never in a hard interrupt; the twins of the netif_rx family, which may be
 *     called there, or with a transmit lock held, queue the frame and bring it here
 *     from a tasklet.
 * (2) the frame itself is not lost: other groups and sockets may get it.
 *
 * Nothing waits on an idle CPU: the first frame of a batch schedules a tasklet,
 * which runs on the same CPU when the NAPI polls of the softirq in progress are
 * done. So a frame waits for the rest of its softirq at most, and as long as
 * there is traffic, frames are handled capt_batch_len at a time. The tasklet wakes
 * up readers too, once for all batches of the softirq; to do it before would end
 * the softirq: it gives way, and leaves what it has raised to ksoftirqd, as soon
 * as a task that it wakes up wants the CPU.
 *
 * Frames are taken without a lock, and the only word written by more than one CPU is
 * shinfo of a ring, once for each socket and batch (and what a device shares that
 * frames are sent by, and the wait queue of a reader that sleeps). The state of a CPU,
 * struct rx_cpu, is guarded by disabled bottom halves, on PREEMPT_RT by rx_cpu.lock
 * too. That is held while a frame is appended or a batch changes hands, not while
 * frames are handled: whoever does that is rx_cpu.handler, and owns rx_cpu.work and
 * one batch. On PREEMPT_RT it may be preempted by another task with frames for this
 * CPU. That one waits, and lends its priority: rx_cpu.handling.
 *
 * So a device that hands over a frame while it sends one of ours enters this
 * file again on the same CPU, but no deeper than to append it: to the other
 * batch, for a tasklet to come. A frame to be tapped is cloned for that. The
 * stack is bounded, and so is the memory: when both batches are full, frames are
 * freed, and counted. A loop of devices ends after some hops (egress.c).
 *
 * Bindings and programs are asked when a batch is handled, so a change is heard by
 * frames that wait already. All but one: a frame that is to go on to the stack must
 * not be taken. Who has a group tap, or binds one that does, drains all CPUs after
 * that: no batch is left whose next frame is taken for being like the last one.
 *
 * What is read here is published by RCU. An skb in a batch has no reference to its
 * device: one that goes away is unbound, and after a grace period pfq_rx_drain()
 * empties all batches, before it can be freed. Readers to be woken up are known by
 * id and namespace; a namespace that ends drains all CPUs first. A CPU that goes
 * away leaves its batch to another one: rx_cpu_dead().
 *
 * Generic capture (generic.c), for drivers that know nothing of the hook, puts
 * clones of what the stack has into the batches, by pfq_rx_copy().
 *
 * The bytes of frames are only read (but vlan_untag takes tags out, of skbs that
 * are ours, or of clones), and an skb that goes on to the stack is as it was (but
 * steer_rss leaves its hash there). Data start at the MAC header, which lies in
 * front of skb->data (frame.h).
 */
#include <linux/cpu.h>
#include <linux/if_vlan.h>
#include <linux/interrupt.h>
#include <linux/jump_label.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/local_lock.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/percpu.h>
#include <linux/pfq_hook.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/topology.h>
#include <linux/workqueue.h>

#include <linux/pf_q.h>

#include "af_pfq.h"
#include "copy.h"
#include "decide.h"
#include "device.h"
#include "egress.h"
#include "frame.h"
#include "generic.h"
#include "netns.h"
#include "params.h"
#include "rx.h"
#include "rx_batch.h"
#include "stats.h"

/**
 * struct rx_cpu - the receive path's state of a CPU
 * @lock: see the top of this file
 * @handling: held by @handler on PREEMPT_RT; taken before @lock
 * @handler: the task that handles frames, or was interrupted for it: @work is in
 *	use, and may be the other batch; NULL if there is none
 * @fill: the batch that frames are appended to
 * @work: what was decided about the frames being handled
 * @tasklet: empties the batch at the end of the softirq
 * @drain: empties the batch on request
 * @batch: the two batches
 */
struct rx_cpu {
	local_lock_t lock;
	spinlock_t handling;	/* one handler at a time; PREEMPT_RT alone */
	struct task_struct *handler;
	struct rx_batch *fill;
	struct pfq_work *work;
	struct tasklet_struct tasklet;
	struct work_struct drain;
	struct rx_batch batch[2];
};

static struct rx_cpu __percpu *rx_cpus;
static DEFINE_STATIC_KEY_FALSE(rx_untags);	/* the parameter vlan_untag */

/* --- handling frames ------------------------------------------------------ */

/* Wakes up readers that have got something since the last time. */
static void rx_wake(struct pfq_work *w)
{
	const struct pfq_sock *ps;

	rcu_read_lock();
	for (; w->wake; w->wake &= w->wake - 1) {
		ps = rcu_dereference(w->wake_net->sock[__ffs64(w->wake)]);
		if (ps)
			pfq_copy_wake(ps);
	}
	rcu_read_unlock();
}

/*
 * Gives frames of one namespace to the sockets that were chosen. All of them are
 * noted for a wake-up, which asks then whether there is something to read.
 */
static void rx_give(const struct pfq_net *pn, struct pfq_work *w,
		    const struct pfq_frame *frame)
{
	const u64 stateful = w->stateful;
	u64 socks = w->socks, devices = 0;
	const struct pfq_sock *ps;
	int id;

	if (unlikely(w->wake_net != pn)) {
		rx_wake(w);
		w->wake_net = pn;
	}
	w->wake |= socks;
	w->socks = 0;
	w->stateful = 0;
	for (; socks; socks &= socks - 1) {
		id = __ffs64(socks);
		ps = rcu_dereference(pn->sock[id]);
		if (unlikely(ps && rcu_access_pointer(ps->egress))) {
			devices |= BIT_ULL(id);
			continue;
		}
		if (likely(ps))
			pfq_copy(ps, frame, &w->want[id],
				 stateful & BIT_ULL(id) ? w->state[id] : NULL);
		w->want[id] = (struct pfq_mask){};
	}
	if (devices)
		pfq_egress_xmit(pn, w, devices, frame);
}

static unsigned int rx_run_end(const struct rx_batch *b, unsigned int run)
{
	return run + 1 < b->runs ? b->run[run + 1].start : b->len;
}

/* The groups that get frames of a run: of generic capture, those that asked for it. */
static u64 rx_groups(const struct pfq_device *d, const struct rx_source *source)
{
	u64 groups = pfq_device_groups(d, source->queue);

	if (unlikely(source->way == RX_INCOMING))
		groups &= READ_ONCE(d->net->incoming);
	else if (unlikely(source->way == RX_OUTGOING))
		groups &= READ_ONCE(d->net->outgoing);
	return groups;
}

/* Decides about a run; returns the namespace whose sockets get frames, or NULL. */
static const struct pfq_net *rx_decide(struct rx_batch *b, unsigned int run,
				       struct pfq_work *w, const struct pfq_net *pn,
				       struct pfq_mask *pass)
{
	const struct rx_run *r = &b->run[run];
	unsigned int end = rx_run_end(b, run), n = end - r->start;
	struct pfq_mask mask = pfq_mask_range(r->start, end);
	const struct pfq_device *d = pfq_device_find(r->source.dev);
	u64 groups = d ? rx_groups(d, &r->source) : 0;
	bool taken = r->source.way == RX_TAKEN;

	if (d && taken)
		pfq_count(&d->stats->handed, n);
	if (unlikely(!groups)) {
		if (taken)
			pfq_mask_or(pass, mask);
		if (d && taken)
			pfq_count(&d->stats->passed, n);
		return pn;
	}
	if (unlikely(pn != d->net)) {	/* ids of sockets mean others from here on */
		if (pn)
			rx_give(pn, w, b->frame);
		pn = d->net;
	}
	pfq_decide(w, pn, groups, b->frame, mask);
	if (taken) {
		pfq_count(&d->stats->consumed, n);
		pfq_count(&pn->stats->recv, n);
	}
	return pn;
}

/*
 * As the kernel's own backlog, drops the frame of a device that is down: it may
 * be on its way out, and the stack is through with it.
 */
static void rx_pass(struct sk_buff *skb)
{
	if (netif_running(skb->dev))
		netif_receive_skb(skb);
	else
		kfree_skb(skb);
}

static void rx_dispose(const struct rx_batch *b, const struct pfq_mask *pass,
		       const struct pfq_mask *taken, int budget)
{
	unsigned int i;

	if (likely(pfq_mask_empty(pass) && pfq_mask_empty(taken))) {
		for (i = 0; i < b->len; i++)
			napi_consume_skb(b->frame[i].skb, budget);
		return;
	}
	for (i = 0; i < b->len; i++) {
		if (pfq_mask_has(pass, i))
			rx_pass(b->frame[i].skb);
		else if (!pfq_mask_has(taken, i))
			napi_consume_skb(b->frame[i].skb, budget);
	}
}

/*
 * Handles a batch and empties it. @budget is not 0 in a softirq: the NAPI cache
 * takes the buffers then. Frames that no group wants any more, since they were
 * taken, go to the stack.
 */
static void rx_handle(struct rx_batch *b, struct pfq_work *w, int budget)
{
	const struct pfq_net *pn = NULL;
	struct pfq_mask pass = {};
	unsigned int run;

	memset(&w->taken, 0, sizeof(w->taken));
	w->keep = false;

	rcu_read_lock();
	for (run = 0; run < b->runs; run++)
		pn = rx_decide(b, run, w, pn, &pass);
	if (pn)
		rx_give(pn, w, b->frame);
	rx_dispose(b, &pass, &w->taken, budget);
	rcu_read_unlock();
	w->seq += b->len;
	b->last.dev = NULL;
	b->alike = NULL;
	b->len = 0;
	b->runs = 0;
}

/* --- batches -------------------------------------------------------------- */

/*
 * Claims the right to handle frames on this CPU, and takes the batch away, which
 * may be empty. Returns NULL if frames are being handled further up the stack.
 */
static struct rx_batch *rx_claim(struct rx_cpu *rc)
{
	struct rx_batch *b;

	if (READ_ONCE(rc->handler) == current)
		return NULL;
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		spin_lock(&rc->handling);
	WRITE_ONCE(rc->handler, current);

	local_lock_nested_bh(&rx_cpus->lock);
	b = rc->fill;
	rc->fill = b == &rc->batch[0] ? &rc->batch[1] : &rc->batch[0];
	local_unlock_nested_bh(&rx_cpus->lock);
	return b;
}

static void rx_release(struct rx_cpu *rc)
{
	bool more;

	local_lock_nested_bh(&rx_cpus->lock);
	more = rc->fill->len || rc->work->wake;
	local_unlock_nested_bh(&rx_cpus->lock);
	WRITE_ONCE(rc->handler, NULL);
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		spin_unlock(&rc->handling);
	if (more)
		tasklet_schedule(&rc->tasklet);
}

/* Handles the batch; if it is the @end of the softirq, readers are woken up. */
static void rx_flush(struct rx_cpu *rc, bool end, int budget)
{
	struct rx_batch *b = rx_claim(rc);

	if (!b)
		return;
	if (b->len)
		rx_handle(b, rc->work, budget);
	if (end)
		rx_wake(rc->work);
	rx_release(rc);
}

static void rx_tasklet(struct tasklet_struct *t)
{
	struct rx_cpu *rc = from_tasklet(rc, t, tasklet);

	rx_flush(rc, true, 1);
}

/*
 * When did a frame come? The NIC may know best; then the driver. The clock is
 * read for nobody but those who want to know.
 */
static noinline ktime_t rx_clock(struct sk_buff *skb)
{
	ktime_t hw = pfq_compat_hwtstamp(skb);

	return hw ? : pfq_compat_tstamp(skb) ? : ktime_get_real();
}

static ktime_t rx_tstamp(const struct pfq_net *pn, struct sk_buff *skb)
{
	return unlikely(READ_ONCE(pn->tstamp_users)) ? rx_clock(skb) : 0;
}

static bool rx_tagged(const struct sk_buff *skb)
{
	return static_branch_unlikely(&rx_untags) &&
	       skb->protocol == htons(ETH_P_8021Q);
}

/* The next frame of the batch is from another source than the last one. */
static noinline void rx_new_run(struct rx_cpu *rc, struct rx_batch *b,
				struct rx_source source)
{
	b->last = source;
	b->run[b->runs].source = source;
	b->run[b->runs++].start = b->len;
	if (!b->len)
		tasklet_schedule(&rc->tasklet);
}

static struct pfq_origin rx_origin(const struct sk_buff *skb, struct rx_source source)
{
	return (struct pfq_origin) {
		.ifindex = source.dev->ifindex,
		.queue = source.queue,
		.mac_len = pfq_frame_mac_len(skb),
	};
}

/*
 * Returns false, and has done nothing, if both batches are in use and full. If the
 * frame is one that is simply taken, those like it are not looked at so closely:
 * rx_append_alike().
 */
static bool rx_append(const struct pfq_net *pn, struct sk_buff *skb,
		      struct rx_source source, int budget)
{
	struct rx_cpu *rc = this_cpu_ptr(rx_cpus);
	struct pfq_frame *f;
	struct rx_batch *b;
	bool room;

	if (unlikely(READ_ONCE(rc->fill)->len >= pfq_capt_batch_len))
		rx_flush(rc, false, budget);

	local_lock_nested_bh(&rx_cpus->lock);
	b = rc->fill;
	room = b->len < PFQ_BATCH_MAX;
	if (likely(room)) {
		if (unlikely(b->last.dev != source.dev ||
			     b->last.queue != source.queue ||
			     b->last.way != source.way))
			rx_new_run(rc, b, source);
		f = &b->frame[b->len++];
		f->skb = skb;
		f->tstamp = rx_tstamp(pn, skb);
		f->origin = rx_origin(skb, source);
		b->alike = source.way == RX_TAKEN && !f->tstamp ? source.dev : NULL;
		b->mapping = skb->queue_mapping;
		b->origin = f->origin;
	}
	local_unlock_nested_bh(&rx_cpus->lock);
	return room;
}

/*
 * Takes a frame that is like the last one of the batch, which most are: from the
 * same queue, with a MAC header as long. The bindings are not asked again, as they
 * are when the batch is handled; whoever has a group tap, or binds one that does,
 * empties all batches to be heard at once. Returns false if the frame is not, or
 * if the batch has to be handled first.
 */
static __always_inline bool rx_append_alike(struct sk_buff *skb)
{
	struct rx_cpu *rc = this_cpu_ptr(rx_cpus);
	struct pfq_frame *f;
	struct rx_batch *b;
	bool alike;

	local_lock_nested_bh(&rx_cpus->lock);
	b = rc->fill;
	alike = b->alike == skb->dev && b->mapping == skb->queue_mapping &&
		skb_headroom(skb) - skb->mac_header == b->origin.mac_len &&
		b->len < pfq_capt_batch_len && !rx_tagged(skb);
	if (likely(alike)) {
		f = &b->frame[b->len++];
		f->skb = skb;
		f->tstamp = 0;
		f->origin = b->origin;
	}
	local_unlock_nested_bh(&rx_cpus->lock);
	return alike;
}

/* --- taking ----------------------------------------------------------------- */

/* There is no room, or no memory, for a frame that was taken. */
static noinline void rx_freed(const struct pfq_device *d, struct sk_buff *skb)
{
	pfq_count(&d->stats->handed, 1);
	pfq_count(&d->stats->freed, 1);
	pfq_count(&d->net->stats->recv, 1);
	pfq_count(&d->net->stats->lost, 1);
	kfree_skb(skb);
}

static void rx_take(const struct pfq_device *d, struct sk_buff *skb,
		    struct rx_source source, int budget)
{
	if (rx_tagged(skb))
		skb = skb_vlan_untag(skb);	/* frees it if there is no memory */
	if (unlikely(!skb || !rx_append(d->net, skb, source, budget)))
		rx_freed(d, skb);
}

/* --- tapping ---------------------------------------------------------------- */

/* A clone, without its tag if tags are to be taken out; or NULL. */
static struct sk_buff *rx_clone(struct sk_buff *skb)
{
	struct sk_buff *clone = skb_clone(skb, GFP_ATOMIC);

	return clone && rx_tagged(clone) ? skb_vlan_untag(clone) : clone;
}

/* Frames are being handled on this CPU: a clone joins the next batch. */
static bool rx_tap_later(const struct pfq_net *pn, struct sk_buff *skb,
			 struct rx_source source, int budget)
{
	struct sk_buff *clone = rx_clone(skb);

	source.way = RX_TAPPED;
	if (clone && rx_append(pn, clone, source, budget))
		return true;
	kfree_skb(clone);
	return false;
}

/* The caller has claimed the right to handle frames. */
static void rx_tap_now(const struct pfq_net *pn, u64 groups, struct sk_buff *skb,
		       struct rx_source source, struct pfq_work *w)
{
	struct pfq_frame f = {
		.skb = skb,
		.tstamp = rx_tstamp(pn, skb),
		.origin = rx_origin(skb, source),
	};

	memset(&w->taken, 0, sizeof(w->taken));
	w->keep = true;
	pfq_decide(w, pn, groups, &f, pfq_mask_below(1));
	rx_give(pn, w, &f);
	w->seq++;
}

static bool rx_tap_frame(const struct pfq_device *d, u64 groups, struct sk_buff *skb,
			 struct rx_source source, int budget)
{
	struct rx_cpu *rc = this_cpu_ptr(rx_cpus);
	struct sk_buff *look = skb;
	struct rx_batch *b;

	b = rx_claim(rc);
	if (!b)
		return rx_tap_later(d->net, skb, source, budget);
	if (b->len)
		rx_handle(b, rc->work, budget);
	if (rx_tagged(skb))
		look = rx_clone(skb);
	if (look)
		rx_tap_now(d->net, groups, look, source, rc->work);
	if (look != skb)
		consume_skb(look);
	rx_release(rc);
	return look;
}

/*
 * A frame that goes on to the stack, by the way that its driver chose: so it is
 * handled now. Frames that wait are handled before it, to keep the order. @tap are
 * those of the @groups that tap.
 */
static noinline void rx_tap(const struct pfq_device *d, u64 groups, u64 tap,
			    struct sk_buff *skb, struct rx_source source, int budget)
{
	bool seen = rx_tap_frame(d, groups, skb, source, budget);

	pfq_count(&d->stats->handed, 1);
	if (likely(seen)) {
		pfq_count(&d->stats->both, 1);
		pfq_count(&d->net->stats->recv, 1);
	} else {
		pfq_count(&d->stats->passed, 1);
	}
	pfq_decide_tapped(d->net, tap);
}

/**
 * pfq_rx_copy() - take a frame from generic capture
 * @pn: namespace of its device, which some group is bound to
 * @skb: a clone; incoming with data at the network header, outgoing at the MAC
 *	header
 * @queue: the hardware queue
 * @outgoing: the device sends it
 *
 * Context: Bottom halves disabled, inside an RCU read-side section; no transmit
 * lock is held.
 * Return: True if @skb is taken; false if there is no room for it.
 */
bool pfq_rx_copy(const struct pfq_net *pn, struct sk_buff *skb, unsigned int queue,
		 bool outgoing)
{
	struct rx_source source = {
		.dev = skb->dev,
		.queue = queue,
		.way = outgoing ? RX_OUTGOING : RX_INCOMING,
	};

	return rx_append(pn, skb, source, 0);
}

/* --- the core's side of the hook ------------------------------------------ */

/* The entry of a device of which the hook offers a frame. */
static const struct pfq_device *rx_device(const struct net_device *dev)
{
	struct pfq_device *d = pfq_device_find(dev);

	if (unlikely(d && !READ_ONCE(d->hooked)))
		pfq_generic_hooked(d);
	return d;
}

static bool rx_wants(const struct net_device *dev, unsigned int queue)
{
	const struct pfq_device *d = rx_device(dev);

	return d && pfq_device_groups(d, queue);
}

/* A frame of which nothing is known yet. */
static noinline bool rx_receive_new(struct sk_buff *skb, unsigned int flags)
{
	struct rx_source source = {
		.dev = skb->dev,
		.queue = pfq_hook_skb_queue(skb),
	};
	int budget = flags & PFQ_HOOK_NAPI;
	const struct pfq_device *d;
	u64 groups, tap;

	d = rx_device(source.dev);
	if (!d)
		return false;
	groups = pfq_device_groups(d, source.queue);
	if (!groups)
		return false;
	tap = groups & READ_ONCE(d->net->tap);
	if (unlikely(tap)) {
		rx_tap(d, groups, tap, skb, source, budget);
		return false;
	}
	rx_take(d, skb, source, budget);
	return true;
}

static bool rx_receive(struct sk_buff *skb, unsigned int flags)
{
	return likely(rx_append_alike(skb)) || rx_receive_new(skb, flags);
}

static const struct pfq_hook_ops rx_ops = {
	.owner = THIS_MODULE,
	.wants = rx_wants,
	.receive = rx_receive,
};

/* --- life ------------------------------------------------------------------ */

static void rx_drain_work(struct work_struct *work)
{
	struct rx_cpu *rc = container_of(work, struct rx_cpu, drain);

	local_bh_disable();
	rx_flush(rc, true, 0);
	local_bh_enable();
}

/**
 * pfq_rx_drain() - empty the batches of all CPUs
 *
 * When this returns, frames that were taken before it was called have been
 * handled, and their readers been woken up; also those of a CPU that went offline,
 * see rx_cpu_dead(). The queue is not the general one, whose work may wait for
 * rtnl_mutex.
 *
 * Context: Process context, may sleep; rtnl_mutex may be held, pfq_mutex not.
 */
void pfq_rx_drain(void)
{
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		queue_work_on(cpu, system_highpri_wq,
			      &per_cpu_ptr(rx_cpus, cpu)->drain);
	for_each_online_cpu(cpu)
		flush_work(&per_cpu_ptr(rx_cpus, cpu)->drain);
	cpus_read_unlock();
}

/*
 * A CPU is dead: what is left in its batch is handled here. Its tasklet is going
 * to run on another CPU, and finds nothing.
 */
static int rx_cpu_dead(unsigned int cpu)
{
	local_bh_disable();
	rx_flush(per_cpu_ptr(rx_cpus, cpu), true, 0);
	local_bh_enable();
	return 0;
}

/* It comes back: not before that tasklet has run, which must not touch its batch. */
static int rx_cpu_prepare(unsigned int cpu)
{
	tasklet_kill(&per_cpu_ptr(rx_cpus, cpu)->tasklet);
	return 0;
}

static enum cpuhp_state rx_cpuhp;

/**
 * pfq_rx_init() - allocate the state of all CPUs
 *
 * Context: Module load.
 * Return: 0 or -ENOMEM.
 */
int __init pfq_rx_init(void)
{
	struct rx_cpu *rc;
	int cpu;

	rx_cpus = alloc_percpu(struct rx_cpu);
	if (!rx_cpus)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		rc = per_cpu_ptr(rx_cpus, cpu);
		local_lock_init(&rc->lock);
		spin_lock_init(&rc->handling);
		rc->fill = &rc->batch[0];
		tasklet_setup(&rc->tasklet, rx_tasklet);
		INIT_WORK(&rc->drain, rx_drain_work);
		rc->work = kvzalloc_node(sizeof(*rc->work), GFP_KERNEL,
					 cpu_to_node(cpu));
		if (!rc->work) {
			pfq_rx_exit();
			return -ENOMEM;
		}
	}
	return 0;
}

/**
 * pfq_rx_start() - offer our services to the hook
 *
 * Context: Module load.
 * Return: 0 or a negative errno.
 */
int __init pfq_rx_start(void)
{
	int ret;

	if (pfq_vlan_untag)
		static_branch_enable(&rx_untags);
	ret = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "net/pfq:prepare",
					rx_cpu_prepare, rx_cpu_dead);
	if (ret < 0)
		return ret;
	rx_cpuhp = ret;
	ret = pfq_hook_register(&rx_ops);
	if (ret)
		cpuhp_remove_state_nocalls(rx_cpuhp);
	return ret;
}

/**
 * pfq_rx_stop() - take no more frames, and handle those that we have
 *
 * Context: Process context, waits for a grace period.
 */
void pfq_rx_stop(void)
{
	int cpu;

	pfq_hook_unregister(&rx_ops);
	cpuhp_remove_state_nocalls(rx_cpuhp);
	pfq_rx_drain();
	for_each_possible_cpu(cpu)
		tasklet_kill(&per_cpu_ptr(rx_cpus, cpu)->tasklet);
}

/**
 * pfq_rx_exit() - free the state of all CPUs
 *
 * Context: Module load or unload, after pfq_rx_stop().
 */
void pfq_rx_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		kvfree(per_cpu_ptr(rx_cpus, cpu)->work);
	free_percpu(rx_cpus);
}
