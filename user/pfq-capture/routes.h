/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which devices the machine's routes use; asked of the kernel by rtnetlink. */
#ifndef PFQ_CAPTURE_ROUTES_H
#define PFQ_CAPTURE_ROUTES_H

#include <stddef.h>

/* Called with the index of a device that a route uses. */
typedef void (*route_found)(void *arg, int ifindex);

/*
 * Reports the devices of all default routes of a family (AF_INET, AF_INET6), in
 * every routing table. A default route is one that covers at least half of all
 * addresses, since VPNs split it in two. Returns 0, or -1 with errno set.
 */
int routes_defaults(int family, route_found found, void *arg);

/* Reports the devices by which a packet to addr would leave. Same return. */
int routes_to(int family, const void *addr, route_found found, void *arg);

/*
 * Reads one answer of the kernel. Returns 1 when the dump is complete, 0 if
 * more follows, -1 with errno set if the kernel answered with an error.
 */
int routes_parse(const void *answer, size_t len, int max_prefix, route_found found, void *arg);

#endif
