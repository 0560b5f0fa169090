// SPDX-License-Identifier: GPL-2.0-or-later
/* PFQ: the double-buffered queue of <linux/pf_q.h>. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pf_q.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "peers.h"

#ifndef Q_SO_GROUP_GENERIC	/* an extension that not every PFQ has */
#define Q_SO_GROUP_GENERIC	1025
#endif

#define CAPLEN	1514
#define GROUP	0

static struct pfq_shared_queue *queue;

/* A program of one function without arguments, as abi.md lays it out. */
struct argument {
	const void *addr;
	uint64_t size;
	int64_t nelem;
};

struct program {
	uint64_t size;
	uint64_t entry;
	const char *symbol;
	struct argument arg[8];
	int64_t next;
};

static void set(const struct reader *r, int option, const void *value, socklen_t len,
		const char *what)
{
	if (setsockopt(r->fd, PF_Q, option, value, len))
		die(what);
}

static void get(const struct reader *r, int option, void *value, socklen_t len,
		const char *what)
{
	if (getsockopt(r->fd, PF_Q, option, value, &len))
		die(what);
}

/* The versions begin anew: no slot of the next half must look as if it were filled. */
static void forget(uint32_t next)
{
	char *half = (char *)(queue + 1) + (size_t)(next & 1) * queue->rx.size;
	uint32_t i;

	for (i = 0; i < SLOTS; i++, half += queue->rx.slot_size)
		((struct pfq_pkthdr *)half)->info.commit = ~next & 1;
}

static void open_queue(struct reader *r)
{
	const struct pfq_so_enable memory = { 0 };
	size_t caplen = CAPLEN, slots = SLOTS, size;
	int version = PFQ_VERSION_CODE;

	r->fd = socket(PF_Q, SOCK_RAW, htons(ETH_P_ALL));
	if (r->fd < 0)
		die("socket(PF_Q)");
	get(r, Q_SO_GET_ID, &version, sizeof(version), "GET_ID");
	set(r, Q_SO_SET_RX_LEN, &caplen, sizeof(caplen), "SET_RX_LEN");
	set(r, Q_SO_SET_RX_SLOTS, &slots, sizeof(slots), "SET_RX_SLOTS");
	if (setsockopt(r->fd, SOL_SOCKET, SO_RCVLOWAT, &r->least, sizeof(r->least)))
		die("SO_RCVLOWAT");
	set(r, Q_SO_ENABLE, &memory, sizeof(memory), "ENABLE");
	get(r, Q_SO_GET_SHMEM_SIZE, &size, sizeof(size), "GET_SHMEM_SIZE");
	queue = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd, 0);
	if (queue == MAP_FAILED)
		die("mmap(PF_Q)");
	/* What is done once in 2^32 swaps is done before anything is measured. */
	forget(1);
	__atomic_store_n((uint64_t *)&queue->rx.shinfo, PFQ_SHINFO(1, 0), __ATOMIC_RELEASE);
}

static void join(const struct reader *r)
{
	struct pfq_so_group_join joined = {
		.gid = GROUP,
		.policy = Q_POLICY_GROUP_SHARED,
		.class_mask = Q_CLASS_DEFAULT,
	};

	get(r, Q_SO_GROUP_JOIN, &joined, sizeof(joined), "GROUP_JOIN");
}

static void bind_device(const struct reader *r)
{
	const struct pfq_so_binding binding = {
		.gid = GROUP,
		.ifindex = r->ifindex,
		.qindex = Q_ANY_QUEUE,
	};

	set(r, Q_SO_GROUP_BIND, &binding, sizeof(binding), "GROUP_BIND");
}

static void copy_open(struct reader *r)
{
	open_queue(r);
	join(r);
	if (r->number == 0)
		bind_device(r);
}

static void steer_open(struct reader *r)
{
	struct program steer = { .size = 1, .symbol = "steer_flow", .next = -1 };
	const struct pfq_so_group_computation computation = {
		.gid = GROUP,
		.prog = (void *)&steer,
	};

	open_queue(r);
	join(r);
	if (r->number)
		return;
	if (setsockopt(r->fd, PF_Q, Q_SO_GROUP_FUNCTION, &computation, sizeof(computation))) {
		if (errno == EOPNOTSUPP)
			unsupported("Q_SO_GROUP_FUNCTION");
		die("GROUP_FUNCTION");
	}
	bind_device(r);
}

/* Of a driver that is not accelerated: copied, and passed on. */
static void generic_open(struct reader *r)
{
	const struct {
		int32_t gid;
		uint32_t flags;
	} generic = { .gid = GROUP, .flags = 1 /* incoming frames */ };

	open_queue(r);
	join(r);
	if (r->number)
		return;
	if (setsockopt(r->fd, PF_Q, Q_SO_GROUP_GENERIC, &generic, sizeof(generic))) {
		if (errno == ENOPROTOOPT || errno == EOPNOTSUPP)
			unsupported("Q_SO_GROUP_GENERIC");
		die("GROUP_GENERIC");
	}
	bind_device(r);
}

static unsigned int pfq_read(struct reader *r)
{
	uint64_t *shinfo = (uint64_t *)&queue->rx.shinfo;
	uint64_t old = __atomic_load_n(shinfo, __ATOMIC_RELAXED);
	uint32_t version = PFQ_SHINFO_VER(old);
	uint32_t size = queue->rx.slot_size;
	const struct pfq_pkthdr *slot;
	uint32_t next = version + 1;
	uint32_t n, i;
	char *half;

	if (!PFQ_SHINFO_LEN(old))
		return 0;
	if (next <= 1)
		forget(next);
	old = __atomic_exchange_n(shinfo, PFQ_SHINFO(next, 0), __ATOMIC_ACQ_REL);
	n = PFQ_SHINFO_LEN(old) < SLOTS ? PFQ_SHINFO_LEN(old) : SLOTS;
	half = (char *)(queue + 1) + (size_t)(version & 1) * queue->rx.size;
	for (i = 0; i < n; i++, half += size) {
		slot = (const struct pfq_pkthdr *)half;
		while (__atomic_load_n(&slot->info.commit, __ATOMIC_ACQUIRE) != version)
			__builtin_ia32_pause();
		r->sum += slot->len + *((const uint8_t *)(slot + 1) + 42);
	}
	return n;
}

static void pfq_close(struct reader *r)
{
	struct pfq_stats stats;

	get(r, Q_SO_GET_STATS, &stats, sizeof(stats), "GET_STATS");
	r->lost = stats.lost;
}

const struct mechanism pfq_copy = {
	.name = "pfq",
	.open = copy_open,
	.read = pfq_read,
	.close = pfq_close,
};

const struct mechanism pfq_steer = {
	.name = "pfq-steer",
	.open = steer_open,
	.read = pfq_read,
	.close = pfq_close,
	.shared = 1,
};

const struct mechanism pfq_generic = {
	.name = "pfq-generic",
	.open = generic_open,
	.read = pfq_read,
	.close = pfq_close,
};
