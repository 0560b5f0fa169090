/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs of groups: what the engine (decide.c) knows of them.
 *
 * A program is read and checked when a socket loads it, and is immutable from
 * then on. It is run on frames, for one group, and says of each what the group
 * does with it. How programs are written, checked and evaluated is the business
 * of program.c alone: whoever replaces it provides these functions.
 *
 * A program may have a quick way, pfq_program_steer(): for frames of which it can
 * tell at a glance that they go to one socket of the default class, by a hash, with
 * state 0. There is no verdict of such a frame; it is in the set of its socket at
 * once. What is left over, which may be all, is run as ever, and what the quick way
 * does must be what running would have done.
 */
#ifndef _PFQ_PROGRAM_H
#define _PFQ_PROGRAM_H

#include <linux/types.h>

#include "mask.h"

struct pfq_fanout;
struct pfq_frame;
struct pfq_group;
struct pfq_lang_computation_descr;
struct pfq_program;
struct pfq_sock;
struct seq_file;

/**
 * enum pfq_fanout_type - what a group does with a frame
 * @PFQ_DROP: nothing; it counts as dropped
 * @PFQ_COPY: every eligible socket gets it
 * @PFQ_STEER: one eligible socket gets it, chosen by a hash
 * @PFQ_DOUBLE: two get it, chosen by two hashes; they may be the same one
 */
enum pfq_fanout_type {
	PFQ_DROP,
	PFQ_COPY,
	PFQ_STEER,
	PFQ_DOUBLE,
};

/**
 * struct pfq_verdict - what a program says of a frame
 * @class_mask: which classes' members are eligible (not for PFQ_DROP)
 * @type: what to do
 * @hash: for PFQ_STEER and PFQ_DOUBLE, as yet unmixed
 * @hash2: the second one, for PFQ_DOUBLE
 * @state: goes into the header of the slots
 */
struct pfq_verdict {
	u64 class_mask;
	enum pfq_fanout_type type;
	u32 hash;
	u32 hash2;
	u32 state;
};

int pfq_program_set(const struct pfq_sock *ps, int gid,
		    const struct pfq_lang_computation_descr __user *descr);
void pfq_program_free(struct pfq_group *g);
void pfq_program_show(struct seq_file *m, const struct pfq_group *g);

struct pfq_mask pfq_program_steer(const struct pfq_program *prog,
				  const struct pfq_fanout *t,
				  const struct pfq_frame *frame, struct pfq_mask mask,
				  struct pfq_mask *want, u64 *socks);
void pfq_program_run(const struct pfq_program *prog, const struct pfq_frame *frame,
		     struct pfq_mask mask, u32 seq, struct pfq_verdict *verdict);

#endif /* _PFQ_PROGRAM_H */
