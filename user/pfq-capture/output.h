/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The capture file: where frames go when --write is given. */
#ifndef PFQ_CAPTURE_OUTPUT_H
#define PFQ_CAPTURE_OUTPUT_H

#include <stdint.h>
#include <stdio.h>

#include "pcap.h"

struct output {
	const char *path;
	FILE *file;	/* NULL: nothing is written */
};

/* All return 0 or EXIT_OUTPUT, after complaining. */
int output_open(struct output *output, const char *path, uint32_t snaplen);
int output_frame(struct output *output, const struct pcap_frame *frame);
int output_flush(struct output *output);
int output_close(struct output *output);

#endif
