/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network devices: index, driver, promiscuous mode. */
#ifndef PFQ_CAPTURE_DEVICE_H
#define PFQ_CAPTURE_DEVICE_H

#include <stdbool.h>

#include "options.h"

/*
 * Fills in the ifindex and the kernel's own name of every target. Returns 0 or
 * EXIT_DEVICE; complains.
 */
int devices_lookup(struct options *opt);

/* Warns of targets that are down, or whose driver does not deliver to PFQ. */
void devices_advise(const struct options *opt);

/*
 * Puts the targets in promiscuous mode for as long as the descriptor that is
 * returned stays open (so it ends with the process, whatever ends it). Returns
 * -1 after complaining.
 */
int devices_promisc(const struct options *opt);

/*
 * Whether a module (as in /sys/module) delivers to PFQ: it, or a module that it
 * depends on, holds pfq_hook. sys_module is /sys/module.
 */
bool driver_is_accelerated(const char *sys_module, const char *module);

#endif
