/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Steering: from a frame to a hash, and from a hash to a socket.
 */
#ifndef _PFQ_STEER_H
#define _PFQ_STEER_H

#include <linux/math64.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include "mask.h"

struct pfq_frame;
struct pfq_group;
struct pfq_net;
struct pfq_sock;
struct pfq_verdict;

/**
 * struct pfq_fold - how to fold a hash into 0 .. n - 1
 * @n: number of results
 * @mask: the smallest 2^k - 1 that is not less than n - 1
 * @direct: a masked hash below this is the result; else it is hash mod n
 * @inverse: 2^64 / n, rounded up
 */
struct pfq_fold {
	u32 n;
	u32 mask;
	u32 direct;
	u64 inverse;
};

/**
 * struct pfq_fanout - the eligible sockets of a group, for its default class
 * @rcu: frees it
 * @fold: folds a hash into an index
 * @all: the sockets, one bit each
 * @sock: ids in ascending order, each as often as its weight says
 */
struct pfq_fanout {
	struct rcu_head rcu;
	struct pfq_fold fold;
	u64 all;
	u8 sock[];
};

/**
 * pfq_steer_mix() - spread a hash over all its bits
 * @a: the hash
 *
 * Return: The mixed hash.
 */
static inline u32 pfq_steer_mix(u32 a)
{
	a = (a ^ 0xdeadbeef) + (a << 4);
	a ^= a >> 10;
	a += a << 7;
	a ^= a >> 13;
	return a;
}

/**
 * pfq_steer_fold() - fold a mixed hash into an index, without a division
 * @f: how
 * @a: the hash
 *
 * A hash that is masked but not below n is divided after all; by a product, as
 * 2^64 / n has bits enough to be exact for hashes of 32 bits (D. Lemire).
 *
 * Return: 0 .. n - 1.
 */
static inline u32 pfq_steer_fold(const struct pfq_fold *f, u32 a)
{
	u32 r = a & f->mask;

	if (r < f->direct)
		return r;
	return mul_u64_u32_shr(f->inverse * a, f->n, 64);
}

/**
 * pfq_steer_masks() - is a hash folded by a mask alone?
 * @f: how it is folded
 *
 * Return: True if the number of results is a power of two.
 */
static inline bool pfq_steer_masks(const struct pfq_fold *f)
{
	return f->n == f->mask + 1;
}

/**
 * pfq_steer_lookup() - choose a socket of a table by a hash
 * @t: the table
 * @hash: the hash, as yet unmixed
 *
 * Return: The id of the socket, or -1 if the table is empty.
 */
static inline int pfq_steer_lookup(const struct pfq_fanout *t, u32 hash)
{
	if (unlikely(!t->fold.n))
		return -1;
	return t->sock[pfq_steer_fold(&t->fold, pfq_steer_mix(hash))];
}

void pfq_steer_fold_init(struct pfq_fold *f, u32 n);
int pfq_steer_pick(const struct pfq_net *pn, const struct pfq_group *g, u64 class_mask,
		   u32 hash);
u64 pfq_steer_double(const struct pfq_net *pn, const struct pfq_group *g, u64 class_mask,
		     u32 hash, u32 hash2);

struct pfq_mask pfq_steer_flow_quick(const struct pfq_fanout *t,
				     const struct pfq_frame *frame, struct pfq_mask mask,
				     struct pfq_mask *want, u64 *socks);
void pfq_steer_flow(const struct pfq_frame *frame, struct pfq_mask mask,
		    struct pfq_verdict *verdict);
void pfq_steer_p2p(const struct pfq_frame *frame, struct pfq_mask mask,
		   struct pfq_verdict *verdict);
void pfq_steer_link(const struct pfq_frame *frame, struct pfq_mask mask,
		    struct pfq_verdict *verdict);
void pfq_steer_rss(const struct pfq_frame *frame, struct pfq_mask mask,
		   struct pfq_verdict *verdict);
void pfq_steer_rrobin(u32 seq, struct pfq_mask mask, struct pfq_verdict *verdict);

void pfq_steer_update(struct pfq_group *g);
void pfq_steer_update_sock(const struct pfq_sock *ps);
void pfq_steer_free(struct pfq_group *g);

#endif /* _PFQ_STEER_H */
