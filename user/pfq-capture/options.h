/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line, parsed and checked; knows nothing of sockets. */
#ifndef PFQ_CAPTURE_OPTIONS_H
#define PFQ_CAPTURE_OPTIONS_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_TARGETS	32
#define MAX_QUEUES	256	/* queues that PFQ tells apart */

/* DEV[:QUEUE,...]; no queues means all of them. */
struct target {
	char name[IFNAMSIZ];
	int ifindex;		/* filled in by device_lookup() */
	int nqueues;
	int queues[MAX_QUEUES];
};

struct options {
	struct target targets[MAX_TARGETS];
	int ntargets;
	const char *write_path;	/* NULL: count only; "-": stdout */
	const char *ready_file;
	int ready_fd;		/* -1: none */
	uint64_t count;		/* 0: no limit */
	double seconds;		/* 0: no limit */
	size_t caplen;		/* 0: the default, see capture_caplen() */
	size_t slots;
	int gid;		/* -1: a new group */
	int poll_ms;
	bool shared;
	bool promisc;
	bool quiet;
	bool json;
	bool steal;
	bool tap;
};

/*
 * Fills opt. Returns 0, an exit code (already complained), or -1 when --help or
 * --version has been answered and the program is done.
 */
int options_parse(struct options *opt, int argc, char **argv);

/* Parses DEV[:QUEUE,...]. Returns 0 or an exit code; complains. */
int target_parse(struct target *target, const char *text);

#endif
