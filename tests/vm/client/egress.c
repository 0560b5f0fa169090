// SPDX-License-Identifier: GPL-2.0-or-later
/* Device endpoints (options 18, 19): errors, what is forwarded, and where it goes. */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "traffic.h"

#define FRAMES 200

static int egress_bind(int fd, int ifindex, int queue)
{
	struct binding binding = { 12345, ifindex, queue };

	return q_set(fd, SO_Q_EGRESS_BIND, &binding, sizeof(binding));
}

static int egress_to(int fd, const char *device)
{
	return egress_bind(fd, (int)if_nametoindex(device), -1);
}

void test_egress_options(void)
{
	int fd = q_socket(), lo = (int)if_nametoindex("lo");

	section("egress, errors");
	expect(q_set(fd, SO_Q_EGRESS_UNBIND, NULL, 0), 0, "unbind when not bound");
	expect(egress_bind(fd, 999999, 0), -EPERM, "no such device");
	expect(egress_bind(fd, 0, 0), -EPERM, "device 0");
	expect(egress_bind(fd, -1, 0), -EPERM, "any device");
	expect(egress_bind(fd, lo, -2), -EPERM, "queue -2");
	expect(egress_bind(fd, lo, -1), 0, "any queue");
	expect(egress_bind(fd, lo, 0), 0, "queue 0, bound already");
	expect(egress_bind(fd, lo, 100000), 0, "queue 100000");
	expect(q_number(fd, GET_STATUS), 0, "it is not enabled by that");
	expect(q_set(fd, SO_Q_EGRESS_UNBIND, &lo, 4), 0, "unbind, with an argument");
	expect(q_set(fd, SO_Q_EGRESS_UNBIND, NULL, 0), 0, "unbind twice");
	expect(egress_bind(fd, lo, 0), 0, "bound when it is closed");
	close(fd);
}

static void make_frame(struct frame *f, uint32_t i)
{
	struct flow flow = { 0x0a000001, 0x0a000100 + i, (uint16_t)(i + 1), 9, IPPROTO_UDP };

	frame_udp(f, i, &flow, 60 + 7 * i);
}

static void send_all(int wire)
{
	struct frame f;
	uint32_t i;

	for (i = 0; i < FRAMES; i++) {
		make_frame(&f, i);
		wire_send(wire, &f);
	}
}

static void expect_wire(int wire, int copies, const char *name)
{
	unsigned char seen[MAX_FRAMES] = { 0 };
	int i, wrong = 0;

	wire_take(wire, seen, copies * FRAMES);
	for (i = 0; i < FRAMES; i++)
		wrong += seen[i] != copies;
	verdict(!wrong, name, "%d of %d frames did not come out %d times", wrong, FRAMES, copies);
}

/* A socket's counters: what was forwarded and discarded since before. */
static void expect_forwarded(int fd, struct stats before, uint64_t frwd, uint64_t disc,
			     const char *name)
{
	struct stats now = { 0 };
	int waited;

	for (waited = 0; waited < 5000; waited++) {
		now = socket_stats(fd);
		if (now.frwd + now.disc - before.frwd - before.disc >= frwd + disc)
			break;
		usleep(1000);
	}
	verdict(now.frwd - before.frwd == frwd && now.disc - before.disc == disc &&
		now.recv == 0 && now.lost == 0, name,
		"forwarded %lu, discarded %lu; expected %lu, %lu",
		(unsigned long)(now.frwd - before.frwd), (unsigned long)(now.disc - before.disc),
		(unsigned long)frwd, (unsigned long)disc);
}

static void everybody(uint32_t *want, uint32_t mask)
{
	int i;

	for (i = 0; i < FRAMES; i++)
		want[i] = mask;
}

/* One reader, and two device endpoints on one device: each frame comes out twice. */
static void copies(const struct wires *wires)
{
	struct reader reader, ports[2];
	uint32_t want[FRAMES];
	struct stats before;
	int gid, in, out, i;

	section("egress");
	reader_open(&reader, -1, 1, true);
	gid = q_join(reader.fd, -1, SHARED, 1);
	for (i = 0; i < 2; i++) {
		reader_open(&ports[i], gid, 1, false);
		expect(egress_to(ports[i].fd, wires->far[1]), 0, "to %s", wires->far[1]);
	}
	expect(bind_device(reader.fd, gid, wires->far[0]), 0, "bind %s", wires->far[0]);
	in = wire_open(wires->near[0]);
	out = wire_open(wires->near[1]);

	before = socket_stats(ports[0].fd);
	send_all(in);
	everybody(want, 1);
	expect_frames(&reader, 1, want, FRAMES, "the reader has them all");
	expect_wire(out, 2, "two endpoints, each frame twice");
	expect_forwarded(ports[0].fd, before, FRAMES, 0, "the first endpoint");
	expect_forwarded(ports[1].fd, before, FRAMES, 0, "the second endpoint");

	expect(q_set(ports[1].fd, SO_Q_EGRESS_UNBIND, NULL, 0), 0, "unbind one");
	before = socket_stats(ports[0].fd);
	send_all(in);
	expect_frames(&reader, 1, want, FRAMES, "the reader");
	expect_wire(out, 1, "one endpoint, each frame once");
	expect_forwarded(ports[0].fd, before, FRAMES, 0, "the first endpoint");
	expect_forwarded(ports[1].fd, socket_stats(ports[1].fd), 0, 0, "the second: nothing");

	link_set(wires->far[1], false);
	before = socket_stats(ports[0].fd);
	send_all(in);
	expect_frames(&reader, 1, want, FRAMES, "the reader, device down");
	expect_forwarded(ports[0].fd, before, 0, FRAMES, "device down: discarded");
	link_set(wires->far[1], true);
	link_set(wires->near[1], false);
	before = socket_stats(ports[0].fd);
	send_all(in);
	expect_frames(&reader, 1, want, FRAMES, "the reader, no carrier");
	expect_forwarded(ports[0].fd, before, 0, FRAMES, "no carrier: discarded");
	link_set(wires->near[1], true);

	expect(egress_to(ports[0].fd, wires->far[0]), 0, "to the device that they come from");
	before = socket_stats(ports[0].fd);
	close(out);
	out = wire_open(wires->near[0]);
	send_all(in);
	expect_frames(&reader, 1, want, FRAMES, "the reader");
	expect_wire(out, 1, "they come back");
	expect_forwarded(ports[0].fd, before, FRAMES, 0, "reflected");

	reader_close(&reader);
	reader_close(&ports[0]);
	reader_close(&ports[1]);
	close(in);
	close(out);
}

/* Two devices bridged through PFQ, in both directions at once. */
static void bridge(const struct wires *wires)
{
	struct reader ports[2];
	int gids[2], near[2], i;
	struct stats before[2];

	section("egress, a bridge");
	for (i = 0; i < 2; i++) {
		reader_open(&ports[i], -1, 1, false);
		gids[i] = q_join(ports[i].fd, -1, PRIVATE, 1);
		expect(egress_to(ports[i].fd, wires->far[!i]), 0, "to %s", wires->far[!i]);
		near[i] = wire_open(wires->near[i]);
	}
	for (i = 0; i < 2; i++)
		expect(bind_device(ports[i].fd, gids[i], wires->far[i]), 0, "bind");
	for (i = 0; i < 2; i++)
		before[i] = socket_stats(ports[i].fd);
	send_all(near[0]);
	send_all(near[1]);
	expect_wire(near[1], 1, "there");
	expect_wire(near[0], 1, "and back");
	for (i = 0; i < 2; i++) {
		expect_forwarded(ports[i].fd, before[i], FRAMES, 0, "forwarded");
		reader_close(&ports[i]);
		close(near[i]);
	}
}

/* Steering between readers and devices: each frame to one of them. */
static void steered(const struct wires *wires)
{
	struct function { uint64_t symbol; uint64_t arg[24]; int64_t next; };
	struct { uint64_t size, entry; struct function fun; } program = {
		1, 0, { .symbol = (uintptr_t)"steer_flow", .next = -1 },
	};
	struct computation c = { .prog = (uintptr_t)&program };
	unsigned char seen[MAX_FRAMES] = { 0 };
	struct reader reader, port;
	int in, out, i, both = 0, none = 0, forwarded = 0, waited;

	section("egress, steered");
	reader_open(&reader, -1, 1, true);
	c.gid = q_join(reader.fd, -1, SHARED, 1);
	reader_open(&port, c.gid, 1, false);
	expect(egress_to(port.fd, wires->far[1]), 0, "to %s", wires->far[1]);
	expect(q_set(reader.fd, SO_Q_FUNCTION, &c, sizeof(c)), 0, "steer_flow");
	expect(bind_device(reader.fd, c.gid, wires->far[0]), 0, "bind");
	in = wire_open(wires->near[0]);
	out = wire_open(wires->near[1]);
	send_all(in);
	for (waited = 0; waited < 5000; waited++) {
		reader_take(&reader);
		if (socket_stats(reader.fd).recv + socket_stats(port.fd).frwd >= FRAMES)
			break;
		usleep(1000);
	}
	forwarded = (int)socket_stats(port.fd).frwd;
	wire_take(out, seen, forwarded);
	reader_take(&reader);
	for (i = 0; i < FRAMES; i++) {
		both += seen[i] && reader.seen[i];
		none += !seen[i] && !reader.seen[i];
	}
	verdict(!both && !none && forwarded > FRAMES / 5 && forwarded < FRAMES * 4 / 5,
		"half to the reader, half to the device", "%d forwarded, %d to both, %d to none",
		forwarded, both, none);
	reader_close(&reader);
	reader_close(&port);
	close(in);
	close(out);
}

void test_egress(const struct wires *wires)
{
	copies(wires);
	bridge(wires);
	steered(wires);
}
