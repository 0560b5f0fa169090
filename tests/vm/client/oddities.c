// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frames that are steered by addresses and ports although their headers are odd: with
 * options, in fragments, cut short, tagged, of another protocol, or mere noise.
 *
 * The module has a quick way for headers that are plain to see, and a slow one for
 * others; nobody can tell which one was taken by who gets the frame. So each frame
 * goes on the wire twice: as it is, and with its buffer cut in two somewhere in the
 * headers, which only the slow way can read. Both must reach the reader that the
 * description of the interface says, and no other.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bytes.h"
#include "steer.h"
#include "traffic.h"

#define READERS		4
#define FRAMES		600
#define LONG		4400	/* more than a page: only then is a buffer cut */
#define MTU		9000
#define ETH		14

/* A frame is known by its destination address, as it may be too short for anything else. */
struct odd {
	size_t len;
	uint8_t bytes[256];
};

struct oddities {
	struct reader readers[READERS];
	unsigned char seen[READERS][2 * FRAMES];
	int gid, wire;
	uint32_t random;
};

static uint32_t next_random(struct oddities *o)
{
	o->random = o->random * 1664525 + 1013904223;
	return o->random >> 8;
}

static uint32_t raw16(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static uint32_t raw32(const uint8_t *at)
{
	return raw16(at) | raw16(at + 2) << 16;
}

/* --- what there is ------------------------------------------------------------ */

static void number_it(uint8_t *bytes, uint32_t number)
{
	static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2 };

	memcpy(bytes, macs, sizeof(macs));
	put16(bytes + 3, number);
}

enum { PLAIN, OPTIONS, FRAGMENT, SHORT, NOT_4, BAD_IHL, IPV6, NOISE, KINDS };

/* Headers of a kind: noise at first, then what makes them of that kind. */
static void make_odd(struct oddities *o, struct odd *f, uint32_t number)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, 47, 132, 0 };
	static const uint16_t fragments[] = { 0x2000, 0x2001, 0x0001, 0x1fff, 0x6010, 0xa000 };
	uint8_t *ip = f->bytes + ETH;
	uint32_t kind = number % KINDS;
	size_t i;

	f->len = 80 + next_random(o) % 100;
	for (i = 0; i < sizeof(f->bytes); i++)
		f->bytes[i] = (uint8_t)next_random(o);
	number_it(f->bytes, number);
	put16(f->bytes + 12, kind == IPV6 ? 0x86dd : 0x0800);
	if (kind == IPV6)
		ip[0] = 0x60;
	if (kind == IPV6 || kind == NOISE)
		return;
	ip[0] = 0x45;
	ip[9] = protocols[number / KINDS % 6];
	put16(ip + 6, number & 1 ? 0x4000 : 0);		/* don't fragment */
	if (kind == OPTIONS)
		ip[0] = (uint8_t)(0x46 + next_random(o) % 10);
	if (kind == FRAGMENT)
		put16(ip + 6, fragments[next_random(o) % 6]);
	if (kind == SHORT)
		f->len = ETH + next_random(o) % 30;
	if (kind == NOT_4)
		ip[0] = (uint8_t)(next_random(o) % 16 << 4 | 5);
	if (kind == BAD_IHL)
		ip[0] = (uint8_t)(0x40 + next_random(o) % 5);
}

/*
 * The description: source ^ destination, and ^ the ports of TCP and UDP; what is not
 * IPv4 is dropped. A tag among the bytes is in the way, unless the module takes it out.
 */
static bool hash_of(const uint8_t *frame, size_t len, bool untag, uint32_t *hash)
{
	const size_t tag = untag && frame[12] == 0x81 && frame[13] == 0 ? 4 : 0;
	const uint8_t *ip = frame + tag + ETH;
	size_t header;

	if (len < tag + ETH + 20 || frame[tag + 12] != 8 || frame[tag + 13] != 0 ||
	    ip[0] >> 4 != 4 || (ip[0] & 15) < 5)
		return false;
	*hash = raw32(ip + 12) ^ raw32(ip + 16);
	header = (size_t)(ip[0] & 15) * 4;
	if (ip[9] != IPPROTO_TCP && ip[9] != IPPROTO_UDP)
		return true;
	if ((ip[6] & 0x3f) || ip[7] || len < tag + ETH + header + 4)
		return true;		/* a fragment, or no ports */
	*hash ^= raw16(ip + header) ^ raw16(ip + header + 2);
	return true;
}

/* With a tag among the bytes; and never too short to have it taken out. */
static void tag_odd(struct odd *f)
{
	memmove(f->bytes + 16, f->bytes + 12, sizeof(f->bytes) - 16);
	put16(f->bytes + 12, 0x8100);
	put16(f->bytes + 14, 7);
	f->len = f->len < 20 ? 24 : f->len + 4;
}

/* --- sending ------------------------------------------------------------------ */

static void set_mtu(const char *device, int mtu)
{
	struct ifreq ifr = { .ifr_mtu = mtu };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device);
	expect(ioctl(fd, SIOCSIFMTU, &ifr) ? -errno : 0, 0, "mtu of %s", device);
	close(fd);
}

/* A packet socket that is told how many bytes of a frame are to lie in a row. */
static int cutting_wire(const char *device)
{
	int fd = wire_open(device), on = 1;

	expect(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)), 0, "cutting wire");
	return fd;
}

static void send_cut(int wire, const uint8_t *bytes, size_t len, size_t linear)
{
	struct virtio_net_hdr head = { .hdr_len = (uint16_t)linear };
	struct iovec parts[] = {
		{ &head, sizeof(head) }, { (void *)(uintptr_t)bytes, len },
	};

	if (writev(wire, parts, 2) != (ssize_t)(sizeof(head) + len))
		verdict(false, "send", "%zu bytes: %s", len, strerror(errno));
}

/* As it is; then longer, and cut: some bytes are in a row, the rest is in pages. */
static void send_both(struct oddities *o, const struct odd *f, const uint8_t *longer)
{
	send_cut(o->wire, f->bytes, f->len, f->len);
	send_cut(o->wire, longer, LONG, ETH + next_random(o) % 34);
}

/* --- what was read ------------------------------------------------------------- */

static void see(void *arg, const struct slot *slot, int reader)
{
	struct oddities *o = arg;
	uint32_t number = (uint32_t)slot->bytes[3] << 8 | slot->bytes[4];

	if (slot->caplen >= ETH && number < 2 * FRAMES && slot->bytes[5] == 0)
		o->seen[reader][number]++;
}

static void take_all(struct oddities *o)
{
	int i;

	for (i = 0; i < READERS; i++)
		reader_each(&o->readers[i], see, o, i);
}

/* The reader that must get a frame; -1: none. */
static int reader_of(const struct oddities *o, const uint8_t *bytes, size_t len, bool untag)
{
	int weights[READERS], i;
	uint32_t hash;

	if (!hash_of(bytes, len, untag, &hash))
		return -1;
	for (i = 0; i < READERS; i++)
		weights[i] = o->readers[i].weight;
	return steer_choose(weights, READERS, hash);
}

static void expect_readers(struct oddities *o, const int *want, const char *name)
{
	long missing = 0, more = 0, first = -1;
	int i, r, has;

	for (i = 0; i < 2 * FRAMES; i++)
		for (r = 0; r < READERS; r++) {
			has = o->seen[r][i];
			missing += want[i] == r && !has;
			more += has > (want[i] == r);
			if (has != (want[i] == r) && first < 0)
				first = i;
		}
	verdict(!missing && !more, name, "%d frames, %ld missing, %ld too many, first %ld",
		2 * FRAMES, missing, more, first);
}

/* Sends each frame, `tagged` among its bytes or not, and looks who gets it. */
static void one_round(struct oddities *o, bool tagged, bool untag, const char *name)
{
	struct stats before = group_stats(o->readers[0].fd, o->gid);
	static uint8_t longer[LONG];
	int want[2 * FRAMES], i;
	uint64_t drop = 0;
	struct odd f;

	memset(o->seen, 0, sizeof(o->seen));
	for (i = 0; i < FRAMES; i++) {
		make_odd(o, &f, (uint32_t)i);
		if (tagged)
			tag_odd(&f);
		memset(longer, 0, sizeof(longer));
		memcpy(longer, f.bytes, f.len);
		number_it(longer, (uint32_t)(FRAMES + i));
		want[i] = reader_of(o, f.bytes, f.len, untag);
		want[FRAMES + i] = reader_of(o, longer, sizeof(longer), untag);
		drop += (want[i] < 0) + (want[FRAMES + i] < 0);
		send_both(o, &f, longer);
		if (i % 64 == 63)
			take_all(o);
	}
	expect_group(o->readers[0].fd, o->gid, &before, 2 * FRAMES, drop, name);
	take_all(o);
	expect_readers(o, want, name);
}

static void weigh(struct oddities *o, const int *weights)
{
	int i;

	for (i = 0; i < READERS; i++) {
		expect(q_set_int(o->readers[i].fd, SO_Q_WEIGHT, weights[i]), 0, "weight");
		o->readers[i].weight = weights[i];
	}
}

void test_oddities(const struct wires *wires, bool untag)
{
	static const int power_of_two[READERS] = { 1, 1, 4, 2 }, other[READERS] = { 1, 5, 3, 2 };
	struct oddities *o = calloc(1, sizeof(*o));
	int i;

	section("odd headers");
	for (i = 0; i < READERS; i++)
		reader_open(&o->readers[i], -1, 1, true);
	o->gid = q_join(o->readers[0].fd, -1, SHARED, 1);
	for (i = 1; i < READERS; i++)
		expect(q_join(o->readers[i].fd, o->gid, SHARED, 1), o->gid, "join");
	expect(steer_function(o->readers[0].fd, o->gid, "steer_flow"), 0, "steer_flow");
	set_mtu(wires->near[0], MTU);
	set_mtu(wires->far[0], MTU);
	set_mtu(wires->vlan7, MTU);
	expect(bind_device(o->readers[0].fd, o->gid, wires->far[0]), 0, "bind");

	o->wire = cutting_wire(wires->near[0]);
	weigh(o, power_of_two);
	one_round(o, false, untag, "shares are a power of two");
	weigh(o, other);
	one_round(o, false, untag, "shares are not");
	one_round(o, true, untag, "tags among the bytes");
	close(o->wire);
	o->wire = cutting_wire(wires->vlan7);
	one_round(o, false, untag, "tags beside the frame");
	close(o->wire);

	for (i = 0; i < READERS; i++)
		reader_close(&o->readers[i]);
	set_mtu(wires->vlan7, 1500);
	set_mtu(wires->near[0], 1500);
	set_mtu(wires->far[0], 1500);
	free(o);
}
