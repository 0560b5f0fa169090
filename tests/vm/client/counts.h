/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What became of the frames of a device: PFQ's own counters, and what the stack has seen. */
#ifndef CONFORMANCE_COUNTS_H
#define CONFORMANCE_COUNTS_H

#include "client.h"

struct device_counts {
	unsigned long handed, consumed, passed, both, freed;
};

/* False, and all 0, if the device is not in /proc/net/pfq/devices. */
bool device_counts(const char *device, struct device_counts *counts);

/* A socket that counts what the stack gets of a device from here on. */
int stack_open(const char *device);
/* How many frames that was, since the last time it was asked. */
unsigned long stack_seen(int fd);

#endif
