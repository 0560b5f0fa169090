/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VLAN filters of groups.
 */
#ifndef _PFQ_VLAN_H
#define _PFQ_VLAN_H

#include <linux/types.h>

#include "mask.h"

struct pfq_frame;
struct pfq_group;
struct pfq_sock;
struct pfq_vlan;
struct sk_buff;

int pfq_vlan_toggle(const struct pfq_sock *ps, int gid, bool on);
int pfq_vlan_set(const struct pfq_sock *ps, int gid, int vid, bool on);
void pfq_vlan_free(struct pfq_group *g);

struct pfq_mask pfq_vlan_pass(const struct pfq_vlan *v, const struct pfq_frame *frame,
			      struct pfq_mask mask);

#endif /* _PFQ_VLAN_H */
