// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Deciding who gets which frames of a batch.
 *
 *   frames of one device and queue, and the groups bound to it
 *        |
 *        |  for each group:
 *        v
 *   VLAN filter --> BPF filter --> program --> sockets
 *        |               |            |
 *        +---------------+------------+------> dropped, for this group
 *
 * Without filters and program a group takes a few operations for all frames
 * together: its members of class 0 get them. What a filter or a program says is
 * decided for all frames before the next step begins, so that its code stays in
 * the cache. A socket that several groups give a frame to gets it once.
 *
 * A group that gives a frame to nobody, for want of an eligible member, has
 * accepted it all the same.
 */
#include <linux/bitops.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include <linux/pf_q.h>

#include "decide.h"
#include "filter.h"
#include "frame.h"
#include "group.h"
#include "netns.h"
#include "program.h"
#include "stats.h"
#include "steer.h"
#include "vlan.h"

/* All frames of @mask go to all sockets of @socks. */
static void want_all(struct pfq_work *w, u64 socks, struct pfq_mask mask)
{
	w->socks |= socks;
	for (; socks; socks &= socks - 1)
		pfq_mask_or(&w->want[__ffs64(socks)], mask);
}

static void want_state(struct pfq_work *w, u64 socks, unsigned int i, u32 state)
{
	int id;

	for (; socks; socks &= socks - 1) {
		id = __ffs64(socks);
		if (!(w->stateful & BIT_ULL(id)))
			memset(w->state[id], 0, sizeof(w->state[id]));
		w->stateful |= BIT_ULL(id);
		w->state[id][i] = state;
	}
}

/* Frame @i goes to the sockets of @socks. */
static void want_one(struct pfq_work *w, u64 socks, unsigned int i, u32 state)
{
	u64 left;

	w->socks |= socks;
	for (left = socks; left; left &= left - 1)
		pfq_mask_set(&w->want[__ffs64(left)], i);
	if (unlikely(state))
		want_state(w, socks, i, state);
}

/* Does what a program said of frame @i, however rare. */
static noinline void decide_one(struct pfq_work *w, const struct pfq_net *pn,
				const struct pfq_group *g, unsigned int i)
{
	const struct pfq_verdict *v = &w->verdict[i];
	u64 socks = 0;
	int id;

	switch (v->type) {
	case PFQ_COPY:
		socks = pfq_group_members(g, v->class_mask);
		break;
	case PFQ_STEER:
		id = pfq_steer_pick(pn, g, v->class_mask, v->hash);
		socks = id < 0 ? 0 : BIT_ULL(id);
		break;
	case PFQ_DOUBLE:
		socks = pfq_steer_double(pn, g, v->class_mask, v->hash, v->hash2);
		break;
	case PFQ_DROP:
		break;
	}
	want_one(w, socks, i, v->state);
}

/*
 * Does what a program said of the frames of @mask; returns how many it dropped. The
 * usual thing, to choose one member of the default class, is done here.
 */
static unsigned int decide_fanout(struct pfq_work *w, const struct pfq_net *pn,
				  const struct pfq_group *g, const struct pfq_fanout *t,
				  struct pfq_mask mask)
{
	const struct pfq_verdict *v;
	unsigned int drops = 0;
	u64 socks = 0;
	int i, id;

	while ((i = pfq_mask_pop(&mask)) >= 0) {
		v = &w->verdict[i];
		if (likely(v->type == PFQ_STEER && t && !v->state &&
			   v->class_mask == Q_CLASS_DEFAULT)) {
			id = pfq_steer_lookup(t, v->hash);
			if (unlikely(id < 0))
				continue;
			socks |= BIT_ULL(id);
			pfq_mask_set(&w->want[id], i);
		} else if (v->type == PFQ_DROP) {
			drops++;
		} else {
			decide_one(w, pn, g, i);
		}
	}
	w->socks |= socks;
	return drops;
}

/* Returns how many frames the program dropped. */
static unsigned int decide_program(struct pfq_work *w, const struct pfq_net *pn,
				   const struct pfq_group *g,
				   const struct pfq_program *prog,
				   const struct pfq_frame *frame, struct pfq_mask mask)
{
	const struct pfq_fanout *t = rcu_dereference(g->fanout);

	if (likely(t))
		mask = pfq_program_steer(prog, t, frame, mask, w->want, &w->socks);
	if (likely(pfq_mask_empty(&mask)))
		return 0;
	pfq_program_run(prog, frame, mask, w->seq, w->verdict);
	return decide_fanout(w, pn, g, t, mask);
}

/* Returns how many frames the group dropped. */
static unsigned int decide_group(struct pfq_work *w, const struct pfq_net *pn,
				 const struct pfq_group *g,
				 const struct pfq_frame *frame, struct pfq_mask mask)
{
	const struct pfq_program *prog = rcu_dereference(g->program);
	const struct pfq_filter *filter = rcu_dereference(g->filter);
	const struct pfq_vlan *vlan = rcu_dereference(g->vlan);
	unsigned int drops = 0;
	struct pfq_mask pass;

	if (unlikely(vlan || filter)) {
		pass = mask;
		if (vlan)
			pass = pfq_vlan_pass(vlan, frame, pass);
		if (filter)
			pass = pfq_filter_pass(filter, frame, pass);
		drops = pfq_mask_weight(mask) - pfq_mask_weight(pass);
		mask = pass;
	}
	if (!prog) {
		want_all(w, READ_ONCE(g->class[0]), mask);
		return drops;
	}
	return drops + decide_program(w, pn, g, prog, frame, mask);
}

/**
 * pfq_decide() - who gets frames of one device and queue?
 * @w: where the answer is added
 * @pn: namespace of the device
 * @groups: the groups bound to it, one bit each
 * @frame: the frames of the batch
 * @mask: those in question
 *
 * Counts the frames for the groups.
 *
 * Context: Softirq, inside an RCU read-side section.
 */
void pfq_decide(struct pfq_work *w, const struct pfq_net *pn, u64 groups,
		const struct pfq_frame *frame, struct pfq_mask mask)
{
	unsigned int n = pfq_mask_weight(mask), drops;
	const struct pfq_group *g;

	for (; groups; groups &= groups - 1) {
		g = rcu_dereference(pn->group[__ffs64(groups)]);
		if (!g)
			continue;
		drops = decide_group(w, pn, g, frame, mask);
		pfq_count(&g->stats->recv, n);
		if (drops)
			pfq_count(&g->stats->drop, drops);
	}
}

/**
 * pfq_decide_tapped() - count a frame that goes on to the stack
 * @pn: namespace of the device
 * @groups: the groups that tap, one bit each
 *
 * Not done by pfq_decide(), since a group may begin to tap while frames that were
 * taken from the stack wait in a batch.
 *
 * Context: Softirq, inside an RCU read-side section.
 */
void pfq_decide_tapped(const struct pfq_net *pn, u64 groups)
{
	const struct pfq_group *g;

	for (; groups; groups &= groups - 1) {
		g = rcu_dereference(pn->group[__ffs64(groups)]);
		if (g)
			pfq_count(&g->stats->kern, 1);
	}
	pfq_count(&pn->stats->kern, 1);
}
