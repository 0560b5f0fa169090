// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sessions.h"

#define SSH_PORT	22
#define MAX_ANCESTORS	64
#define TCP_ESTABLISHED	1	/* in /proc/net/tcp */

static const char ssh_connection[] = "SSH_CONNECTION=";

/* sshd listens on ::, so IPv4 sessions show up as ::ffff:a.b.c.d. */
static void unmap(struct session *session)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	if (session->family != AF_INET6 || memcmp(session->peer, prefix, sizeof(prefix)))
		return;
	session->family = AF_INET;
	memmove(session->peer, session->peer + 12, 4);
	memmove(session->local, session->local + 12, 4);
}

/* A link-local address may carry a scope: fe80::1%eth0. */
static bool parse_address(char *text, int *family, uint8_t *addr)
{
	text[strcspn(text, "%")] = '\0';
	*family = strchr(text, ':') ? AF_INET6 : AF_INET;
	return inet_pton(*family, text, addr) == 1;
}

bool session_from_env(const char *value, struct session *session)
{
	char peer[80], local[80];
	unsigned int port;
	int family;

	memset(session, 0, sizeof(*session));
	if (sscanf(value, "%79s %*u %79s %u", peer, local, &port) != 3 || port > 65535)
		return false;
	if (!parse_address(peer, &session->family, session->peer) ||
	    !parse_address(local, &family, session->local) || family != session->family)
		return false;
	session->local_port = (uint16_t)port;
	unmap(session);
	return true;
}

bool session_from_environ(FILE *file, struct session *session)
{
	const size_t skip = sizeof(ssh_connection) - 1;
	bool found = false;
	char *entry = NULL;
	size_t size = 0;

	while (!found && getdelim(&entry, &size, '\0', file) > 0)
		if (!strncmp(entry, ssh_connection, skip))
			found = session_from_env(entry + skip, session);
	free(entry);
	return found;
}

/* The kernel prints an address as 32-bit words of memory, in hex. */
static bool parse_words(const char *text, int words, uint8_t *addr)
{
	char word[9] = "";
	uint32_t value;
	int i;

	if (strlen(text) != (size_t)words * 8)
		return false;
	for (i = 0; i < words; i++) {
		memcpy(word, text + i * 8, 8);
		value = (uint32_t)strtoul(word, NULL, 16);
		memcpy(addr + i * 4, &value, 4);
	}
	return true;
}

static bool parse_tcp_line(const char *line, int family, struct session *session)
{
	const int words = family == AF_INET ? 1 : 4;
	char local[33], peer[33];
	unsigned int port, state;

	memset(session, 0, sizeof(*session));
	session->family = family;
	if (sscanf(line, " %*[0-9]: %32[0-9A-Fa-f]:%x %32[0-9A-Fa-f]:%*x %x", local, &port, peer,
		   &state) != 4 || state != TCP_ESTABLISHED)
		return false;
	session->local_port = (uint16_t)port;
	return parse_words(local, words, session->local) && parse_words(peer, words, session->peer);
}

void sessions_from_tcp(FILE *file, int family, uint16_t port, session_found found, void *arg)
{
	struct session session;
	char line[512];

	while (fgets(line, sizeof(line), file)) {
		if (!parse_tcp_line(line, family, &session) || session.local_port != port)
			continue;
		unmap(&session);
		found(arg, &session);
	}
}

static void established_on(uint16_t port, session_found found, void *arg)
{
	static const struct { const char *path; int family; } tables[] = {
		{ "/proc/net/tcp", AF_INET }, { "/proc/net/tcp6", AF_INET6 },
	};
	size_t i;

	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		FILE *file = fopen(tables[i].path, "r");

		if (!file)
			continue;	/* no IPv6, or no /proc */
		sessions_from_tcp(file, tables[i].family, port, found, arg);
		fclose(file);
	}
}

/* Parent of pid, 0 if there is none that we may see. */
static int parent_of(int pid)
{
	char path[64], line[512];
	int parent = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "r");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "PPid: %d", &parent) == 1)
			break;
	fclose(file);
	return parent;
}

static bool session_of_process(int pid, struct session *session)
{
	char path[64];
	bool found;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	file = fopen(path, "r");
	if (!file)
		return false;
	found = session_from_environ(file, session);
	fclose(file);
	return found;
}

static void report(const struct session *session, session_found found, void *arg)
{
	found(arg, session);
	if (session->local_port != SSH_PORT)
		established_on(session->local_port, found, arg);
}

void sessions_all(session_found found, void *arg)
{
	const char *own = getenv("SSH_CONNECTION");
	struct session session;
	int pid, i;

	if (own && session_from_env(own, &session))
		report(&session, found, arg);
	pid = getpid();
	for (i = 0; i < MAX_ANCESTORS && (pid = parent_of(pid)) > 0; i++)
		if (session_of_process(pid, &session))
			report(&session, found, arg);
	established_on(SSH_PORT, found, arg);
}
