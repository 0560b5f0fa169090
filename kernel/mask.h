/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sets of frames of a batch: one bit each, 128 in two words. What is decided
 * about a run of frames is done to all of them at once, and what is left to do
 * for each frame visits the set bits alone.
 */
#ifndef _PFQ_MASK_H
#define _PFQ_MASK_H

#include <linux/bitops.h>
#include <linux/types.h>

/**
 * struct pfq_mask - a set of frames
 * @w: bit i % 64 of word i / 64 is frame i
 */
struct pfq_mask {
	u64 w[2];
};

/**
 * pfq_mask_below() - the first frames
 * @n: how many, up to 127
 *
 * Return: The frames 0 to n - 1.
 */
static inline struct pfq_mask pfq_mask_below(unsigned int n)
{
	struct pfq_mask m;

	m.w[0] = n < 64 ? BIT_ULL(n) - 1 : ~0ULL;
	m.w[1] = n < 64 ? 0 : BIT_ULL(n - 64) - 1;
	return m;
}

/**
 * pfq_mask_range() - frames in a row
 * @start: the first one
 * @end: the one after the last, up to 127
 *
 * Return: The frames start to end - 1.
 */
static inline struct pfq_mask pfq_mask_range(unsigned int start, unsigned int end)
{
	struct pfq_mask low = pfq_mask_below(start), m = pfq_mask_below(end);

	m.w[0] &= ~low.w[0];
	m.w[1] &= ~low.w[1];
	return m;
}

/**
 * pfq_mask_set() - put a frame into a set
 * @m: the set
 * @i: the frame
 */
static inline void pfq_mask_set(struct pfq_mask *m, unsigned int i)
{
	m->w[i / 64] |= BIT_ULL(i % 64);
}

/**
 * pfq_mask_clear() - take a frame out of a set
 * @m: the set
 * @i: the frame
 */
static inline void pfq_mask_clear(struct pfq_mask *m, unsigned int i)
{
	m->w[i / 64] &= ~BIT_ULL(i % 64);
}

/**
 * pfq_mask_has() - is a frame in a set?
 * @m: the set
 * @i: the frame
 *
 * Return: True if so.
 */
static inline bool pfq_mask_has(const struct pfq_mask *m, unsigned int i)
{
	return m->w[i / 64] >> i % 64 & 1;
}

/**
 * pfq_mask_or() - add the frames of a set to another one
 * @m: the set that grows
 * @more: what is added
 */
static inline void pfq_mask_or(struct pfq_mask *m, struct pfq_mask more)
{
	m->w[0] |= more.w[0];
	m->w[1] |= more.w[1];
}

/**
 * pfq_mask_and() - the frames that two sets have in common
 * @a: one set
 * @b: the other one
 *
 * Return: The frames.
 */
static inline struct pfq_mask pfq_mask_and(struct pfq_mask a, struct pfq_mask b)
{
	a.w[0] &= b.w[0];
	a.w[1] &= b.w[1];
	return a;
}

/**
 * pfq_mask_empty() - is there no frame in a set?
 * @m: the set
 *
 * Return: True if so.
 */
static inline bool pfq_mask_empty(const struct pfq_mask *m)
{
	return !(m->w[0] | m->w[1]);
}

/**
 * pfq_mask_weight() - the size of a set
 * @m: the set
 *
 * Return: How many frames are in it.
 */
static __always_inline unsigned int pfq_mask_weight(struct pfq_mask m)
{
	return hweight64(m.w[0]) + hweight64(m.w[1]);
}

/**
 * pfq_mask_pop() - take the first frame out of a set
 * @m: the set
 *
 * Return: The frame, or -1 if the set is empty.
 */
static inline int pfq_mask_pop(struct pfq_mask *m)
{
	u64 w = m->w[0];

	if (w) {
		m->w[0] = w & (w - 1);
		return __ffs64(w);
	}
	w = m->w[1];
	if (!w)
		return -1;
	m->w[1] = w & (w - 1);
	return 64 + __ffs64(w);
}

#endif /* _PFQ_MASK_H */
