// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "counts.h"

bool device_counts(const char *device, struct device_counts *c)
{
	FILE *file = fopen("/proc/net/pfq/devices", "r");
	char line[300], name[40];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%*d: %lu %lu %lu %lu %lu %*s %*s %39s", &c->handed, &c->consumed,
			       &c->passed, &c->both, &c->freed, name) == 6 && !strcmp(name, device);
	if (file)
		fclose(file);
	if (!found)
		memset(c, 0, sizeof(*c));
	return found;
}

/* Frames need not be kept to be counted. */
int stack_open(const char *device)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = PROTOCOL,
		.sll_ifindex = (int)if_nametoindex(device),
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1;

	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		verdict(false, "set-up", "packet socket on %s", device);
	stack_seen(fd);
	return fd;
}

unsigned long stack_seen(int fd)
{
	struct tpacket_stats stats = { 0 };
	socklen_t len = sizeof(stats);

	getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len);
	return stats.tp_packets;
}
