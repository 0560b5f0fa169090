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

/*
 * Small frames are what comes in great numbers: two moves that overlap, if need be,
 * instead of a call.
 */
static __always_inline void copy_bytes(void *dst, const void *src, u32 len)
{
	if (likely(len - 32 <= 32)) {
		memcpy(dst, src, 32);
		memcpy(dst + len - 32, src + len - 32, 32);
	} else {
		memcpy(dst, src, len);
	}
}

/*
 * The frame does not fit, or part of it is not in the linear part of the skb, or not
 * readable at all.
 */
static noinline void copy_odd(struct pfq_pkthdr *slot, const struct pfq_frame *f,
			      u32 caplen)
{
	const struct sk_buff *skb = f->skb;
	u32 mac_len = f->origin.mac_len, len = mac_len + skb->len;
	u32 want = min(len, caplen), linear = min(mac_len + skb_headlen(skb), want);
	void *dst = slot + 1;

	slot->caplen = want;
	slot->len = min_t(u32, len, U16_MAX);
	memcpy(dst, skb->data - mac_len, linear);
	if (want > linear &&
	    skb_copy_bits(skb, linear - mac_len, dst + linear, want - linear))
		slot->caplen = linear;
}

/* Bytes and header of a slot, but for state, timestamp and what commits it. */
static __always_inline void copy_frame(struct pfq_pkthdr *slot, u32 caplen,
				       const struct pfq_frame *f)
{
	const struct sk_buff *skb = f->skb;
	u32 mac_len = f->origin.mac_len, len = mac_len + skb->len;

	slot->info.ifindex = f->origin.ifindex;
	slot->info.data.mark = skb->mark;
	slot->info.vlan.tci = 0;
	if (unlikely(skb_vlan_tag_present(skb)))
		slot->info.vlan.tci = skb_vlan_tag_get(skb);
	slot->info.queue = f->origin.queue;
	if (likely(len <= caplen && !skb_is_nonlinear(skb))) {
		WRITE_ONCE(slot->caplen, len);	/* less than 64 KiB: params.h */
		WRITE_ONCE(slot->len, len);
		copy_bytes(slot + 1, skb->data - mac_len, len);
	} else {
		copy_odd(slot, f, caplen);
	}
}

/*
 * Fills the slots of a reservation, one for each frame of @mask, in their order.
 * Returns how many frames are left over: none unless the reader has abandoned the
 * half.
 */
static __always_inline u32 copy_slots(const struct pfq_ring *ring,
				      const struct pfq_reservation *r,
				      const struct pfq_frame *frame, struct pfq_mask mask,
				      const u32 *state, bool tstamp)
{
	struct pfq_pkthdr *slot = pfq_ring_slot(ring, r, 0);
	const u32 slot_size = ring->slot_size, caplen = ring->caplen;
	u64 w = mask.w[0], next = mask.w[1];
	unsigned long i;

	for (;;) {
		for (; w; w &= w - 1) {
			if (unlikely(pfq_ring_stale(ring, r)))
				return hweight64(w) + hweight64(next);
			i = __ffs64(w);
			slot->info.data.state = state ? state[i] : 0;
			if (tstamp)
				copy_tstamp(slot, &frame[i]);
			copy_frame(slot, caplen, &frame[i]);
			pfq_ring_commit(r, slot);
			slot = (void *)slot + slot_size;
		}
		if (likely(!next))
			return 0;
		w = next;
		next = 0;
		frame += 64;
		state = state ? state + 64 : NULL;
	}
}

/* The first frames of a set. */
static noinline struct pfq_mask copy_first(struct pfq_mask mask, u32 count)
{
	struct pfq_mask first = {};

	for (; count; count--)
		pfq_mask_set(&first, pfq_mask_pop(&mask));
	return first;
}

/**
 * pfq_copy_wake() - wake up the readers of a socket that something was copied to
 * @ps: the socket
 *
 * They sleep on if there is less than they want to be woken up for: SO_RCVLOWAT.
 *
 * Context: Softirq, inside an RCU read-side section.
 */
void pfq_copy_wake(const struct pfq_sock *ps)
{
	const struct pfq_ring *ring = rcu_dereference(ps->ring);
	struct socket_wq *wq = rcu_dereference(ps->sk.sk_wq);

	if (skwq_has_sleeper(wq) &&	/* C in ring.h */
	    ring && pfq_ring_readable(ring, READ_ONCE(ps->sk.sk_rcvlowat)))
		wake_up_interruptible_sync_poll(&wq->wait,
						EPOLLIN | EPOLLRDNORM);
}

/**
 * pfq_copy() - copy frames into the receive queue of a socket
 * @ps: the socket; if it has no queue, nothing is done
 * @frame: the frames of the batch
 * @wanted: those that the socket gets
 * @state: for each frame of the batch the state for the slot's header, or NULL
 *	if it is 0 for all
 *
 * What finds no slot is lost, and counted. pfq_copy_wake() has to be called later.
 *
 * Context: Softirq, inside an RCU read-side section.
 */
void pfq_copy(const struct pfq_sock *ps, const struct pfq_frame *frame,
	      const struct pfq_mask *wanted, const u32 *state)
{
	const struct pfq_ring *ring = rcu_dereference(ps->ring);
	unsigned int want = pfq_mask_weight(*wanted), lost;
	struct pfq_mask mask = *wanted;
	struct pfq_reservation r;

	if (unlikely(!want || !ring))
		return;
	preempt_disable_nested();	/* the reader spins until all is committed */
	r = pfq_ring_reserve(ring, want);
	lost = want - r.count;
	if (unlikely(lost))
		mask = copy_first(mask, r.count);
	if (likely(!state && !READ_ONCE(ps->tstamp)))
		lost += copy_slots(ring, &r, frame, mask, NULL, false);
	else
		lost += copy_slots(ring, &r, frame, mask, state, READ_ONCE(ps->tstamp));
	preempt_enable_nested();

	pfq_count(&ps->stats->recv, want);
	if (unlikely(lost)) {
		pfq_count(&ps->stats->lost, lost);
		pfq_count(&ps->net->stats->lost, lost);
	}
}
