// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Devices that forward in a circle, and tapped devices behind tapped devices. A frame
 * that PFQ sends and gets back is sent again, eight times at most: so all numbers here
 * are exact.
 */
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "counts.h"
#include "traffic.h"

#define HOPS		8	/* how often a frame is sent on */
#define FRAMES		40

/* A group of its own, that sends what comes in by one device out of another one. */
struct port {
	struct reader end;
	int gid;
};

static void port_open(struct port *p, const char *in, const char *out)
{
	struct binding egress = { 0, (int)if_nametoindex(out), -1 };

	reader_open(&p->end, -1, 1, false);
	p->gid = q_join(p->end.fd, -1, SHARED, 1);
	expect(q_set(p->end.fd, SO_Q_EGRESS_BIND, &egress, sizeof(egress)), 0, "to %s", out);
	expect(bind_device(p->end.fd, p->gid, in), 0, "from %s", in);
}

static void send_frames_by(int wire, uint32_t first, uint32_t count)
{
	struct frame f;
	uint32_t i;

	for (i = first; i < first + count; i++) {
		struct flow flow = { 0x0a000001, 0x0a000100 + i, 5, 9, IPPROTO_UDP };

		frame_udp(&f, i, &flow, 60 + i);
		wire_send(wire, &f);
	}
}

/* Waits until so many have been dealt with; then nothing more may come. */
static void expect_port(const struct port *p, uint64_t recv, uint64_t frwd, uint64_t disc,
			const char *name)
{
	struct stats end = { 0 }, group;
	int waited;

	for (waited = 0; waited < 20000; waited++) {
		end = socket_stats(p->end.fd);
		if (end.frwd + end.disc >= frwd + disc)
			break;
		usleep(1000);
	}
	usleep(100000);
	end = socket_stats(p->end.fd);
	group = group_stats(p->end.fd, p->gid);
	verdict(group.recv == recv && end.frwd == frwd && end.disc == disc, name,
		"%lu came, %lu forwarded, %lu discarded; expected %lu, %lu, %lu",
		(unsigned long)group.recv, (unsigned long)end.frwd, (unsigned long)end.disc,
		(unsigned long)recv, (unsigned long)frwd, (unsigned long)disc);
}

/* What far[0] gets goes out by near[0], and so arrives at far[0]. */
static void one_device(const struct wires *wires)
{
	struct port port, twin;
	int wire;

	section("a loop");
	wire = wire_open(wires->near[0]);
	port_open(&port, wires->far[0], wires->near[0]);
	send_frames_by(wire, 0, FRAMES);
	expect_port(&port, FRAMES * (HOPS + 1), FRAMES * HOPS, FRAMES, "round and round, and out");

	/* Twice as many each time: 2 + 4 + ... + 2^8 of one are sent, and then come no more. */
	reader_open(&twin.end, port.gid, 1, false);
	twin.gid = port.gid;
	expect(q_set(twin.end.fd, SO_Q_EGRESS_BIND,
		     &(struct binding){ 0, (int)if_nametoindex(wires->near[0]), -1 },
		     sizeof(struct binding)), 0, "a second endpoint");
	send_frames_by(wire, 0, 1);
	expect_port(&twin, FRAMES * (HOPS + 1) + 511, 255, 256, "doubled each time");
	reader_close(&twin.end);
	reader_close(&port.end);
	close(wire);
}

/* What far[0] gets goes out by near[1], and what arrives by that at far[1], by near[0]. */
static void two_devices(const struct wires *wires)
{
	struct port ports[2];
	int i, wire;

	section("a loop of two devices");
	wire = wire_open(wires->near[0]);
	for (i = 0; i < 2; i++)
		port_open(&ports[i], wires->far[i], wires->near[!i]);
	send_frames_by(wire, 0, FRAMES);
	expect_port(&ports[0], FRAMES * (HOPS / 2 + 1), FRAMES * HOPS / 2, FRAMES, "there");
	expect_port(&ports[1], FRAMES * HOPS / 2, FRAMES * HOPS / 2, 0, "and back");
	for (i = 0; i < 2; i++)
		reader_close(&ports[i].end);
	close(wire);
}

void test_loops(const struct wires *wires)
{
	one_device(wires);
	two_devices(wires);
}

/* --- tapped devices ------------------------------------------------------------- */

static void expect_tapped(const char *device, int stack, unsigned long frames)
{
	struct device_counts c;
	unsigned long seen;

	device_counts(device, &c);
	seen = stack_seen(stack);
	verdict(c.handed == frames && c.both == frames && seen == frames, device,
		"%lu handed over, %lu both, %lu on the stack; expected %lu", c.handed, c.both, seen,
		frames);
	close(stack);
}

static void tapping_reader(struct reader *r, const char *device)
{
	int gid;

	reader_open(r, -1, 1, true);
	gid = q_join(r->fd, -1, SHARED, 1);
	expect(set_tap(r->fd, gid, true), 0, "tap");
	expect(bind_device(r->fd, gid, device), 0, "bind %s", device);
}

static void want_range(uint32_t *want, uint32_t first, uint32_t count, uint32_t mask)
{
	uint32_t i;

	for (i = first; i < first + count; i++)
		want[i] |= mask;
}

/* Both ends of a pair. */
static void both_ends(const struct wires *wires)
{
	uint32_t want[2 * FRAMES] = { 0 };
	struct reader readers[2];
	int near, far, stack[2];

	section("both ends of a pair are tapped");
	tapping_reader(&readers[0], wires->far[0]);
	tapping_reader(&readers[1], wires->near[0]);
	stack[0] = stack_open(wires->far[0]);
	stack[1] = stack_open(wires->near[0]);
	near = wire_open(wires->near[0]);
	far = wire_open(wires->far[0]);
	send_frames_by(near, 0, FRAMES);
	send_frames_by(far, FRAMES, FRAMES);
	want_range(want, 0, FRAMES, 1);
	want_range(want, FRAMES, FRAMES, 2);
	expect_frames(readers, 2, want, 2 * FRAMES, "each end captures");
	expect_tapped(wires->far[0], stack[0], FRAMES);
	expect_tapped(wires->near[0], stack[1], FRAMES);
	reader_close(&readers[0]);
	reader_close(&readers[1]);
	close(near);
	close(far);
}

/* A tapped device whose frames are sent by another one, the other end of which is tapped. */
static void one_behind_another(const struct wires *wires)
{
	struct reader behind;
	uint32_t want[FRAMES] = { 0 };
	struct port port;
	int wire, stack[2];

	section("a tapped device behind a tapped device");
	port_open(&port, wires->far[0], wires->far[1]);
	expect(set_tap(port.end.fd, port.gid, true), 0, "tap");
	tapping_reader(&behind, wires->near[1]);
	stack[0] = stack_open(wires->far[0]);
	stack[1] = stack_open(wires->near[1]);
	wire = wire_open(wires->near[0]);
	send_frames_by(wire, 0, FRAMES);
	want_range(want, 0, FRAMES, 1);
	expect_frames(&behind, 1, want, FRAMES, "the one behind captures");
	expect_port(&port, FRAMES, FRAMES, 0, "forwarded");
	expect_tapped(wires->far[0], stack[0], FRAMES);
	expect_tapped(wires->near[1], stack[1], FRAMES);
	reader_close(&port.end);
	reader_close(&behind);
	close(wire);
}

/* Both ends are tapped, and each sends back what it gets. */
static void tapped_loop(const struct wires *wires)
{
	struct port ports[2];
	int wire, stack[2], i;

	section("a loop of tapped devices");
	port_open(&ports[0], wires->far[0], wires->far[0]);
	port_open(&ports[1], wires->near[0], wires->near[0]);
	for (i = 0; i < 2; i++)
		expect(set_tap(ports[i].end.fd, ports[i].gid, true), 0, "tap");
	stack[0] = stack_open(wires->far[0]);
	stack[1] = stack_open(wires->near[0]);
	wire = wire_open(wires->near[0]);
	send_frames_by(wire, 0, FRAMES);
	expect_port(&ports[0], FRAMES * (HOPS / 2 + 1), FRAMES * HOPS / 2, FRAMES, "there");
	expect_port(&ports[1], FRAMES * HOPS / 2, FRAMES * HOPS / 2, 0, "and back");
	expect_tapped(wires->far[0], stack[0], FRAMES * (HOPS / 2 + 1));
	expect_tapped(wires->near[0], stack[1], FRAMES * HOPS / 2);
	for (i = 0; i < 2; i++)
		reader_close(&ports[i].end);
	close(wire);
}

void test_nested(const struct wires *wires)
{
	both_ends(wires);
	one_behind_another(wires);
	tapped_loop(wires);
}
