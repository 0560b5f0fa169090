/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /proc/net/pfq/
 */
#ifndef _PFQ_PROC_H
#define _PFQ_PROC_H

struct net;

int pfq_proc_init(struct net *net);
void pfq_proc_exit(struct net *net);

#endif /* _PFQ_PROC_H */
