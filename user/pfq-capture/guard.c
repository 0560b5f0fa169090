// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "complain.h"
#include "guard.h"
#include "routes.h"
#include "sessions.h"

#define SYS_CLASS_NET "/sys/class/net"

static const char hint_tap_or_steal[] =
	"--tap captures and passes the frames on to the stack; --steal takes them all the same";

struct finding {
	struct guard *guard;
	const char *why;
};

const char *guard_reason(const struct guard *guard, const char *name)
{
	int i;

	for (i = 0; i < guard->ndevices; i++)
		if (!strcmp(guard->devices[i].name, name))
			return guard->devices[i].why;
	return NULL;
}

void guard_add(struct guard *guard, const char *name, const char *why)
{
	struct protected_device *device = &guard->devices[guard->ndevices];

	if (guard->ndevices == MAX_PROTECTED || !strcmp(name, "lo") || guard_reason(guard, name))
		return;
	snprintf(device->name, sizeof(device->name), "%s", name);
	snprintf(device->why, sizeof(device->why), "%s", why);
	guard->ndevices++;
}

static void add_lowers(struct guard *guard, const char *sys_net, int upper)
{
	const struct protected_device *device = &guard->devices[upper];
	static const char prefix[] = "lower_";
	char path[512], why[sizeof(device->why)];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", sys_net, device->name);
	dir = opendir(path);
	if (!dir)
		return;
	if (snprintf(why, sizeof(why), "lies below %s, which %s", device->name, device->why) >=
	    (int)sizeof(why))
		snprintf(why, sizeof(why), "lies below %s", device->name);
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, prefix, sizeof(prefix) - 1))
			guard_add(guard, entry->d_name + sizeof(prefix) - 1, why);
	closedir(dir);
}

void guard_expand(struct guard *guard, const char *sys_net)
{
	int i;

	/* what is added is visited too; guard_add() knows each device once */
	for (i = 0; i < guard->ndevices; i++)
		add_lowers(guard, sys_net, i);
}

static void found_route(void *arg, int ifindex)
{
	const struct finding *finding = arg;
	char name[IFNAMSIZ];

	if (if_indextoname((unsigned int)ifindex, name))
		guard_add(finding->guard, name, finding->why);
}

static bool owns_address(const struct ifaddrs *ifa, const struct session *session)
{
	if (!ifa->ifa_addr || ifa->ifa_addr->sa_family != session->family)
		return false;
	if (session->family == AF_INET)
		return !memcmp(&((struct sockaddr_in *)ifa->ifa_addr)->sin_addr,
			       session->local, 4);
	return !memcmp(&((struct sockaddr_in6 *)ifa->ifa_addr)->sin6_addr, session->local, 16);
}

/* Frames to us come in where the local address is, which need not be the way back. */
static void add_local_address(struct guard *guard, const struct session *session, const char *why)
{
	struct ifaddrs *list, *ifa;

	if (getifaddrs(&list))
		return;
	for (ifa = list; ifa; ifa = ifa->ifa_next)
		if (owns_address(ifa, session))
			guard_add(guard, ifa->ifa_name, why);
	freeifaddrs(list);
}

static void found_session(void *arg, const struct session *session)
{
	struct finding finding = { .guard = arg };
	char peer[INET6_ADDRSTRLEN], why[128];

	inet_ntop(session->family, session->peer, peer, sizeof(peer));
	snprintf(why, sizeof(why), "carries the ssh session from %s", peer);
	finding.why = why;
	/* a peer without a route is only told by the local address */
	routes_to(session->family, session->peer, found_route, &finding);
	add_local_address(finding.guard, session, why);
}

int guard_survey(struct guard *guard)
{
	struct finding v4 = { guard, "carries the default route" };
	struct finding v6 = { guard, "carries the IPv6 default route" };

	guard->ndevices = 0;
	sessions_all(found_session, guard);
	if (routes_defaults(AF_INET, found_route, &v4))
		return -1;
	/* a kernel without IPv6 has no such routes to lose */
	if (routes_defaults(AF_INET6, found_route, &v6) && errno != EOPNOTSUPP)
		return -1;
	guard_expand(guard, SYS_CLASS_NET);
	return 0;
}

int guard_check(const struct options *opt)
{
	static struct guard guard;
	const char *why;
	int i;

	if (opt->tap || opt->steal)
		return 0;
	if (guard_survey(&guard))
		return complain(EXIT_GUARD, hint_tap_or_steal,
				"cannot tell which devices carry the default route: %s",
				strerror(errno));
	for (i = 0; i < opt->ntargets; i++) {
		why = guard_reason(&guard, opt->targets[i].name);
		if (why)
			return complain(EXIT_GUARD, hint_tap_or_steal,
					"refusing to take the frames of %s: it %s",
					opt->targets[i].name, why);
	}
	return 0;
}
