/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which remote sessions (ssh) this machine serves. */
#ifndef PFQ_CAPTURE_SESSIONS_H
#define PFQ_CAPTURE_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* One TCP session; addresses in network order, 4 or 16 bytes by family. */
struct session {
	int family;
	uint8_t peer[16];
	uint8_t local[16];
	uint16_t local_port;
};

typedef void (*session_found)(void *arg, const struct session *session);

/*
 * Parses the value of SSH_CONNECTION: "peer port local port". A mapped IPv4
 * address counts as IPv4. Returns false if it is something else.
 */
bool session_from_env(const char *value, struct session *session);

/*
 * Reports the established sessions on a local port, from a file in the format
 * of /proc/net/tcp (AF_INET) or /proc/net/tcp6 (AF_INET6).
 */
void sessions_from_tcp(FILE *file, int family, uint16_t port, session_found found, void *arg);

/*
 * Looks for SSH_CONNECTION in a file in the format of /proc/PID/environ.
 * Returns whether it was there and made sense.
 */
bool session_from_environ(FILE *file, struct session *session);

/*
 * Reports all sessions: of our own environment and of our ancestors' (sudo
 * clears ours), and every one on port 22 or on the ports those came in by.
 */
void sessions_all(session_found found, void *arg);

#endif
