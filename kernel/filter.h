/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Classic BPF filters of groups.
 */
#ifndef _PFQ_FILTER_H
#define _PFQ_FILTER_H

#include "mask.h"

struct pfq_filter;
struct pfq_frame;
struct pfq_group;
struct pfq_sock;
struct sock_fprog;

int pfq_filter_set(const struct pfq_sock *ps, int gid, struct sock_fprog *fcode);
void pfq_filter_free(struct pfq_group *g);
void pfq_filter_exit(void);

struct pfq_mask pfq_filter_pass(const struct pfq_filter *f, const struct pfq_frame *frame,
				struct pfq_mask mask);

#endif /* _PFQ_FILTER_H */
