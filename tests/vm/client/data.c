// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The data path: frames that someone sends to a device, as they come out of the
 * ring. The format of the frames is at the top of conformance.c.
 */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

#define MAGIC		0x50465131
#define TYPE		0x88b5
#define TYPE_VLAN	0x8100
#define PATTERN_AT	12
#define QUEUES		256

struct reader {
	const struct data_options *opt;
	int fd, ep, ifindex;
	char *map;
	size_t slot_size;
	unsigned char *seen;		/* by sequence number */
	int64_t last[QUEUES];		/* sequence number, by queue */
	/* counted */
	unsigned long frames, foreign, twice, batches, tagged_in_data, tagged_beside;
	unsigned long poll_wakes, epoll_wakes, timeouts;
	/* counted, and wrong */
	unsigned long bad_ifindex, bad_queue, bad_caplen, bad_len, bad_vlan, bad_tstamp, bad_bytes,
		bad_order, beyond, uncommitted;
};

static uint32_t be16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t be32(const uint8_t *at)
{
	return be16(at) << 16 | be16(at + 2);
}

static void check_order(struct reader *r, uint32_t seq, unsigned int queue)
{
	if (seq >= r->opt->frames) {
		r->beyond++;
		return;
	}
	r->twice += r->seen[seq];
	r->seen[seq] = 1;
	if (queue >= QUEUES) {
		r->bad_queue++;
		return;
	}
	r->bad_order += (int64_t)seq <= r->last[queue];
	r->last[queue] = seq;
}

static void check_header(struct reader *r, const struct slot *slot, uint32_t sent_len,
			 bool stripped)
{
	const uint32_t len = sent_len - (stripped ? 4 : 0);
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);	/* time() may lag by a tick */
	r->bad_ifindex += slot->ifindex != r->ifindex;
	r->bad_len += slot->len != len;
	r->bad_caplen += slot->caplen != (len < r->opt->caplen ? len : r->opt->caplen);
	r->bad_queue += r->opt->queue >= 0 && slot->queue != r->opt->queue;
	r->bad_tstamp += (time_t)slot->sec > now.tv_sec ||
			 (time_t)slot->sec < now.tv_sec - 60 || slot->nsec >= 1000000000;
}

static void check_frame(struct reader *r, const struct slot *slot)
{
	const uint8_t *frame = slot->bytes, *payload = frame + 14;
	const bool in_data = slot->caplen >= 18 && be16(frame + 12) == TYPE_VLAN;
	uint32_t seq, tci, i;

	if (in_data)
		payload += 4;
	if (slot->caplen < payload + PATTERN_AT - frame || be16(payload - 2) != TYPE ||
	    be32(payload) != MAGIC) {
		r->foreign++;
		return;
	}
	r->frames++;
	seq = be32(payload + 4);
	tci = be16(payload + 10);

	/* the tag is in one place: among the bytes, or beside them */
	if (in_data)
		r->bad_vlan += be16(frame + 14) != tci || slot->tci != 0;
	else
		r->bad_vlan += slot->tci != tci;
	r->tagged_in_data += in_data;
	r->tagged_beside += slot->tci != 0;

	check_header(r, slot, be16(payload + 8), tci && !in_data);
	for (i = PATTERN_AT; payload + i < frame + slot->caplen; i++)
		if (payload[i] != (uint8_t)(seq + i))
			break;
	r->bad_bytes += payload + i < frame + slot->caplen;
	check_order(r, seq, slot->queue);
}

/* Waits up to a second for a slot's commit. */
static bool committed(const struct slot *slot, uint32_t version)
{
	struct timespec pause = { .tv_nsec = 100000 };
	int i;

	for (i = 0; i < 10000; i++) {
		if (__atomic_load_n(&slot->commit, __ATOMIC_ACQUIRE) == version)
			return true;
		if (i > 100)
			nanosleep(&pause, NULL);
	}
	return false;
}

/* Step 2 of the protocol: version numbers 0 and 1 may still stand in old slots. */
static void recommit(struct reader *r, char *half, uint32_t value)
{
	size_t i;

	for (i = 0; i < r->opt->slots; i++)
		((struct slot *)(half + i * r->slot_size))->commit = value;
}

/* Swaps the halves and checks what the old one holds. Returns its slots. */
static unsigned long read_half(struct reader *r)
{
	const size_t half_size = r->opt->slots * r->slot_size;
	uint64_t *shinfo = (uint64_t *)(r->map + RX_SHINFO);
	uint64_t old = __atomic_load_n(shinfo, __ATOMIC_RELAXED);
	uint32_t version = (uint32_t)(old >> 32), i, n;
	char *half = r->map + CONTROL_BLOCK + (version & 1) * half_size;

	if ((uint32_t)old == 0)
		return 0;
	if (version + 1 <= 1)
		recommit(r, r->map + CONTROL_BLOCK + ((version + 1) & 1) * half_size, version & 1);
	old = __atomic_exchange_n(shinfo, (uint64_t)(version + 1) << 32, __ATOMIC_ACQ_REL);
	n = (uint32_t)old < r->opt->slots ? (uint32_t)old : (uint32_t)r->opt->slots;
	for (i = 0; i < n; i++) {
		const struct slot *slot = (struct slot *)(half + i * r->slot_size);

		if (committed(slot, version))
			check_frame(r, slot);
		else
			r->uncommitted++;
	}
	r->batches++;
	return n;
}

/* By poll and by epoll in turns. Returns false when nothing came in time. */
static bool wait_frames(struct reader *r)
{
	struct pollfd pfd = { .fd = r->fd, .events = POLLIN };
	struct epoll_event event;
	const bool by_poll = r->batches % 2 == 0;
	int ret;

	if (by_poll)
		ret = poll(&pfd, 1, r->opt->timeout * 1000);
	else
		ret = epoll_wait(r->ep, &event, 1, r->opt->timeout * 1000);
	if (ret <= 0) {
		r->timeouts++;
		/* a frame that is there without a wake-up is a failure of its own */
		return false;
	}
	if (by_poll)
		r->poll_wakes += !!(pfd.revents & POLLIN);
	else
		r->epoll_wakes += !!(event.events & EPOLLIN);
	return true;
}

static bool set_up(struct reader *r)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct binding binding;
	size_t size;
	int gid;

	r->ifindex = (int)if_nametoindex(r->opt->device);
	expect(r->ifindex ? 0 : -ENODEV, 0, "device %s", r->opt->device);
	r->fd = q_socket();
	r->slot_size = SLOT_SIZE(r->opt->caplen);
	expect(q_set_size(r->fd, SO_Q_RX_LEN, r->opt->caplen), 0, "rx length");
	expect(q_set_size(r->fd, SO_Q_RX_SLOTS, r->opt->slots), 0, "rx slots");
	expect(q_set_int(r->fd, SO_Q_RX_TSTAMP, 1), 0, "timestamps");
	expect(q_enable(r->fd), 0, "enable");
	size = (size_t)q_number(r->fd, GET_SHMEM_SIZE);
	r->map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	expect(r->map == MAP_FAILED ? -errno : 0, 0, "mmap");
	r->ep = epoll_create1(0);
	expect(epoll_ctl(r->ep, EPOLL_CTL_ADD, r->fd, &event) ? -errno : 0, 0, "epoll_ctl");
	gid = q_join(r->fd, -1, SHARED, 1);
	expect(gid < 0 ? gid : 0, 0, "join");
	binding = (struct binding){ gid, r->ifindex, r->opt->queue };
	expect(q_set(r->fd, SO_Q_BIND, &binding, sizeof(binding)), 0, "bind");
	return r->ifindex && r->map != MAP_FAILED;
}

static void say_ready(const struct data_options *opt)
{
	FILE *file;

	printf("READY\n");
	fflush(stdout);
	file = opt->ready_file ? fopen(opt->ready_file, "w") : NULL;
	if (file)
		fclose(file);
}

static void judge(const struct reader *r)
{
	unsigned long missing = 0, i;
	struct stats stats;

	for (i = 0; i < r->opt->frames; i++)
		missing += !r->seen[i];
	verdict(!missing, "every frame", "%lu of %lu missing, %lu in all, %lu of other types",
		missing, r->opt->frames, r->frames, r->foreign);
	expect((long)(r->twice + r->beyond), 0, "each once");
	expect((long)r->bad_order, 0, "in order per queue");
	expect((long)r->bad_bytes, 0, "bytes");
	expect((long)r->bad_caplen, 0, "caplen");
	expect((long)r->bad_len, 0, "len");
	expect((long)r->bad_ifindex, 0, "ifindex");
	expect((long)r->bad_queue, 0, "queue");
	verdict(!r->bad_vlan, "vlan", "%lu wrong; tag in the data %lu, beside it %lu", r->bad_vlan,
		r->tagged_in_data, r->tagged_beside);
	expect((long)r->bad_tstamp, 0, "timestamp");
	expect((long)r->uncommitted, 0, "every slot is committed");
	verdict(r->poll_wakes > 0, "poll wakes up", "%lu times", r->poll_wakes);
	verdict(r->epoll_wakes > 0, "epoll wakes up", "%lu times", r->epoll_wakes);
	expect((long)r->timeouts, 0, "no wait timed out");

	expect(q_get(r->fd, GET_STATS, &stats, sizeof(stats)), 0, "statistics");
	verdict(stats.lost == 0, "lost", "%lu", (unsigned long)stats.lost);
	verdict(stats.recv - stats.lost >= r->frames + r->foreign, "received",
		"%lu, read %lu in %lu batches", (unsigned long)stats.recv, r->frames + r->foreign,
		r->batches);
}

void test_data(const struct data_options *opt)
{
	struct reader r = { .opt = opt };
	int i;

	section("data path");
	r.seen = calloc(opt->frames ? opt->frames : 1, 1);
	for (i = 0; i < QUEUES; i++)
		r.last[i] = -1;
	if (r.seen && set_up(&r)) {
		say_ready(opt);
		while (r.frames < opt->frames && wait_frames(&r))
			while (read_half(&r))
				;
		judge(&r);
	}
	close(r.fd);
	free(r.seen);
}
