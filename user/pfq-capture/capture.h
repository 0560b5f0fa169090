/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop: wait, read, count, write, until it is time to stop. */
#ifndef PFQ_CAPTURE_CAPTURE_H
#define PFQ_CAPTURE_CAPTURE_H

#include "options.h"
#include "output.h"
#include "pfq.h"
#include "tally.h"

struct capture {
	const struct options *opt;
	struct pfq *pfq;
	struct output *output;
	struct tally tally;
	double seconds;			/* filled in at the end */
	const char *stopped_by;		/* likewise */
};

/* Makes SIGINT, SIGTERM and SIGHUP end the loop. Call before binding. */
void capture_handle_signals(void);

/* Runs until told to stop. Returns 0 or an exit code, after complaining. */
int capture_run(struct capture *capture);

/* Reads what is left in the ring, once the group is unbound. Same return. */
int capture_drain(struct capture *capture);

#endif
