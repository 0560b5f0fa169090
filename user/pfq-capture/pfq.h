/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A PF_Q socket from open to close; turns errno into advice. */
#ifndef PFQ_CAPTURE_PFQ_H
#define PFQ_CAPTURE_PFQ_H

#include <stdint.h>

#include <linux/pf_q.h>

#include "options.h"
#include "ring.h"

struct pfq {
	int fd;
	int gid;
	uint32_t caplen;
	struct ring ring;
};

/*
 * All return 0 or an exit code, after complaining. The order of calls is the
 * order here. pfq_open() checks that PFQ is there and of our version;
 * pfq_enable() allocates and maps the ring; pfq_join() joins a group, and makes
 * it pass frames on if asked; pfq_bind() starts the flow of frames.
 */
int pfq_open(struct pfq *pfq);
int pfq_enable(struct pfq *pfq, const struct options *opt);
int pfq_join(struct pfq *pfq, const struct options *opt);
int pfq_bind(struct pfq *pfq, const struct options *opt);

/* Stops the flow of frames; what is in the ring can still be read. */
void pfq_unbind(struct pfq *pfq, const struct options *opt);

/* Counters of the socket and of its group; zeros if the kernel gives none. */
void pfq_socket_stats(const struct pfq *pfq, struct pfq_stats *stats);
void pfq_group_stats(const struct pfq *pfq, struct pfq_stats *stats);

#endif
