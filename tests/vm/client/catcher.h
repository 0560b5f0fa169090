/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames of our own: sending them to a device, and reading them from a PF_Q socket. */
#ifndef CONFORMANCE_CATCHER_H
#define CONFORMANCE_CATCHER_H

#include "client.h"

struct catcher {
	int fd, gid;
	char *map;
	size_t size, slots, slot_size;
	/* what the last read found */
	long frames;		/* of ours, with the tag asked for */
	int ifindex, tci;	/* of the last one */
};

/* Opens and enables a socket, and joins a group of its own. */
bool catcher_open(struct catcher *r);
void catcher_close(struct catcher *r);
int catcher_bind(const struct catcher *r, int option, int ifindex, int queue);

/*
 * Reads frames with this tag until there are so many, for 10 seconds at most, and
 * then for a while, to find those that are too many. Returns how many there were.
 */
long catcher_count(struct catcher *r, int tag, long want);
/* Reads whatever is there, and returns how many slots it was. */
long catcher_drain(struct catcher *r, int tag);

/* Sends n frames with this tag out of a device; returns n or a negative errno. */
int send_frames(const char *device, int tag, int n);
int send_tagged(const char *device, int tag, int n, int tci);

/* Runs the words as a command; returns its exit status. */
int command(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
