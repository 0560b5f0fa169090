// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>

#include "complain.h"
#include "device.h"

#define SYS_MODULE	"/sys/module"
#define MAX_DEPTH	4	/* module dependencies: ne2k-pci -> 8390 -> pfq_hook */

int devices_lookup(struct options *opt)
{
	int i;

	for (i = 0; i < opt->ntargets; i++) {
		struct target *target = &opt->targets[i];

		target->ifindex = (int)if_nametoindex(target->name);
		if (!target->ifindex)
			return complain(EXIT_DEVICE, "`ip link` lists the devices",
					"%s: no such device", target->name);
		/* an alternative name finds the device too; the guard compares names */
		if (!if_indextoname((unsigned int)target->ifindex, target->name))
			return complain(EXIT_DEVICE, NULL, "%s: the device has just gone",
					target->name);
	}
	return 0;
}

static bool holds(const char *sys_module, const char *held, const char *module, int depth)
{
	struct dirent *entry;
	bool found = false;
	char path[512];
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s/holders", sys_module, held);
	dir = depth ? opendir(path) : NULL;
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			found = !strcmp(entry->d_name, module) ||
				holds(sys_module, entry->d_name, module, depth - 1);
	closedir(dir);
	return found;
}

bool driver_is_accelerated(const char *sys_module, const char *module)
{
	return holds(sys_module, "pfq_hook", module, MAX_DEPTH);
}

/* The driver's module name: as ethtool tells it, in the spelling of /sys/module. */
static int driver_of(int fd, const char *device, char *driver, size_t size)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq ifr = { .ifr_data = (char *)&info };
	char *c;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device);
	if (ioctl(fd, SIOCETHTOOL, &ifr) < 0)
		return -1;
	snprintf(driver, size, "%.*s", (int)sizeof(info.driver), info.driver);
	for (c = driver; *c; c++)
		if (*c == '-')
			*c = '_';
	return 0;
}

static void advise_driver(int fd, const struct target *target)
{
	char driver[64];

	/* without pfq_hook there is nothing to compare with */
	if (access(SYS_MODULE "/pfq_hook", F_OK) || driver_of(fd, target->name, driver, sizeof(driver)))
		return;
	if (!driver_is_accelerated(SYS_MODULE, driver))
		warn("`pfq-omatic build` and `pfq-omatic install` make an accelerated driver",
		     "%s: its driver (%s) does not deliver to PFQ; expect no frames",
		     target->name, driver);
}

void devices_advise(const struct options *opt)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { 0 };
	int i;

	if (fd < 0)
		return;
	for (i = 0; i < opt->ntargets; i++) {
		const struct target *target = &opt->targets[i];

		snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", target->name);
		if (!ioctl(fd, SIOCGIFFLAGS, &ifr) && !(ifr.ifr_flags & IFF_UP))
			warn("ip link set up dev DEV", "%s is down; expect no frames",
			     target->name);
		advise_driver(fd, target);
	}
	close(fd);
}

int devices_promisc(const struct options *opt)
{
	/* protocol 0: the socket itself receives nothing */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int i;

	if (fd < 0) {
		complain(EXIT_SYSTEM, "--no-promisc does without",
			 "cannot open a packet socket for promiscuous mode: %s", strerror(errno));
		return -1;
	}
	for (i = 0; i < opt->ntargets; i++) {
		struct packet_mreq mreq = {
			.mr_ifindex = opt->targets[i].ifindex,
			.mr_type = PACKET_MR_PROMISC,
		};

		if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mreq, sizeof(mreq)) < 0) {
			complain(EXIT_DEVICE, "--no-promisc does without",
				 "%s: cannot enter promiscuous mode: %s", opt->targets[i].name,
				 strerror(errno));
			close(fd);
			return -1;
		}
	}
	return fd;
}
