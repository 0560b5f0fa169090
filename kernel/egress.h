/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device endpoints: sockets whose frames are sent by a device.
 */
#ifndef _PFQ_EGRESS_H
#define _PFQ_EGRESS_H

#include <linux/types.h>

struct pfq_egress;
struct pfq_frame;
struct pfq_net;
struct pfq_sock;
struct pfq_work;

int pfq_egress_bind(struct pfq_sock *ps, int ifindex, int queue);
void pfq_egress_unbind(struct pfq_sock *ps);

void pfq_egress_xmit(const struct pfq_net *pn, struct pfq_work *w, u64 socks,
		     const struct pfq_frame *frame);

int pfq_egress_init(void);
void pfq_egress_exit(void);

#endif /* _PFQ_EGRESS_H */
