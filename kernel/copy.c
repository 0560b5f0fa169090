// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Copying frames into the receive queue of a socket: one reservation for all
 * frames of a batch that the socket gets, then slot by slot; and, later, a wake-up.
 * The protocol of the queue is in ring.h.
 */
#include <linux/if_vlan.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/poll.h>
#include <linux/preempt.h>
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

static void copy_tstamp(struct pfq_pkthdr *slot, const struct pfq_frame *f)
{
	struct timespec64 ts = ktime_to_timespec64(f->tstamp ? : ktime_get_real());

	slot->tstamp.tv.sec = ts.tv_sec;
	slot->tstamp.tv.nsec = ts.tv_nsec;
}

/* Part of the frame is not in the linear part of the skb, or not readable at all. */
static noinline void copy_parts(struct pfq_pkthdr *slot, const struct pfq_frame *f,
				u32 linear, u32 want)
{
	const struct sk_buff *skb = f->skb;
	void *dst = slot + 1;

	memcpy(dst, skb->data - f->mac_len, linear);
	if (skb_copy_bits(skb, linear - f->mac_len, dst + linear, want - linear))
		slot->caplen = linear;
}

/*
 * Bytes and header of a slot, but for state and timestamp. The bytes come last: no
 * variable has to outlive the call.
 */
static __always_inline void copy_frame(struct pfq_pkthdr *slot, u32 caplen,
				       const struct pfq_frame *f)
{
	const struct sk_buff *skb = f->skb;
	u32 mac_len = f->mac_len, len = mac_len + skb->len;
	u32 want = min(len, caplen), linear = mac_len + skb_headlen(skb);

	slot->caplen = want;
	slot->len = min_t(u32, len, U16_MAX);
	slot->info.ifindex = f->ifindex;
	slot->info.data.mark = skb->mark;
	slot->info.vlan.tci = skb_vlan_tag_present(skb) ? skb_vlan_tag_get(skb) : 0;
	slot->info.queue = f->queue;
	if (likely(want <= linear))
		memcpy(slot + 1, skb->data - mac_len, want);
	else
		copy_parts(slot, f, linear, want);
}

/*
 * Fills the slots of a reservation, in the order of the frames. Returns how many,
 * which is all of them unless the reader has abandoned the half.
 */
static __always_inline u32 copy_slots(const struct pfq_ring *ring,
				      const struct pfq_reservation *r,
				      const struct pfq_frame *frame, struct pfq_mask mask,
				      const u32 *state, bool tstamp)
{
	struct pfq_pkthdr *slot = pfq_ring_slot(ring, r, 0);
	u32 left = r->count;
	int i;

	while (left) {
		if (unlikely(pfq_ring_stale(ring, r)))
			break;
		i = pfq_mask_pop(&mask);
		slot->info.data.state = state ? state[i] : 0;
		if (tstamp)
			copy_tstamp(slot, &frame[i]);
		copy_frame(slot, ring->caplen, &frame[i]);
		pfq_ring_commit(r, slot);
		slot = (void *)slot + ring->slot_size;
		left--;
	}
	return r->count - left;
}

/**
 * pfq_copy_wake() - wake up the readers of a socket that something was copied to
 * @ps: the socket
 *
 * Context: Softirq, inside an RCU read-side section.
 */
void pfq_copy_wake(const struct pfq_sock *ps)
{
	struct socket_wq *wq = rcu_dereference(ps->sk.sk_wq);

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
 * Return: True if there is something to read: pfq_copy_wake() has to be called.
 */
bool pfq_copy(const struct pfq_sock *ps, const struct pfq_ring *ring,
	      const struct pfq_frame *frame, struct pfq_mask mask, const u32 *state)
{
	unsigned int want = pfq_mask_weight(mask), k;
	bool tstamp = READ_ONCE(ps->tstamp);
	struct pfq_reservation r;

	if (!want)
		return false;
	preempt_disable_nested();	/* the reader spins until all is committed */
	r = pfq_ring_reserve(ring, want);
	if (likely(!state && !tstamp))
		k = copy_slots(ring, &r, frame, mask, NULL, false);
	else
		k = copy_slots(ring, &r, frame, mask, state, tstamp);
	preempt_enable_nested();

	pfq_count(&ps->stats->recv, want);
	if (k < want) {
		pfq_count(&ps->stats->lost, want - k);
		pfq_count(&ps->net->stats->lost, want - k);
	}
	return k;
}
