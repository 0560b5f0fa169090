// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Copying frames into the receive queue of a socket: one reservation for all
 * frames of a batch that the socket gets, then slot by slot, then one wake-up.
 * The protocol of the queue is in ring.h.
 */
#include <linux/if_vlan.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <net/sock.h>

#include <linux/pf_q.h>

#include "af_pfq.h"
#include "copy.h"
#include "frame.h"
#include "netns.h"
#include "ring.h"
#include "stats.h"

/*
 * Copies the first @len bytes of the frame. Returns how many were copied: fewer
 * if part of the frame cannot be read by the CPU.
 */
static u32 copy_bytes(void *dst, const struct sk_buff *skb, u32 len)
{
	u32 linear = min_t(u32, len, skb_headlen(skb));

	memcpy(dst, skb->data, linear);
	if (unlikely(linear < len) &&
	    skb_copy_bits(skb, linear, dst + linear, len - linear))
		return linear;
	return len;
}

static void copy_frame(struct pfq_pkthdr *slot, u32 caplen, const struct pfq_frame *f)
{
	const struct sk_buff *skb = f->skb;

	slot->caplen = copy_bytes(slot + 1, skb, min(skb->len, caplen));
	slot->len = min_t(u32, skb->len, U16_MAX);
	slot->info.ifindex = f->ifindex;
	slot->info.data.mark = skb->mark;
	slot->info.vlan.tci = skb_vlan_tag_present(skb) ? skb_vlan_tag_get(skb) : 0;
	slot->info.queue = f->queue;
}

static void copy_tstamp(struct pfq_pkthdr *slot, const struct pfq_frame *f)
{
	struct timespec64 ts = ktime_to_timespec64(f->tstamp ? : ktime_get_real());

	slot->tstamp.tv.sec = ts.tv_sec;
	slot->tstamp.tv.nsec = ts.tv_nsec;
}

static void copy_wake(const struct sock *sk)
{
	struct socket_wq *wq = rcu_dereference(sk->sk_wq);

	if (skwq_has_sleeper(wq))	/* C in ring.h */
		wake_up_interruptible_sync_poll(&wq->wait,
						EPOLLIN | EPOLLRDNORM);
}

/**
 * pfq_copy() - copy frames into the receive queue of a socket
 * @ps: the socket
 * @ring: its memory
 * @frame: the frames of the batch
 * @mask: those that the socket gets
 * @state: for each frame of the batch the state for the slot's header, or NULL
 *	if it is 0 for all
 *
 * What finds no slot is lost, and counted.
 *
 * Context: Softirq, inside an RCU read-side section.
 */
void pfq_copy(const struct pfq_sock *ps, const struct pfq_ring *ring,
	      const struct pfq_frame *frame, struct pfq_mask mask, const u32 *state)
{
	unsigned int want = pfq_mask_weight(mask), k;
	bool tstamp = READ_ONCE(ps->tstamp);
	const u32 caplen = ring->caplen;
	struct pfq_reservation r;
	struct pfq_pkthdr *slot;
	int i;

	if (!want)
		return;
	r = pfq_ring_reserve(ring, want);
	for (k = 0; k < r.count; k++) {
		if (unlikely(pfq_ring_stale(ring, &r)))
			break;
		i = pfq_mask_pop(&mask);
		slot = pfq_ring_slot(ring, &r, k);
		copy_frame(slot, caplen, &frame[i]);
		slot->info.data.state = state ? state[i] : 0;
		if (tstamp)
			copy_tstamp(slot, &frame[i]);
		pfq_ring_commit(&r, slot);
	}

	pfq_count(&ps->stats->recv, want);
	if (k < want) {
		pfq_count(&ps->stats->lost, want - k);
		pfq_count(&ps->net->stats->lost, want - k);
	}
	if (k)
		copy_wake(&ps->sk);
}
