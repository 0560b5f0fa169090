/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps the user from cutting the branch they sit on: knows the devices that
 * carry the default routes and the ssh sessions, and whatever lies below them
 * (the ports of a bond or bridge, the parent of a VLAN or macvlan) down to the
 * physical device, whose frames are what PFQ takes.
 */
#ifndef PFQ_CAPTURE_GUARD_H
#define PFQ_CAPTURE_GUARD_H

#include <net/if.h>

#include "options.h"

#define MAX_PROTECTED 256

struct protected_device {
	char name[IFNAMSIZ];
	char why[200];		/* completes "eth0 ..." */
};

struct guard {
	struct protected_device devices[MAX_PROTECTED];
	int ndevices;
};

/* Protects a device; the first reason stays. The loopback device is left out. */
void guard_add(struct guard *guard, const char *name, const char *why);

/* Protects what lies below the protected devices; sys_net is /sys/class/net. */
void guard_expand(struct guard *guard, const char *sys_net);

/* Why a device is protected, or NULL. */
const char *guard_reason(const struct guard *guard, const char *name);

/* Fills guard from this machine. Returns 0, or -1 with errno set. */
int guard_survey(struct guard *guard);

/* Returns 0 if the targets may be bound, else EXIT_GUARD; complains. */
int guard_check(const struct options *opt);

#endif
