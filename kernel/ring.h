/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The receive queue of a socket: two halves of slots, many producers (the
 * kernel, on any CPU), one consumer (user space). The layout is in
 * <linux/pf_q.h>; this is the kernel's side of the protocol.
 *
 * The word shinfo holds a version v (high half) and a length (low half). While
 * it is v, producers fill half v & 1; the consumer exchanges it for (v + 1, 0)
 * and then owns half v & 1.
 *
 *	producer (here)                       consumer (user space)
 *
 *	pfq_ring_reserve():                   wait until LEN(shinfo) >= n  (C)
 *	  old = fetch_add(shinfo, n)   (A)    old = exchange(shinfo,
 *	  first = LEN(old)                               (VER + 1, 0))     (A)
 *	  v = VER(old)                        v = VER(old)
 *	                                      for slot < min(LEN(old), slots):
 *	write header and bytes                  spin until
 *	pfq_ring_commit():                        load-acquire(commit) == v (B)
 *	  store-release(commit, v)     (B)      read header and bytes
 *	wake up if somebody sleeps     (C)
 *
 * (A) Both are atomic read-modify-writes on the same word, so they are ordered:
 *     a reservation either is in the length that the consumer gets, or is made
 *     in the next version, in the other half. Nothing else is ordered by them,
 *     so they may be relaxed.
 * (B) Release pairs with the consumer's acquire: it sees the slot whole.
 * (C) The full barrier of skwq_has_sleeper() pairs with that of
 *     sock_poll_wait(): either the producer sees the sleeper, or the sleeper,
 *     which looks at shinfo after it has queued itself, sees the length. It is
 *     woken when there are n slots (SO_RCVLOWAT, mostly 1): of several producers
 *     that add to shinfo, the one whose addition makes n of it sees that.
 *
 * Rules that follow from the consumer's code, which cannot be changed:
 *
 *  - Every reserved slot below ring->slots must be committed, or the consumer
 *    spins for ever. So a slot is reserved only when the frame is at hand, and
 *    a frame that cannot be copied whole is committed with what was copied. And
 *    a producer is not preempted meanwhile, also on PREEMPT_RT, where the consumer
 *    may be the one that preempts it.
 *  - The length may exceed the number of slots (the consumer clamps it) but
 *    must not run into the version. So nothing is added when there is no room;
 *    the excess is at most one batch for each CPU.
 *  - A producer that was delayed while the consumer swapped twice must not
 *    write: its half is being filled again. pfq_ring_stale() tells. The
 *    consumer waits for commits before it goes on, so that it is rare.
 *
 * User space can write all of it, this word included. So the geometry is kept
 * privately in struct pfq_ring, a version only selects one of two halves by its
 * lowest bit, and a length is compared with ring->slots each time. Lies harm
 * nobody but the liar.
 */
#ifndef _PFQ_RING_H
#define _PFQ_RING_H

#include <linux/atomic.h>
#include <linux/types.h>

#include <linux/pf_q.h>

#include "pages.h"

/**
 * struct pfq_ring - private view of the memory shared with user space
 * @shared: the control block, at the start of the memory
 * @half: the two halves of the Rx queue
 * @slots: slots of a half
 * @slot_size: bytes of a slot
 * @caplen: bytes of a frame that fit
 * @size: bytes of the whole memory, as mapped
 * @pages: the memory itself
 */
struct pfq_ring {
	struct pfq_shared_queue *shared;
	void *half[2];
	u32 slots;
	u32 slot_size;
	u32 caplen;
	size_t size;
	struct pfq_pages pages;
};

/**
 * struct pfq_reservation - slots that a producer has to fill
 * @version: value to commit
 * @first: number of the first slot
 * @count: how many
 */
struct pfq_reservation {
	u32 version;
	u32 first;
	u32 count;
};

static inline atomic64_t *pfq_ring_shinfo(const struct pfq_ring *ring)
{
	BUILD_BUG_ON(sizeof(atomic64_t) != sizeof(ring->shared->rx.shinfo));
	return (atomic64_t *)&ring->shared->rx.shinfo;
}

/**
 * pfq_ring_readable() - is there enough for the consumer?
 * @ring: the ring
 * @least: how many slots are enough, at least 1; a full ring always is
 *
 * Context: Any.
 * Return: True if the length is not less.
 */
static inline bool pfq_ring_readable(const struct pfq_ring *ring, u32 least)
{
	u32 len = PFQ_SHINFO_LEN(atomic64_read(pfq_ring_shinfo(ring)));	/* C */

	return len >= min(least, ring->slots);
}

/**
 * pfq_ring_reserve() - reserve slots
 * @ring: the ring
 * @want: how many, at least 1
 *
 * Context: Softirq, any CPU, inside an RCU read-side section.
 * Return: What was got, possibly fewer slots or none. All of them must be
 * committed.
 */
static inline struct pfq_reservation
pfq_ring_reserve(const struct pfq_ring *ring, u32 want)
{
	struct pfq_reservation r = {};
	u64 old;

	if (PFQ_SHINFO_LEN(atomic64_read(pfq_ring_shinfo(ring))) >= ring->slots)
		return r;
	old = atomic64_fetch_add_relaxed(want, pfq_ring_shinfo(ring));	/* A */
	r.version = PFQ_SHINFO_VER(old);
	r.first = PFQ_SHINFO_LEN(old);
	if (r.first < ring->slots)
		r.count = min(want, ring->slots - r.first);
	return r;
}

/**
 * pfq_ring_slot() - the k-th slot of a reservation
 * @ring: the ring
 * @r: the reservation
 * @k: number, less than r->count
 *
 * Context: Any.
 * Return: The slot.
 */
static inline struct pfq_pkthdr *
pfq_ring_slot(const struct pfq_ring *ring, const struct pfq_reservation *r, u32 k)
{
	return ring->half[r->version & 1] + (size_t)(r->first + k) * ring->slot_size;
}

/**
 * pfq_ring_stale() - has the consumer abandoned the half of a reservation?
 * @ring: the ring
 * @r: the reservation
 *
 * Context: Any.
 * Return: True if the slots must not be written any more.
 */
static inline bool pfq_ring_stale(const struct pfq_ring *ring,
				  const struct pfq_reservation *r)
{
	u32 now = PFQ_SHINFO_VER(atomic64_read(pfq_ring_shinfo(ring)));

	return unlikely(now != r->version) && now - r->version != 1;
}

/**
 * pfq_ring_commit() - hand a filled slot to the consumer
 * @r: the reservation that the slot is part of
 * @slot: the slot
 *
 * Context: Any.
 */
static inline void pfq_ring_commit(const struct pfq_reservation *r,
				   struct pfq_pkthdr *slot)
{
	smp_store_release(&slot->info.commit, r->version);	/* B */
}

#endif /* _PFQ_RING_H */
