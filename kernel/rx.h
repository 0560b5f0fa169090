/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The receive path; described at the top of rx.c.
 */
#ifndef _PFQ_RX_H
#define _PFQ_RX_H

#include <linux/types.h>

struct pfq_net;
struct sk_buff;

bool pfq_rx_copy(const struct pfq_net *pn, struct sk_buff *skb, unsigned int queue,
		 bool outgoing);
void pfq_rx_drain(void);

int pfq_rx_init(void);
int pfq_rx_start(void);
void pfq_rx_stop(void);
void pfq_rx_exit(void);

#endif /* _PFQ_RX_H */
