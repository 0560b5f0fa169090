// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bytes.h"
#include "traffic.h"

#define MAGIC	0x70667165	/* at the end of a frame, before its number */
#define CAPLEN	1520UL
#define PATIENCE 20000		/* milliseconds, for what should take one */

/* --- frames ---------------------------------------------------------------- */

void frame_macs(struct frame *f, uint64_t to, uint64_t from)
{
	put16(f->bytes, (uint32_t)(to >> 32));
	put32(f->bytes + 2, (uint32_t)to);
	put16(f->bytes + 6, (uint32_t)(from >> 32));
	put32(f->bytes + 8, (uint32_t)from);
}

void frame_other(struct frame *f, uint32_t number, uint16_t type, size_t len)
{
	size_t i;

	f->len = len < FRAME_MIN ? FRAME_MIN : len;
	for (i = 0; i < f->len; i++)
		f->bytes[i] = (uint8_t)(number + i);
	frame_macs(f, 0x020000000001, 0x020000000002);
	put16(f->bytes + 12, type);
	put32(f->bytes + f->len - 8, MAGIC);
	put32(f->bytes + f->len - 4, number);
}

void frame_udp(struct frame *f, uint32_t number, const struct flow *flow, size_t len)
{
	uint8_t *ip = f->bytes + 14, *ports = ip + 20;

	frame_other(f, number, ETH_P_IP, len);
	memset(ip, 0, 28);
	ip[0] = 0x45;
	put16(ip + 2, (uint32_t)f->len - 14);
	ip[8] = 64;
	ip[9] = flow->protocol;
	put32(ip + 12, flow->saddr);
	put32(ip + 16, flow->daddr);
	put16(ports, flow->sport);
	put16(ports + 2, flow->dport);
	put16(ports + 4, (uint32_t)f->len - 34);
}

void frame_tag(struct frame *f, uint16_t tci)
{
	memmove(f->bytes + 16, f->bytes + 12, f->len - 12);
	put16(f->bytes + 12, ETH_P_8021Q);
	put16(f->bytes + 14, tci);
	f->len += 4;
}

int frame_number(const uint8_t *bytes, size_t len)
{
	uint32_t number;

	if (len < FRAME_MIN || get32(bytes + len - 8) != MAGIC)
		return -1;
	number = get32(bytes + len - 4);
	return number < MAX_FRAMES ? (int)number : -1;
}

bool frames_lose_tags;

/* What was sent last under each number. */
static struct frame sent[MAX_FRAMES];

static bool as_sent(const struct slot *slot, int number)
{
	const struct frame *f = &sent[number];
	const size_t tag = frames_lose_tags && f->bytes[12] == 0x81 && !f->bytes[13] ? 4 : 0;

	return slot->len == f->len - tag && slot->caplen == slot->len &&
	       !memcmp(slot->bytes, f->bytes, 12) &&
	       !memcmp(slot->bytes + 12, f->bytes + 12 + tag, f->len - 12 - tag);
}

/* --- wires ----------------------------------------------------------------- */

int wire_open(const char *device)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(device),
	};
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), size = 8 << 20;

	if (fd < 0 || !addr.sll_ifindex || bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		printf("Bail out! packet socket on %s: %s\n", device, strerror(errno));
		exit(1);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

void wire_send(int fd, const struct frame *f)
{
	sent[frame_number(f->bytes, f->len)] = *f;
	if (send(fd, f->bytes, f->len, 0) != (ssize_t)f->len)
		verdict(false, "send", "%s", strerror(errno));
}

/* One frame that was received, not sent, by the device; -1 if there is none. */
static int wire_read(int fd)
{
	uint8_t bytes[2048];
	struct sockaddr_ll from;
	socklen_t size;
	ssize_t len;

	for (;;) {
		size = sizeof(from);
		len = recvfrom(fd, bytes, sizeof(bytes), MSG_DONTWAIT, (struct sockaddr *)&from,
			       &size);
		if (len < 0)
			return -1;
		if (from.sll_pkttype != PACKET_OUTGOING && frame_number(bytes, (size_t)len) >= 0)
			return frame_number(bytes, (size_t)len);
	}
}

void wire_take(int fd, unsigned char seen[MAX_FRAMES], int expected)
{
	int number, taken = 0, waited;

	for (waited = 0; waited < PATIENCE; waited++) {
		while ((number = wire_read(fd)) >= 0) {
			seen[number]++;
			taken++;
		}
		if (taken >= expected)
			break;
		usleep(1000);
	}
	usleep(20000);		/* for what should not come */
	while ((number = wire_read(fd)) >= 0)
		seen[number]++;
}

void link_set(const char *device, bool up)
{
	struct ifreq ifr = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device);
	ioctl(fd, SIOCGIFFLAGS, &ifr);
	if (up)
		ifr.ifr_flags |= IFF_UP;
	else
		ifr.ifr_flags &= (short)~IFF_UP;
	expect(ioctl(fd, SIOCSIFFLAGS, &ifr) ? -errno : 0, 0, "%s %s", device, up ? "up" : "down");
	close(fd);
}

/* --- readers --------------------------------------------------------------- */

static void reader_begin(struct reader *r, size_t slots)
{
	memset(r, 0, sizeof(*r));
	r->fd = q_socket();
	r->slots = slots;
	r->weight = 1;
	r->map = MAP_FAILED;
	q_set_size(r->fd, SO_Q_RX_LEN, CAPLEN);
	q_set_size(r->fd, SO_Q_RX_SLOTS, slots);
}

static int reader_enable(struct reader *r)
{
	int ret = q_enable(r->fd);

	if (!ret)
		r->map = mmap(NULL, (size_t)q_number(r->fd, GET_SHMEM_SIZE),
			      PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	return ret;
}

void reader_open(struct reader *r, int gid, uint64_t class_mask, bool enabled)
{
	reader_begin(r, 4096);
	if (enabled)
		expect(reader_enable(r), 0, "enable");
	if (gid >= 0)
		expect(q_join(r->fd, gid, SHARED, class_mask), gid, "join group %d", gid);
}

int reader_open_quietly(struct reader *r, size_t slots)
{
	reader_begin(r, slots);
	return reader_enable(r);
}

void reader_close(struct reader *r)
{
	if (r->map != MAP_FAILED)
		munmap(r->map, (size_t)q_number(r->fd, GET_SHMEM_SIZE));
	close(r->fd);
}

static void reader_see(void *arg, const struct slot *slot, int unused)
{
	struct reader *r = arg;
	int number = frame_number(slot->bytes, slot->caplen);

	(void)unused;
	if (number < 0) {
		r->foreign++;
		if (slot->caplen > 23 && slot->bytes[23] == IPPROTO_TCP)
			r->tcp_sec = slot->sec;
		return;
	}
	r->seen[number]++;
	r->tci[number] = slot->tci;
	r->state = slot->state;
	r->bad += !as_sent(slot, number) || slot->mark || slot->queue;
}

void reader_each(struct reader *r, void (*see)(void *arg, const struct slot *slot, int tag),
		 void *arg, int tag)
{
	uint64_t *shinfo = (uint64_t *)(r->map + RX_SHINFO), old;
	const size_t slot_size = SLOT_SIZE(CAPLEN);
	uint32_t version, i, n;
	int tries;
	char *half;

	if (r->map == MAP_FAILED)
		return;
	while ((uint32_t)(old = __atomic_load_n(shinfo, __ATOMIC_RELAXED))) {
		version = (uint32_t)(old >> 32);
		half = r->map + CONTROL_BLOCK + (version & 1) * r->slots * slot_size;
		old = __atomic_exchange_n(shinfo, (uint64_t)(version + 1) << 32,
					  __ATOMIC_ACQ_REL);
		n = (uint32_t)old < r->slots ? (uint32_t)old : (uint32_t)r->slots;
		for (i = 0; i < n; i++) {
			struct slot *slot = (struct slot *)(half + i * slot_size);

			for (tries = 0; tries < 10000; tries++) {
				if (__atomic_load_n(&slot->commit, __ATOMIC_ACQUIRE) == version)
					break;
				usleep(100);
			}
			if (tries < 10000)
				see(arg, slot, tag);
			else
				r->bad++;
		}
	}
}

void reader_take(struct reader *r)
{
	reader_each(r, reader_see, r, 0);
}

int bind_device(int fd, int gid, const char *device)
{
	struct binding binding = { gid, (int)if_nametoindex(device), -1 };

	return q_set(fd, SO_Q_BIND, &binding, sizeof(binding));
}

int set_tap(int fd, int gid, bool on)
{
	int argument[2] = { gid, on };

	return q_set(fd, SO_Q_TAP, argument, sizeof(argument));
}

/* --- verdicts --------------------------------------------------------------- */

struct stats socket_stats(int fd)
{
	struct stats stats = { 0 };

	q_get(fd, GET_STATS, &stats, sizeof(stats));
	return stats;
}

struct stats group_stats(int fd, int gid)
{
	struct stats stats = { .recv = (uint64_t)gid };

	if (q_get(fd, GET_GROUP_STATS, &stats, sizeof(stats)))
		memset(&stats, 0, sizeof(stats));
	return stats;
}

static long still_missing(const struct reader *readers, int n, const uint32_t *want, int frames)
{
	long missing = 0;
	int i, r;

	for (r = 0; r < n; r++)
		for (i = 0; i < frames; i++)
			missing += (want[i] >> r & 1) && !readers[r].seen[i];
	return missing;
}

void expect_frames(struct reader *readers, int n, const uint32_t *want, int frames,
		   const char *name)
{
	long wanted = 0, missing = 0, more = 0, bad = 0;
	int i, r, waited, first = -1;

	for (waited = 0; waited < PATIENCE; waited++) {
		for (r = 0; r < n; r++)
			reader_take(&readers[r]);
		if (!still_missing(readers, n, want, frames))
			break;
		usleep(1000);
	}
	usleep(20000);		/* for what should not come */
	for (r = 0; r < n; r++) {
		reader_take(&readers[r]);
		bad += (long)readers[r].bad;
		for (i = 0; i < frames; i++) {
			int must = want[i] >> r & 1, has = (int)readers[r].seen[i];

			wanted += must;
			missing += must > has;
			more += has > must;
			if (must != has && first < 0)
				first = i;
		}
		memset(readers[r].seen, 0, sizeof(readers[r].seen));
	}
	verdict(!missing && !more, name,
		"%ld copies of %d frames to %d readers; %ld missing, %ld too many, first frame %d",
		wanted, frames, n, missing, more, first);
	expect(bad, 0, "%s: slots that are not as they should be", name);
}

void expect_group(int fd, int gid, const struct stats *before, uint64_t recv, uint64_t drop,
		  const char *name)
{
	struct stats now = { 0 };
	int waited;

	for (waited = 0; waited < PATIENCE; waited++) {
		now = group_stats(fd, gid);
		if (now.recv - before->recv >= recv)
			break;
		usleep(1000);
	}
	usleep(5000);
	now = group_stats(fd, gid);
	verdict(now.recv - before->recv == recv && now.drop - before->drop == drop, name,
		"group received %lu, dropped %lu; expected %lu, %lu",
		(unsigned long)(now.recv - before->recv), (unsigned long)(now.drop - before->drop),
		(unsigned long)recv, (unsigned long)drop);
}
