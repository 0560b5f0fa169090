/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was captured: per device and queue, and in total; and how it is reported. */
#ifndef PFQ_CAPTURE_TALLY_H
#define PFQ_CAPTURE_TALLY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <linux/pf_q.h>

#include "options.h"

#define MAX_LANES 1024

/* Frames of one (device, queue). */
struct lane {
	int ifindex;
	uint16_t queue;
	uint64_t frames;
	uint64_t bytes;		/* on the wire, not as cut by --caplen */
};

struct tally {
	struct lane lanes[MAX_LANES];
	int nlanes;
	int last;		/* lane of the frame before: most often the same */
	uint64_t frames;
	uint64_t bytes;
	uint64_t abandoned;	/* slots that the kernel never committed */
};

/* What is known at the end, besides the tally. */
struct summary {
	const struct options *opt;
	const struct tally *tally;
	struct pfq_stats socket;
	struct pfq_stats group;
	double seconds;
	const char *stopped_by;
};

void tally_frame(struct tally *tally, int ifindex, uint16_t queue, uint32_t len);

/* The line of every second. */
void tally_progress(FILE *out, const struct tally *tally, uint64_t frames_before,
		    uint64_t bytes_before, double interval, uint64_t lost);

void summary_text(FILE *out, const struct summary *summary);
void summary_json(FILE *out, const struct summary *summary);

#endif
