// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frames longer than any wire takes (GSO), which software devices hand to one another:
 * one that is forwarded goes as it is if the device makes segments itself, else in
 * segments, whose checksums are right if the device does not compute these either.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
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
#include "traffic.h"

#define HEAD		54	/* Ethernet, IPv4 and TCP */
#define PIECE		1000
#define PIECES		20
#define BYTES		(PIECES * PIECE)
#define TIMES		10
#define SEQUENCE	0x01020304u

struct arrived {
	int frames, longest, wrong_bytes, wrong_sums;
	long bytes;
};

static uint32_t sum(const uint8_t *at, size_t len, uint32_t start)
{
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		start += get16(at + i);
	if (len & 1)
		start += (uint32_t)at[len - 1] << 8;
	while (start >> 16)
		start = (start & 0xffff) + (start >> 16);
	return start;
}

/* The sum of the pseudo header: addresses, protocol, length. */
static uint32_t pseudo(const uint8_t *ip, size_t tcp_len)
{
	return sum(ip + 12, 8, (uint32_t)(IPPROTO_TCP + tcp_len));
}

static uint8_t payload(uint32_t i)
{
	return (uint8_t)(i * 7 + (i >> 8));
}

static size_t make(uint8_t *frame)
{
	static const uint8_t head[HEAD] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0,
		0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, IPPROTO_TCP, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
		0, 5, 0, 9, 1, 2, 3, 4, 0, 0, 0, 0, 0x50, 0x10, 0x10, 0, 0, 0, 0, 0,
	};
	uint32_t i;

	memcpy(frame, head, HEAD);
	put16(frame + 16, HEAD - 14 + BYTES);
	put16(frame + 24, ~sum(frame + 14, 20, 0));
	put16(frame + 50, pseudo(frame + 14, 20 + BYTES));
	for (i = 0; i < BYTES; i++)
		frame[HEAD + i] = payload(i);
	return HEAD + BYTES;
}

static void send_long(int wire)
{
	static uint8_t frame[HEAD + BYTES];
	struct virtio_net_hdr head = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = HEAD, .gso_size = PIECE, .csum_start = 34, .csum_offset = 16,
	};
	struct iovec parts[] = { { &head, sizeof(head) }, { frame, make(frame) } };
	int i;

	for (i = 0; i < TIMES; i++)
		if (writev(wire, parts, 2) != (ssize_t)(sizeof(head) + sizeof(frame)))
			verdict(false, "send", "%s", strerror(errno));
}

static void look(struct arrived *a, const uint8_t *frame, size_t len, bool sums)
{
	const uint8_t *ip = frame + 14;
	size_t total = get16(ip + 2), i;
	uint32_t at;

	if (len < HEAD || total < 40 || 14 + total > len) {
		a->wrong_bytes++;
		return;
	}
	a->frames++;
	a->longest = (int)len > a->longest ? (int)len : a->longest;
	a->bytes += (long)total - 40;
	at = get32(frame + 38) - SEQUENCE;
	for (i = 0; i < total - 40; i++)
		if (at + i >= BYTES || frame[HEAD + i] != payload((uint32_t)(at + i))) {
			a->wrong_bytes++;
			break;
		}
	a->wrong_sums += sum(ip, 20, 0) != 0xffff ||
			 (sums && sum(ip + 20, total - 20, pseudo(ip, total - 20)) != 0xffff);
}

static struct arrived take(int wire, bool sums)
{
	static uint8_t frame[65536];
	struct arrived a = { 0 };
	struct sockaddr_ll from;
	socklen_t size;
	ssize_t len;
	int waited;

	for (waited = 0; waited < 5000 && a.bytes < (long)TIMES * BYTES; waited++) {
		size = sizeof(from);
		len = recvfrom(wire, frame, sizeof(frame), MSG_DONTWAIT, (struct sockaddr *)&from,
			       &size);
		if (len < 0)
			usleep(1000);
		else if (from.sll_pkttype != PACKET_OUTGOING)
			look(&a, frame, (size_t)len, sums);
	}
	return a;
}

static void offload(const char *device, uint32_t command, uint32_t on)
{
	struct ethtool_value value = { command, on };
	struct ifreq ifr = { .ifr_data = (void *)&value };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device);
	expect(ioctl(fd, SIOCETHTOOL, &ifr) ? -errno : 0, 0, "%s: offload %u: %u", device, command,
	       on);
	close(fd);
}

static void forwarded(const struct reader *port, int in, int out, bool whole, bool sums,
		      const char *name)
{
	struct stats before = socket_stats(port->fd), after;
	const int frames = TIMES * (whole ? 1 : PIECES);
	struct arrived a;

	send_long(in);
	a = take(out, sums);
	after = socket_stats(port->fd);
	verdict(a.frames == frames && a.bytes == (long)TIMES * BYTES && !a.wrong_bytes &&
		!a.wrong_sums && a.longest == HEAD + (whole ? BYTES : PIECE), name,
		"%d frames, expected %d; %ld bytes; %d wrong, %d wrong checksums; the longest %d",
		a.frames, frames, a.bytes, a.wrong_bytes, a.wrong_sums, a.longest);
	verdict(after.frwd - before.frwd == TIMES && after.disc == before.disc, name,
		"%lu forwarded, %lu discarded", (unsigned long)(after.frwd - before.frwd),
		(unsigned long)(after.disc - before.disc));
}

void test_segments(const struct wires *wires)
{
	struct binding egress = { 0, (int)if_nametoindex(wires->far[1]), -1 };
	int in, out, gid, on = 1;
	struct reader port;

	section("frames longer than a wire takes");
	reader_open(&port, -1, 1, false);
	gid = q_join(port.fd, -1, SHARED, 1);
	expect(q_set(port.fd, SO_Q_EGRESS_BIND, &egress, sizeof(egress)), 0, "egress");
	expect(bind_device(port.fd, gid, wires->far[0]), 0, "bind");
	in = wire_open(wires->near[0]);
	expect(setsockopt(in, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)), 0, "vnet_hdr");
	out = wire_open(wires->near[1]);

	forwarded(&port, in, out, true, false, "by a device that makes segments");
	offload(wires->far[1], ETHTOOL_STSO, 0);
	forwarded(&port, in, out, false, false, "by one that does not");
	offload(wires->far[1], ETHTOOL_STXCSUM, 0);
	forwarded(&port, in, out, false, true, "nor computes checksums");
	offload(wires->far[1], ETHTOOL_STXCSUM, 1);
	offload(wires->far[1], ETHTOOL_STSO, 1);

	close(in);
	close(out);
	reader_close(&port);
}
