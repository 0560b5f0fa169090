/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Generic capture: from devices whose driver is not accelerated.
 */
#ifndef _PFQ_GENERIC_H
#define _PFQ_GENERIC_H

#include <linux/types.h>

struct net_device;
struct pfq_device;
struct pfq_net;
struct pfq_sock;

int pfq_generic_set(const struct pfq_sock *ps, int gid, unsigned int flags);
void pfq_generic_group_init(struct pfq_net *pn, int gid);
void pfq_generic_group_exit(struct pfq_net *pn, int gid);

bool pfq_generic_update(struct pfq_device *d);
void pfq_generic_remove(struct pfq_device *d);
void pfq_generic_hooked(struct pfq_device *d);
void pfq_generic_purge(const struct net_device *dev);

void pfq_generic_init(void);
void pfq_generic_exit(void);

#endif /* _PFQ_GENERIC_H */
