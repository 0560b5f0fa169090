// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "complain.h"
#include "pfq.h"

#define CAPLEN_COUNTING	64	/* enough for headers when nothing is written */

static int set(const struct pfq *pfq, int option, const void *value, socklen_t len)
{
	return setsockopt(pfq->fd, PF_Q, option, value, len);
}

static int get(const struct pfq *pfq, int option, void *value, socklen_t len)
{
	return getsockopt(pfq->fd, PF_Q, option, value, &len);
}

static int explain_open(int error)
{
	switch (error) {
	case EAFNOSUPPORT:
		return complain(EXIT_PFQ, "modprobe pfq", "the pfq module is not loaded");
	case EPERM:
	case EACCES:
		return complain(EXIT_PERMISSION, "run it as root (or with CAP_NET_ADMIN)",
				"not permitted to open a PF_Q socket");
	case EBUSY:
		return complain(EXIT_PFQ, "close another program; /proc/net/pfq/sockets lists them",
				"all %d PFQ sockets are in use", Q_MAX_ID);
	case ESOCKTNOSUPPORT:
	case EPROTONOSUPPORT:
		return complain(EXIT_PFQ, "rmmod pf_ring; modprobe pfq",
				"address family %d belongs to another module", PF_Q);
	default:
		return complain(EXIT_SYSTEM, NULL, "cannot open a PF_Q socket: %s",
				strerror(error));
	}
}

static int check_version(const struct pfq *pfq)
{
	int version = PFQ_VERSION_CODE;

	if (!get(pfq, Q_SO_GET_ID, &version, sizeof(version)))
		return 0;
	if (errno == EPERM)
		return complain(EXIT_PFQ, "install pfq-capture and pfq.ko of one release",
				"the pfq module does not speak version %d.%d.%d of the interface",
				PFQ_MAJOR, PFQ_MINOR, PFQ_PATCHLEVEL);
	if (errno == ENOPROTOOPT || errno == EINVAL)
		return complain(EXIT_PFQ, "rmmod pf_ring; modprobe pfq",
				"address family %d belongs to another module%s", PF_Q,
				access("/sys/module/pf_ring", F_OK) ? "" : " (pf_ring)");
	return complain(EXIT_SYSTEM, NULL, "cannot ask PFQ for its version: %s", strerror(errno));
}

int pfq_open(struct pfq *pfq)
{
	pfq->fd = socket(PF_Q, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	if (pfq->fd < 0)
		return explain_open(errno);
	return check_version(pfq);
}

/* Sizes the Rx queue; there is no Tx queue. */
static int set_geometry(struct pfq *pfq, const struct options *opt)
{
	size_t slot_size, slots = opt->slots, caplen = opt->caplen;

	if (get(pfq, Q_SO_GET_RX_SLOT_SIZE, &slot_size, sizeof(slot_size)))
		return complain(EXIT_SYSTEM, NULL, "cannot read the slot size: %s",
				strerror(errno));
	if (!caplen)
		caplen = opt->write_path ? slot_size - sizeof(struct pfq_pkthdr) : CAPLEN_COUNTING;
	if (set(pfq, Q_SO_SET_RX_LEN, &caplen, sizeof(caplen)))
		return complain(EXIT_USAGE, "the limit is max_slot_size, a parameter of the pfq module",
				"%zu bytes of each frame are more than PFQ keeps (%zu)", caplen,
				slot_size - sizeof(struct pfq_pkthdr));
	if (set(pfq, Q_SO_SET_RX_SLOTS, &slots, sizeof(slots)))
		return complain(EXIT_USAGE, "try --slots 4096", "PFQ refuses %zu slots: %s", slots,
				strerror(errno));
	pfq->caplen = (uint32_t)caplen;
	return 0;
}

static int map_ring(struct pfq *pfq)
{
	size_t size;
	void *map;

	if (get(pfq, Q_SO_GET_SHMEM_SIZE, &size, sizeof(size)))
		return complain(EXIT_SYSTEM, NULL, "cannot read the size of the ring: %s",
				strerror(errno));
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, pfq->fd, 0);
	if (map == MAP_FAILED)
		return complain(EXIT_SYSTEM, "try fewer --slots; `ulimit -l` may limit it",
				"cannot map the ring (%zu MiB): %s", size >> 20, strerror(errno));
	if (ring_attach(&pfq->ring, map, size))
		return complain(EXIT_PFQ, "install pfq-capture and pfq.ko of one release",
				"the ring is not laid out as expected");
	return 0;
}

int pfq_enable(struct pfq *pfq, const struct options *opt)
{
	const struct pfq_so_enable memory = { 0 };
	int tstamp = opt->write_path ? Q_TSTAMP_ON : Q_TSTAMP_OFF;
	int ret;

	ret = set_geometry(pfq, opt);
	if (ret)
		return ret;
	if (set(pfq, Q_SO_SET_RX_TSTAMP, &tstamp, sizeof(tstamp)))
		return complain(EXIT_SYSTEM, NULL, "cannot turn timestamps on: %s",
				strerror(errno));
	if (set(pfq, Q_SO_ENABLE, &memory, sizeof(memory)))
		return complain(EXIT_SYSTEM, "try fewer --slots or a smaller --caplen",
				"cannot allocate a ring of 2 x %zu slots: %s", opt->slots,
				strerror(errno));
	return map_ring(pfq);
}

static int set_tap(const struct pfq *pfq)
{
	const struct pfq_so_group_tap tap = { .gid = pfq->gid, .on = 1 };

	if (!set(pfq, Q_SO_GROUP_TAP, &tap, sizeof(tap)))
		return 0;
	if (errno == ENOPROTOOPT || errno == EOPNOTSUPP)
		return complain(EXIT_PFQ, "upgrade pfq.ko",
				"this pfq module cannot pass frames on (--tap)");
	return complain(EXIT_SYSTEM, NULL, "cannot make group %d pass frames on: %s", pfq->gid,
			strerror(errno));
}

int pfq_join(struct pfq *pfq, const struct options *opt)
{
	struct pfq_so_group_join join = {
		.gid = opt->gid,
		.policy = opt->shared ? Q_POLICY_GROUP_SHARED : Q_POLICY_GROUP_PRIVATE,
		.class_mask = Q_CLASS_DEFAULT,
	};

	if (get(pfq, Q_SO_GROUP_JOIN, &join, sizeof(join))) {
		if (opt->gid == Q_ANY_GROUP)
			return complain(EXIT_PFQ, "/proc/net/pfq/groups lists them",
					"no free group: %s", strerror(errno));
		return complain(errno == EACCES ? EXIT_PERMISSION : EXIT_SYSTEM,
				opt->shared ? "choose another --group; that one is not shared"
					    : "use --shared on both sides, or another --group",
				"cannot join group %d: %s", opt->gid, strerror(errno));
	}
	pfq->gid = join.gid;
	return opt->tap ? set_tap(pfq) : 0;
}

static int change_binding(const struct pfq *pfq, int option, const struct target *target, int queue)
{
	const struct pfq_so_binding binding = {
		.gid = pfq->gid,
		.ifindex = target->ifindex,
		.qindex = queue,
	};

	return set(pfq, option, &binding, sizeof(binding));
}

/* Applies option to the queues of a target. Returns 0, or -1 with errno set. */
static int change_target(const struct pfq *pfq, int option, const struct target *target)
{
	int i;

	if (!target->nqueues)
		return change_binding(pfq, option, target, Q_ANY_QUEUE);
	for (i = 0; i < target->nqueues; i++)
		if (change_binding(pfq, option, target, target->queues[i]))
			return -1;
	return 0;
}

int pfq_bind(struct pfq *pfq, const struct options *opt)
{
	int i;

	for (i = 0; i < opt->ntargets; i++)
		if (change_target(pfq, Q_SO_GROUP_BIND, &opt->targets[i]))
			return complain(EXIT_DEVICE,
					"the device may have gone, or be in another network namespace",
					"%s: cannot bind: %s", opt->targets[i].name,
					strerror(errno));
	return 0;
}

void pfq_unbind(struct pfq *pfq, const struct options *opt)
{
	int i;

	for (i = 0; i < opt->ntargets; i++)	/* a device may be gone: then so is its binding */
		change_target(pfq, Q_SO_GROUP_UNBIND, &opt->targets[i]);
}

void pfq_socket_stats(const struct pfq *pfq, struct pfq_stats *stats)
{
	if (get(pfq, Q_SO_GET_STATS, stats, sizeof(*stats)))
		memset(stats, 0, sizeof(*stats));
}

void pfq_group_stats(const struct pfq *pfq, struct pfq_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	stats->recv = (uint64_t)pfq->gid;
	if (get(pfq, Q_SO_GET_GROUP_STATS, stats, sizeof(*stats)))
		memset(stats, 0, sizeof(*stats));
}
