// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Classic BPF filters of groups.
 *
 * They are what a packet socket takes: checked, translated and, where the system
 * is set so, compiled by the kernel's own code. A filter sees the frame from the
 * MAC header on, and may load all that SKF_AD_* names, the VLAN tag included. A
 * result of 0 drops the frame for the group; any other result accepts it whole.
 *
 * A filter is published in &pfq_group.filter.
 */
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include <linux/pf_q.h>

#include "compat/filter.h"
#include "filter.h"
#include "frame.h"
#include "group.h"
#include "netns.h"

/**
 * struct pfq_filter - the filter of a group
 * @prog: the program
 * @rcu: frees both
 */
struct pfq_filter {
	struct bpf_prog *prog;
	struct rcu_head rcu;
};

static void filter_destroy(struct pfq_filter *f)
{
	if (!f)
		return;
	bpf_prog_destroy(f->prog);
	kfree(f);
}

static void filter_destroy_rcu(struct rcu_head *rcu)
{
	filter_destroy(container_of(rcu, struct pfq_filter, rcu));
}

/* Reads a filter, which is not empty, from user space. */
static struct pfq_filter *filter_create(struct sock_fprog *fcode)
{
	struct pfq_filter *f;
	int ret;

	f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);
	if (!f)
		return ERR_PTR(-ENOMEM);
	ret = bpf_prog_create_from_user(&f->prog, fcode, NULL, false);
	if (ret) {
		kfree(f);
		return ERR_PTR(ret == -ENOMEM ? ret : -EINVAL);
	}
	return f;
}

/**
 * pfq_filter_set() - give a group a filter, or none
 * @ps: a member; if it is none, nothing happens, as in PFQ 6.2
 * @gid: the group, unchecked
 * @fcode: the filter, in user memory; length 0 for none
 *
 * Context: Process context; takes pfq_mutex.
 * Return: 0; -EINVAL for a program that the kernel refuses or that cannot be
 * read, -ENOMEM.
 */
int pfq_filter_set(const struct pfq_sock *ps, int gid, struct sock_fprog *fcode)
{
	struct pfq_filter *f = NULL, *old;
	struct pfq_group *g;
	bool joined;

	mutex_lock(&pfq_mutex);
	joined = pfq_group_joined(ps, gid);
	mutex_unlock(&pfq_mutex);
	if (!joined)
		return 0;
	if (fcode->len) {
		f = filter_create(fcode);
		if (IS_ERR(f))
			return PTR_ERR(f);
	}

	mutex_lock(&pfq_mutex);
	g = pfq_group_of(ps, gid);
	if (g)
		old = rcu_replace_pointer(g->filter, f, lockdep_is_held(&pfq_mutex));
	else
		old = f;	/* the socket has left meanwhile */
	mutex_unlock(&pfq_mutex);
	if (old)
		call_rcu(&old->rcu, filter_destroy_rcu);
	return 0;
}

/**
 * pfq_filter_free() - free the filter of a group that is out of sight
 * @g: the group
 *
 * Context: Process context; a grace period has passed.
 */
void pfq_filter_free(struct pfq_group *g)
{
	filter_destroy(rcu_dereference_protected(g->filter, true));
}

/**
 * pfq_filter_exit() - wait until all filters that were replaced are freed
 *
 * Context: Module unload; no socket is open.
 */
void pfq_filter_exit(void)
{
	rcu_barrier();
}

/* The filter finds the MAC header where skb->data is, and the network header set. */
static u32 filter_run(const struct bpf_prog *prog, const struct pfq_frame *f)
{
	struct sk_buff *skb = f->skb;
	u16 network = skb->network_header;
	u32 ret;

	pfq_frame_expose(skb, f->origin.mac_len);
	ret = bpf_prog_run(prog, skb);
	__skb_pull(skb, f->origin.mac_len);
	skb->network_header = network;
	return ret;
}

/**
 * pfq_filter_pass() - the frames that pass a filter
 * @f: the filter
 * @frame: the frames of the batch
 * @mask: those in question
 *
 * Context: Softirq, inside an RCU read-side section.
 * Return: Those of @mask that pass.
 */
struct pfq_mask pfq_filter_pass(const struct pfq_filter *f, const struct pfq_frame *frame,
				struct pfq_mask mask)
{
	const struct bpf_prog *prog = f->prog;
	struct pfq_mask left = mask;
	int i;

	migrate_disable();
	while ((i = pfq_mask_pop(&left)) >= 0)
		if (!filter_run(prog, &frame[i]))
			pfq_mask_clear(&mask, i);
	migrate_enable();
	return mask;
}
