// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reader: a program for PFQ that counts every slot it gets. Written from the
 * description of the interface; it shares no line with the library.
 *
 *   reader DEVICE GID[,GID...] SLOTS LENGTH [PACE]
 *
 * Joins the groups (policy shared, class 0), binds them to the device, enables,
 * prints "ready", and reads until SIGTERM (or SIGKILL). PACE: microseconds
 * between reads, so that slow readers lose. Then it prints as JSON what it
 * read: slots, bytes, what was out of order; and what the counters say.
 *
 * With PFQ_TAP in the environment it switches, at each read, whether frames of
 * its groups go on to the stack as well (an extension to the interface).
 *
 *   reader --wake poll|select|epoll DEVICE COUNT [LEAST]
 *
 * Waits COUNT times for packets, each time a minute at most, and prints as JSON
 * how many waits were ended by packets, and how many by the time. LEAST: how many
 * packets a wait is for (SO_RCVLOWAT).
 */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ENABLE = 1, RX_LEN = 3, RX_SLOTS = 4, BIND = 10, JOIN = 12, STATS = 22, SHMEM = 23, TAP = 1024 };
#define SHARED		3
#define CONTROL_BLOCK	2048
#define HEADER		32
#define PATIENCE	60000

struct stats { uint64_t recv, lost, drop, sent, disc, fail, frwd, kern; };

struct slot {
	uint32_t sec, nsec;
	uint16_t caplen, len;
	int32_t ifindex;
	uint32_t mark, state;
	uint16_t tci, queue;
	_Atomic uint32_t commit;
	unsigned char bytes[];
};

struct queue {
	int fd;
	char *area;
	size_t slots, slot_size;
	_Atomic uint64_t *shinfo;
};

struct seen {
	unsigned long slots, bytes, backwards, wrong, reads;
	uint64_t next;
};

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(2);
}

static void set(int fd, int option, const void *value, socklen_t length, const char *what)
{
	if (setsockopt(fd, 27, option, value, length))
		die(what);
}

static void get(int fd, int option, void *value, socklen_t length, const char *what)
{
	if (getsockopt(fd, 27, option, value, &length))
		die(what);
}

static void enable(struct queue *q, size_t slots, size_t length)
{
	struct { uint64_t addr, size, huge; } none = { 0, 0, 0 };
	size_t size;

	set(q->fd, RX_LEN, &length, sizeof(length), "rx_len");
	set(q->fd, RX_SLOTS, &slots, sizeof(slots), "rx_slots");
	get(q->fd, SHMEM, &size, sizeof(size), "shmem_size");
	set(q->fd, ENABLE, &none, sizeof(none), "enable");
	q->area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, q->fd, 0);
	if (q->area == MAP_FAILED)
		die("mmap");
	q->slots = slots;
	q->slot_size = (HEADER + length + 31) / 32 * 32;
	q->shinfo = (_Atomic uint64_t *)q->area;
}

static void join(int fd, int gid, const char *device)
{
	struct { int32_t gid, policy; uint64_t classes; } group = { gid, SHARED, 1 };
	struct { int32_t gid, ifindex, qindex; } binding = { gid, 0, -1 };

	get(fd, JOIN, &group, sizeof(group), "join");
	binding.gid = group.gid;
	binding.ifindex = if_nametoindex(device);
	set(fd, BIND, &binding, sizeof(binding), "bind");
}

static void look(struct queue *q, struct slot *slot, uint32_t version, struct seen *seen)
{
	uint32_t n = 0;

	/* A slot that was reserved is committed soon; one that never is hangs us. */
	while (atomic_load_explicit(&slot->commit, memory_order_acquire) != version)
		sched_yield();
	seen->slots++;
	seen->bytes += slot->caplen;
	if (slot->caplen > slot->len || slot->caplen + (size_t)HEADER > q->slot_size)
		seen->wrong++;
	if (slot->caplen < 46)
		return;		/* not long enough to have a number in it */
	if (memcmp(slot->bytes + 12, "\x08\0\x45", 3)) {
		seen->wrong++;
		return;
	}
	for (int i = 42; i < 46; i++)
		n = n << 8 | slot->bytes[i];
	if (n < seen->next)
		seen->backwards++;
	seen->next = n + 1;
}

static bool read_all(struct queue *q, struct seen *seen)
{
	uint64_t info = atomic_load(q->shinfo);
	uint32_t version = info >> 32, length;

	if (!(uint32_t)info)
		return false;
	if (version == UINT32_MAX || version + 1 == 1) {
		char *half = q->area + CONTROL_BLOCK + ((version + 1) & 1) * q->slots * q->slot_size;

		for (size_t i = 0; i < q->slots; i++)
			((struct slot *)(half + i * q->slot_size))->commit = version & 1;
	}
	info = atomic_exchange(q->shinfo, (uint64_t)(version + 1) << 32);
	length = (uint32_t)info < q->slots ? (uint32_t)info : q->slots;
	for (size_t i = 0; i < length; i++)
		look(q, (struct slot *)(q->area + CONTROL_BLOCK +
					((version & 1) * q->slots + i) * q->slot_size),
		     version, seen);
	seen->reads++;
	return true;
}

static void tap(int fd, int gid, int on)
{
	struct { int32_t gid, on; } argument = { gid, on };

	set(fd, TAP, &argument, sizeof(argument), "tap");
}

static int count_slots(char **argv)
{
	struct queue q = { .fd = socket(27, SOCK_RAW, 0x0300) };
	struct seen seen = { 0 };
	struct stats stats;
	unsigned int pace = argv[5] ? atoi(argv[5]) : 0;
	struct pollfd pfd;
	char *save, *gid;

	if (q.fd < 0)
		die("socket");
	signal(SIGTERM, stop);
	enable(&q, strtoul(argv[3], NULL, 0), strtoul(argv[4], NULL, 0));
	for (gid = strtok_r(argv[2], ",", &save); gid; gid = strtok_r(NULL, ",", &save))
		join(q.fd, atoi(gid), argv[1]);
	puts("ready");
	fflush(stdout);
	pfd = (struct pollfd){ .fd = q.fd, .events = POLLIN };
	while (!stopped) {
		poll(&pfd, 1, 200);
		read_all(&q, &seen);
		if (getenv("PFQ_TAP"))
			tap(q.fd, atoi(argv[2]), seen.reads & 1);
		if (pace)
			usleep(pace);
	}
	/* The sender has ended; what is on its way is there after a moment. */
	while (read_all(&q, &seen) || (usleep(100000), read_all(&q, &seen)))
		;
	get(q.fd, STATS, &stats, sizeof(stats), "stats");
	printf("{\"slots\":%lu,\"bytes\":%lu,\"backwards\":%lu,\"wrong\":%lu,\"reads\":%lu,"
	       "\"recv\":%lu,\"lost\":%lu}\n",
	       seen.slots, seen.bytes, seen.backwards, seen.wrong, seen.reads,
	       (unsigned long)stats.recv, (unsigned long)stats.lost);
	return 0;
}

static int wait_by(const char *how, int fd, int ep)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct timeval time = { PATIENCE / 1000, 0 };
	struct epoll_event event;
	fd_set set_of_fds;

	if (!strcmp(how, "poll"))
		return poll(&pfd, 1, PATIENCE);
	if (!strcmp(how, "epoll"))
		return epoll_wait(ep, &event, 1, PATIENCE);
	FD_ZERO(&set_of_fds);
	FD_SET(fd, &set_of_fds);
	return select(fd + 1, &set_of_fds, NULL, NULL, &time);
}

static int wake(const char *how, const char *device, unsigned int count, int least)
{
	struct queue q = { .fd = socket(27, SOCK_RAW, 0x0300) };
	struct epoll_event event = { .events = EPOLLIN };
	int ep = epoll_create1(0);
	struct seen seen = { 0 };
	unsigned int woken = 0, empty = 0, late = 0;

	if (q.fd < 0)
		die("socket");
	enable(&q, 64, 64);
	if (setsockopt(q.fd, SOL_SOCKET, SO_RCVLOWAT, &least, sizeof(least)))
		die("SO_RCVLOWAT");
	join(q.fd, -1, device);
	epoll_ctl(ep, EPOLL_CTL_ADD, q.fd, &event);
	puts("ready");
	fflush(stdout);
	while (woken + late < count && empty < 1000) {
		if (wait_by(how, q.fd, ep) <= 0)
			late++;
		else if (read_all(&q, &seen))
			woken++;
		else
			empty++;
	}
	printf("{\"woken\":%u,\"late\":%u,\"empty\":%u,\"slots\":%lu}\n", woken, late, empty,
	       seen.slots);
	return 0;
}

int main(int argc, char **argv)
{
	if ((argc == 5 || argc == 6) && !strcmp(argv[1], "--wake"))
		return wake(argv[2], argv[3], atoi(argv[4]), argc == 6 ? atoi(argv[5]) : 1);
	if (argc == 5 || argc == 6)
		return count_slots(argv);
	fputs("usage: reader DEVICE GIDS SLOTS LENGTH [PACE] | reader --wake HOW DEVICE COUNT [LEAST]\n",
	      stderr);
	return 2;
}
