// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The receive path: what a frame meets from the driver to the reader.
 *
 *   driver ---> twin in pfq_hook.ko ---> rx_receive()
 *                                          |
 *                 nobody bound: back ------+------ a group taps: copied at once,
 *                 to the twin, untouched   |       then back to the twin
 *                                          v
 *                                   batch of this CPU
 *                                          |  full, or the softirq ends (tasklet)
 *                                          v
 *                                      rx_flush()     takes the batch away first
 *                                          |
 *                        +-----------------+----------------+
 *                        v                                  v
 *                  rx_deliver(): per run of frames    rx_dispose(): skb back to
 *                  with equal (device, queue):        the NAPI cache of this CPU
 *                  groups -> members of class 0
 *                        |
 *                        v  per socket
 *                  rx_copy_to(): reserve, copy, commit, wake up
 *
 * stage          context                 held      owner of the skb  may lose it: counter
 * -------------  ----------------------  --------  ----------------  ----------------------------
 * twin           bottom halves off (1)   RCU       driver            queue of pfq_hook full: its
 *                                                                    dropped, and rx_dropped
 * rx_receive()   the same                RCU       PFQ, if true      batch full during a flush:
 *                                                  is returned       device freed
 * rx_flush()     the same, or tasklet    -         batch             -
 * rx_deliver()   the same                RCU       batch             filter (none yet): group drop
 * rx_copy_to()   the same                RCU       batch             no slot: socket lost (2)
 * rx_dispose()   the same                RCU       freed, or to the  device down: -
 *                                                  stack if all groups
 *                                                  were unbound since
 *
 * (1) never in a hard interrupt; the twins of the netif_rx family queue the
 *     frame and bring it here from a tasklet.
 * (2) the frame itself is not lost: other sockets may get it.
 *
 * Nothing waits on an idle CPU: the first frame of a batch schedules a tasklet,
 * which runs on the same CPU when the NAPI polls of the softirq in progress are
 * done. So a frame waits for the rest of its softirq at most, and as long as
 * there is traffic, frames are handled capt_batch_len at a time.
 *
 * No lock is taken, and the only word written by more than one CPU is shinfo of
 * a ring, once for each socket and batch. The state of a CPU (struct rx_cpu) is
 * guarded by disabled bottom halves, on PREEMPT_RT by rx_cpu.lock too. It is
 * held while a frame is appended or a batch changes hands, not while a batch is
 * handled: a frame that arrives then joins the other batch.
 *
 * An skb in a batch has no reference to its device. A device that goes away is
 * unbound, then pfq_rx_drain() empties all batches before it can be freed.
 *
 * Frames are only read. Data start at the MAC header, which lies in front of
 * skb->data; nothing is pushed or pulled, since a tapped skb goes on.
 */
#include <linux/cpu.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/local_lock.h>
#include <linux/netdevice.h>
#include <linux/percpu.h>
#include <linux/pfq_hook.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <linux/workqueue.h>
#include <net/sock.h>

#include <linux/pf_q.h>

#include "af_pfq.h"
#include "device.h"
#include "group.h"
#include "netns.h"
#include "params.h"
#include "ring.h"
#include "rx.h"
#include "stats.h"

/**
 * struct rx_frame - a frame in a batch
 * @skb: the frame
 * @tstamp: when it came, or 0 if nobody wants to know
 * @socks: sockets that get it, one bit each; set by rx_deliver()
 * @pass: no group wants it any more: give it to the stack; the same
 */
struct rx_frame {
	struct sk_buff *skb;
	ktime_t tstamp;
	u64 socks;
	bool pass;
};

/**
 * struct rx_batch - frames handled at once
 * @len: how many
 * @frame: the frames
 */
struct rx_batch {
	unsigned int len;
	struct rx_frame frame[PFQ_BATCH_MAX];
};

/**
 * struct rx_cpu - the receive path's state of a CPU
 * @lock: see the top of this file
 * @fill: the batch that frames are appended to
 * @busy: the other batch is being handled
 * @tasklet: empties the batch at the end of the softirq
 * @drain: empties the batch on request
 * @batch: the two batches
 */
struct rx_cpu {
	local_lock_t lock;
	struct rx_batch *fill;
	bool busy;
	struct tasklet_struct tasklet;
	struct work_struct drain;
	struct rx_batch batch[2];
};

static struct rx_cpu __percpu *rx_cpus;

/* --- copying ------------------------------------------------------------- */

/*
 * Copies the first @len bytes of the frame, MAC header on. Returns how many
 * were copied: fewer if part of the frame cannot be read by the CPU.
 */
static u32 rx_copy_data(void *dst, const struct sk_buff *skb, u32 mac_len, u32 len)
{
	u32 linear = min_t(u32, len, mac_len + skb_headlen(skb));

	memcpy(dst, skb->data - mac_len, linear);
	if (linear < len &&
	    skb_copy_bits(skb, linear - mac_len, dst + linear, len - linear))
		return linear;
	return len;
}

/* Bytes between the MAC header and skb->data; 0 if the device has no header. */
static u32 rx_mac_len(const struct sk_buff *skb)
{
	u32 len;

	if (!skb_mac_header_was_set(skb))
		return 0;
	len = skb->data - skb_mac_header(skb);
	return likely(len <= skb_headroom(skb)) ? len : 0;
}

static void rx_copy_frame(struct pfq_pkthdr *slot, const struct pfq_ring *ring,
			  const struct rx_frame *f, bool tstamp)
{
	const struct sk_buff *skb = f->skb;
	u32 mac_len = rx_mac_len(skb);
	u32 len = mac_len + skb->len;
	struct timespec64 ts;

	slot->caplen = rx_copy_data(slot + 1, skb, mac_len, min(len, ring->caplen));
	slot->len = min_t(u32, len, U16_MAX);
	slot->info.ifindex = skb->dev->ifindex;
	slot->info.data.mark = skb->mark;
	slot->info.data.state = 0;
	slot->info.vlan.tci = skb_vlan_tag_present(skb) ? skb_vlan_tag_get(skb) : 0;
	slot->info.queue = pfq_hook_skb_queue(skb);
	if (tstamp) {
		ts = ktime_to_timespec64(f->tstamp ? : ktime_get_real());
		slot->tstamp.tv.sec = ts.tv_sec;
		slot->tstamp.tv.nsec = ts.tv_nsec;
	}
}

static void rx_wake(const struct sock *sk)
{
	struct socket_wq *wq = rcu_dereference(sk->sk_wq);

	if (skwq_has_sleeper(wq))	/* C in ring.h */
		wake_up_interruptible_sync_poll(&wq->wait,
						EPOLLIN | EPOLLRDNORM);
}

/* Copies to one socket those of @n frames that have the socket's bit set. */
static void rx_copy_to(struct pfq_sock *ps, const struct rx_frame *frame,
		       unsigned int n)
{
	const struct pfq_ring *ring = rcu_dereference(ps->ring);
	bool tstamp = READ_ONCE(ps->tstamp);
	u64 bit = BIT_ULL(ps->id);
	struct pfq_reservation r;
	struct pfq_pkthdr *slot;
	unsigned int want = 0;
	unsigned int i, k;

	if (!ring)
		return;
	for (i = 0; i < n; i++)
		want += !!(frame[i].socks & bit);

	r = pfq_ring_reserve(ring, want);
	for (i = 0, k = 0; k < r.count; i++) {
		if (!(frame[i].socks & bit))
			continue;
		if (pfq_ring_stale(ring, &r))
			break;
		slot = pfq_ring_slot(ring, &r, k++);
		rx_copy_frame(slot, ring, &frame[i], tstamp);
		pfq_ring_commit(&r, slot);
	}

	pfq_count(&ps->stats->recv, want);
	if (k < want) {
		pfq_count(&ps->stats->lost, want - k);
		pfq_count(&ps->net->stats->lost, want - k);
	}
	if (k)
		rx_wake(&ps->sk);
}

/* Copies @n frames of one namespace to the sockets in @socks. */
static void rx_copy(const struct pfq_net *pn, const struct rx_frame *frame,
		    unsigned int n, u64 socks)
{
	struct pfq_sock *ps;

	for (; socks; socks &= socks - 1) {
		ps = rcu_dereference(pn->sock[__ffs64(socks)]);
		if (ps)
			rx_copy_to(ps, frame, n);
	}
}

/* --- who gets it --------------------------------------------------------- */

/*
 * Counts @n frames for the groups and returns the sockets that get them: all
 * members of class 0. Filters and programs will make this a matter of each frame.
 */
static u64 rx_groups(const struct pfq_net *pn, u64 groups, unsigned int n)
{
	u64 tap = READ_ONCE(pn->tap);
	struct pfq_group *g;
	u64 socks = 0;
	int gid;

	for (; groups; groups &= groups - 1) {
		gid = __ffs64(groups);
		g = rcu_dereference(pn->group[gid]);
		if (!g)
			continue;
		pfq_count(&g->stats->recv, n);
		if (tap & BIT_ULL(gid))
			pfq_count(&g->stats->kern, n);
		socks |= READ_ONCE(g->class[0]);
	}
	return socks;
}

/* The number of frames at the start of @frame that have equal device and queue. */
static unsigned int rx_run(const struct rx_frame *frame, unsigned int n)
{
	const struct net_device *dev = frame->skb->dev;
	unsigned int queue = pfq_hook_skb_queue(frame->skb);
	unsigned int i;

	for (i = 1; i < n; i++)
		if (frame[i].skb->dev != dev ||
		    pfq_hook_skb_queue(frame[i].skb) != queue)
			break;
	return i;
}

static void rx_mark(struct rx_frame *frame, unsigned int n, u64 socks, bool pass)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		frame[i].socks = socks;
		frame[i].pass = pass;
	}
}

/*
 * Decides about all frames of a batch, and copies them. Frames that nobody wants
 * any more, since they were taken, are marked for the stack.
 */
static void rx_deliver(struct rx_frame *frame, unsigned int n)
{
	unsigned int start = 0, end = 0, run;
	const struct pfq_net *pn = NULL;
	const struct pfq_device *d;
	u64 socks, all = 0;
	u64 groups;

	for (; end < n; end += run) {
		run = rx_run(frame + end, n - end);
		d = pfq_device_find(frame[end].skb->dev);
		groups = d ? pfq_device_groups(d, pfq_hook_skb_queue(frame[end].skb)) : 0;
		if (!groups) {
			rx_mark(frame + end, run, 0, true);
			if (d) {
				pfq_count(&d->stats->handed, run);
				pfq_count(&d->stats->passed, run);
			}
			continue;
		}
		if (pn != d->net) {	/* ids of sockets mean others from here on */
			if (all)
				rx_copy(pn, frame + start, end - start, all);
			pn = d->net;
			start = end;
			all = 0;
		}
		socks = rx_groups(pn, groups, run);
		rx_mark(frame + end, run, socks, false);
		all |= socks;
		pfq_count(&d->stats->handed, run);
		pfq_count(&d->stats->consumed, run);
		pfq_count(&pn->stats->recv, run);
	}
	if (all)
		rx_copy(pn, frame + start, n - start, all);
}

/* --- batches -------------------------------------------------------------- */

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

static void rx_dispose(const struct rx_frame *frame, unsigned int n, int budget)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (unlikely(frame[i].pass))
			rx_pass(frame[i].skb);
		else
			napi_consume_skb(frame[i].skb, budget);
	}
}

/* @budget: not 0 if in a softirq, so that the NAPI cache takes the buffers. */
static void rx_flush(struct rx_cpu *rc, int budget)
{
	struct rx_batch *b;
	bool more;

	local_lock_nested_bh(&rx_cpus->lock);
	b = rc->fill;
	if (rc->busy || !b->len) {
		local_unlock_nested_bh(&rx_cpus->lock);
		return;
	}
	rc->busy = true;
	rc->fill = b == &rc->batch[0] ? &rc->batch[1] : &rc->batch[0];
	local_unlock_nested_bh(&rx_cpus->lock);

	rcu_read_lock();
	rx_deliver(b->frame, b->len);
	rx_dispose(b->frame, b->len, budget);
	rcu_read_unlock();
	b->len = 0;

	local_lock_nested_bh(&rx_cpus->lock);
	rc->busy = false;
	more = rc->fill->len;
	local_unlock_nested_bh(&rx_cpus->lock);
	if (more)
		tasklet_schedule(&rc->tasklet);
}

static void rx_tasklet(struct tasklet_struct *t)
{
	struct rx_cpu *rc = from_tasklet(rc, t, tasklet);

	rx_flush(rc, 1);
}

static ktime_t rx_tstamp(const struct pfq_net *pn, const struct sk_buff *skb)
{
	if (!READ_ONCE(pn->tstamp_users))
		return 0;
	return skb->tstamp ? : ktime_get_real();
}

/* The batch is full and the other one in use: there is no room for the frame. */
static void rx_overflow(const struct pfq_device *d, struct sk_buff *skb)
{
	pfq_count(&d->stats->handed, 1);
	pfq_count(&d->stats->freed, 1);
	pfq_count(&d->net->stats->recv, 1);
	pfq_count(&d->net->stats->lost, 1);
	kfree_skb(skb);
}

static void rx_append(const struct pfq_device *d, struct sk_buff *skb, int budget)
{
	struct rx_cpu *rc = this_cpu_ptr(rx_cpus);
	struct rx_frame *f = NULL;
	struct rx_batch *b;
	bool first, full;

	local_lock_nested_bh(&rx_cpus->lock);
	b = rc->fill;
	first = !b->len;
	if (likely(b->len < PFQ_BATCH_MAX)) {
		f = &b->frame[b->len++];
		f->skb = skb;
		f->tstamp = rx_tstamp(d->net, skb);
	}
	full = b->len >= pfq_capt_batch_len;
	local_unlock_nested_bh(&rx_cpus->lock);

	if (unlikely(!f))
		rx_overflow(d, skb);
	if (full)
		rx_flush(rc, budget);
	else if (first)
		tasklet_schedule(&rc->tasklet);
}

/*
 * A frame that goes on to the stack, by the way that its driver chose: so it is
 * copied now. Frames that wait are handled before it, to keep the order.
 */
static void rx_tap(const struct pfq_device *d, u64 groups, struct sk_buff *skb,
		   int budget)
{
	const struct pfq_net *pn = d->net;
	struct rx_frame f = {
		.skb = skb,
		.tstamp = rx_tstamp(pn, skb),
	};

	rx_flush(this_cpu_ptr(rx_cpus), budget);
	f.socks = rx_groups(pn, groups, 1);
	rx_copy(pn, &f, 1, f.socks);
	pfq_count(&d->stats->handed, 1);
	pfq_count(&d->stats->both, 1);
	pfq_count(&pn->stats->recv, 1);
	pfq_count(&pn->stats->kern, 1);
}

/* --- the core's side of the hook ------------------------------------------ */

static bool rx_wants(const struct net_device *dev, unsigned int queue)
{
	const struct pfq_device *d = pfq_device_find(dev);

	return d && pfq_device_groups(d, queue);
}

static bool rx_receive(struct sk_buff *skb, unsigned int flags)
{
	int budget = flags & PFQ_HOOK_NAPI ? 1 : 0;
	const struct pfq_device *d;
	u64 groups;

	d = pfq_device_find(skb->dev);
	if (!d)
		return false;
	groups = pfq_device_groups(d, pfq_hook_skb_queue(skb));
	if (!groups)
		return false;
	if (unlikely(groups & READ_ONCE(d->net->tap))) {
		rx_tap(d, groups, skb, budget);
		return false;
	}
	rx_append(d, skb, budget);
	return true;
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
	rx_flush(rc, 0);
	local_bh_enable();
}

/**
 * pfq_rx_drain() - empty the batches of all CPUs
 *
 * When this returns, frames that were taken before it was called have been
 * handled. The tasklet of a CPU that went offline has moved to another one, and
 * only it may touch that batch: it is waited for. The queue is not the general
 * one, whose work may wait for rtnl_mutex.
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
	for_each_possible_cpu(cpu)
		if (!cpu_online(cpu))
			tasklet_kill(&per_cpu_ptr(rx_cpus, cpu)->tasklet);
	cpus_read_unlock();
}

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
		rc->fill = &rc->batch[0];
		tasklet_setup(&rc->tasklet, rx_tasklet);
		INIT_WORK(&rc->drain, rx_drain_work);
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
	return pfq_hook_register(&rx_ops);
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
	free_percpu(rx_cpus);
}
