/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deciding who gets which frames of a batch.
 */
#ifndef _PFQ_DECIDE_H
#define _PFQ_DECIDE_H

#include <linux/types.h>

#include <linux/pf_q.h>

#include "mask.h"
#include "params.h"
#include "program.h"

struct pfq_frame;
struct pfq_net;

/**
 * struct pfq_work - what was decided about a batch, or a part of it
 * @socks: sockets that get something, one bit each
 * @stateful: sockets whose row of @state is valid
 * @want: for each socket the frames that it gets; empty if not in @socks
 * @taken: frames whose skb has been given to a device that sends it
 * @wake: sockets whose readers have to be woken up
 * @wake_net: their namespace
 * @keep: the skbs are not ours to give away
 * @seq: number of frame 0 on this CPU
 * @verdict: what the program of the group at hand says of each frame
 * @state: for each socket and frame, what goes into the slot's header
 *
 * One for each CPU, used by whoever handles a batch there.
 */
struct pfq_work {
	u64 socks;
	u64 stateful;
	struct pfq_mask want[Q_MAX_ID];
	struct pfq_mask taken;
	u64 wake;
	const struct pfq_net *wake_net;
	bool keep;
	u32 seq;
	struct pfq_verdict verdict[PFQ_BATCH_MAX];
	u32 state[Q_MAX_ID][PFQ_BATCH_MAX];
};

/* Memory of this size comes in aligned blocks of 2^n: no cache line is another CPU's too. */
static_assert(sizeof(struct pfq_work) >= 256);

void pfq_decide(struct pfq_work *w, const struct pfq_net *pn, u64 groups,
		const struct pfq_frame *frame, struct pfq_mask mask);
void pfq_decide_tapped(const struct pfq_net *pn, u64 groups);

#endif /* _PFQ_DECIDE_H */
