// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VLAN filters of groups: the VLAN ids whose frames a group accepts.
 *
 * The tag of a frame is the one in the skb: the NIC took it out of the frame, or
 * the module parameter vlan_untag says that we do (rx.c). Without either a tag is
 * a part of the frame's bytes, and the frame is untagged: id 0.
 *
 * A filter is published in &pfq_group.vlan; switching it on again publishes an
 * empty one. Its bits are set and cleared in place, each atomically.
 */
#include <linux/bitmap.h>
#include <linux/if_vlan.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include <linux/pf_q.h>

#include "frame.h"
#include "group.h"
#include "netns.h"
#include "vlan.h"

#define VLAN_LAST	4094	/* 4095 is reserved */

/**
 * struct pfq_vlan - the VLAN filter of a group
 * @pass: VLAN ids that pass, one bit each; 0 is for untagged frames. Written
 *	under pfq_mutex, read under RCU
 * @rcu: frees it
 */
struct pfq_vlan {
	DECLARE_BITMAP(pass, VLAN_N_VID);
	struct rcu_head rcu;
};

static struct pfq_vlan *vlan_of(const struct pfq_group *g)
{
	return rcu_dereference_protected(g->vlan, lockdep_is_held(&pfq_mutex));
}

static void vlan_replace(struct pfq_group *g, struct pfq_vlan *new)
{
	struct pfq_vlan *old;

	old = rcu_replace_pointer(g->vlan, new, lockdep_is_held(&pfq_mutex));
	if (old)
		kfree_rcu(old, rcu);
}

/**
 * pfq_vlan_toggle() - switch the VLAN filter of a group on or off
 * @ps: a member
 * @gid: the group, unchecked
 * @on: on: an empty filter, which no frame passes, takes the place of the old one
 *
 * Context: Process context; takes pfq_mutex.
 * Return: 0, -EACCES if the socket is no member, or -ENOMEM.
 */
int pfq_vlan_toggle(const struct pfq_sock *ps, int gid, bool on)
{
	struct pfq_vlan *v = NULL;
	struct pfq_group *g;
	int ret = 0;

	mutex_lock(&pfq_mutex);
	g = pfq_group_of(ps, gid);
	if (g && on)
		v = kzalloc(sizeof(*v), GFP_KERNEL_ACCOUNT);
	if (!g)
		ret = -EACCES;
	else if (on && !v)
		ret = -ENOMEM;
	else
		vlan_replace(g, v);
	mutex_unlock(&pfq_mutex);
	return ret;
}

static void vlan_set(struct pfq_vlan *v, int first, int last, bool on)
{
	int vid;

	for (vid = first; vid <= last; vid++) {
		if (on)
			set_bit(vid, v->pass);
		else
			clear_bit(vid, v->pass);
	}
}

/**
 * pfq_vlan_set() - let a VLAN id pass, or not
 * @ps: a member
 * @gid: the group, unchecked
 * @vid: the id; 0 stands for untagged frames, Q_VLAN_ANYTAG for all others
 * @on: pass or not
 *
 * Context: Process context; takes pfq_mutex.
 * Return: 0; -EACCES if the socket is no member, -EINVAL for an id out of range,
 * -EPERM if the filter is off.
 */
int pfq_vlan_set(const struct pfq_sock *ps, int gid, int vid, bool on)
{
	struct pfq_group *g;
	struct pfq_vlan *v;
	int ret = 0;

	mutex_lock(&pfq_mutex);
	g = pfq_group_of(ps, gid);
	v = g ? vlan_of(g) : NULL;
	if (!g)
		ret = -EACCES;
	else if (vid < Q_VLAN_ANYTAG || vid > VLAN_LAST)
		ret = -EINVAL;
	else if (!v)
		ret = -EPERM;
	else if (vid == Q_VLAN_ANYTAG)
		vlan_set(v, 1, VLAN_LAST, on);
	else
		vlan_set(v, vid, vid, on);
	mutex_unlock(&pfq_mutex);
	return ret;
}

/**
 * pfq_vlan_free() - free the filter of a group that is out of sight
 * @g: the group
 *
 * Context: Process context; a grace period has passed.
 */
void pfq_vlan_free(struct pfq_group *g)
{
	kfree(rcu_dereference_protected(g->vlan, true));
}

static unsigned int vlan_id(const struct sk_buff *skb)
{
	return skb_vlan_tag_present(skb) ? skb_vlan_tag_get_id(skb) : Q_VLAN_UNTAG;
}

/**
 * pfq_vlan_pass() - the frames that pass a VLAN filter
 * @v: the filter
 * @frame: the frames of the batch
 * @mask: those in question
 *
 * Context: Softirq, inside an RCU read-side section.
 * Return: Those of @mask that pass.
 */
struct pfq_mask pfq_vlan_pass(const struct pfq_vlan *v, const struct pfq_frame *frame,
			      struct pfq_mask mask)
{
	struct pfq_mask left = mask;
	int i;

	while ((i = pfq_mask_pop(&left)) >= 0)
		if (!test_bit(vlan_id(frame[i].skb), v->pass))
			pfq_mask_clear(&mask, i);
	return mask;
}
