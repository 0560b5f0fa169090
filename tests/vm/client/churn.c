// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The configuration changes under traffic, again and again: no frame is counted twice
 * or not at all, and nobody falls over. Then a device goes away that frames are sent by.
 */
#include <errno.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "counts.h"
#include "traffic.h"

static pid_t flood(const char *device)
{
	struct flow flow = { 0x0a000001, 0x0a000002, 1, 2, IPPROTO_UDP };
	struct frame f;
	pid_t pid;
	int wire;

	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	wire = wire_open(device);
	for (;;) {
		flow.sport++;
		frame_udp(&f, flow.sport % MAX_FRAMES, &flow, 60 + flow.sport % 1000);
		if (send(wire, f.bytes, f.len, 0) < 0)
			usleep(1000);	/* the device goes away */
	}
}

static void end(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	usleep(100000);
}

/* handed = consumed + passed + both + freed; of a device that is bound all the time. */
static void expect_device(const char *device)
{
	struct device_counts c;

	if (!device_counts(device, &c))
		verdict(false, "device", "%s is not listed", device);
	else
		verdict(c.handed && c.handed == c.consumed + c.passed + c.both + c.freed, "device",
			"%lu handed over: %lu consumed, %lu passed, %lu both, %lu freed", c.handed,
			c.consumed, c.passed, c.both, c.freed);
}

struct function { uint64_t symbol; uint64_t arg[24]; int64_t next; };
struct program { uint64_t size, entry; struct function fun; };

static void change(struct reader *r, int gid, unsigned int step, const struct wires *wires)
{
	static const char *const symbols[] = {
		"steer_flow", "steer_p2p", "steer_link", "steer_rss", "steer_rrobin",
	};
	static const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 35),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 1), BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct program program = {
		1, 0, { .symbol = (uintptr_t)symbols[step / 10 % 5], .next = -1 },
	};
	struct computation c = { .gid = gid, .prog = (uintptr_t)&program };
	struct fprog fprog = { .gid = gid, .len = step / 10 % 2 ? 4 : 0,
			       .filter = (uintptr_t)code };
	struct vlan vlan = { gid, 0, (int)(step / 10 % 2) };
	struct binding egress = { 0, (int)if_nametoindex(wires->far[1]), -1 };
	struct reader *victim = &r[1 + step / 10 % 3];

	switch (step % 10) {
	case 0:
		q_set(r->fd, SO_Q_FUNCTION, &c, sizeof(c));
		break;
	case 1:
		q_set(r->fd, SO_Q_FPROG, &fprog, sizeof(fprog));
		break;
	case 2:
		q_set(r->fd, SO_Q_VLAN_TOGGLE, &vlan, sizeof(vlan));
		break;
	case 3:
		q_set(r->fd, SO_Q_VLAN_FILT, &vlan, sizeof(vlan));
		break;
	case 4:
		q_set(victim->fd, SO_Q_EGRESS_BIND, &egress, sizeof(egress));
		break;
	case 5:
		q_set_int(victim->fd, SO_Q_WEIGHT, 1 + (int)step / 10 % 8);
		break;
	case 6:
		q_set(victim->fd, SO_Q_EGRESS_UNBIND, NULL, 0);
		break;
	case 7:
		set_tap(r->fd, gid, step / 10 % 2);
		break;
	case 8:
		if (step / 10 % 5)
			break;
		q_leave(victim->fd, gid);
		q_join(victim->fd, gid, SHARED, 1);
		break;
	default:
		if (step / 10 % 5 != 2)
			break;
		reader_close(victim);
		reader_open(victim, gid, 1, step / 10 % 2);
	}
}

/* Each slot that is read is whole, and there are as many as the counters say. */
static void expect_socket(struct reader *r)
{
	struct stats s;
	unsigned long n = r->foreign;
	int i;

	reader_take(r);
	s = socket_stats(r->fd);
	for (i = 0, n = r->foreign; i < MAX_FRAMES; i++)
		n += r->seen[i];
	verdict(s.recv == s.lost + n, "socket",
		"%lu received, %lu lost, %lu read", (unsigned long)s.recv, (unsigned long)s.lost, n);
}

static void churn(const struct wires *wires)
{
	struct reader readers[4];
	unsigned int step;
	time_t until;
	pid_t pids[2];
	int gid, i;

	section("changes under traffic");
	reader_open(&readers[0], -1, 1, true);
	gid = q_join(readers[0].fd, -1, SHARED, 1);
	for (i = 1; i < 4; i++)
		reader_open(&readers[i], gid, 1, true);
	expect(bind_device(readers[0].fd, gid, wires->far[0]), 0, "bind");
	pids[0] = flood(wires->near[0]);
	pids[1] = flood(wires->near[0]);
	until = time(NULL) + 15;
	for (step = 0; time(NULL) < until || step < 300; step++) {
		change(readers, gid, step, wires);
		for (i = 0; i < 4; i++)
			reader_take(&readers[i]);
	}
	end(pids[0]);
	end(pids[1]);
	verdict(step >= 300, "changes", "%u", step);
	expect_device(wires->far[0]);
	for (i = 0; i < 4; i++) {
		if (i == 0)
			expect_socket(&readers[i]);
		reader_close(&readers[i]);
	}
}

static void gone(const struct wires *wires)
{
	struct binding egress = { 0, (int)if_nametoindex(wires->far[1]), -1 };
	char command[80];
	struct reader port;
	struct stats before, after;
	pid_t pid;
	int gid;

	section("a device goes away");
	reader_open(&port, -1, 1, false);
	gid = q_join(port.fd, -1, SHARED, 1);
	expect(q_set(port.fd, SO_Q_EGRESS_BIND, &egress, sizeof(egress)), 0, "egress");
	expect(bind_device(port.fd, gid, wires->far[0]), 0, "bind");
	pid = flood(wires->near[0]);
	usleep(200000);
	snprintf(command, sizeof(command), "ip link del %s", wires->far[1]);
	expect(system(command), 0, "%s", command);
	expect((long)if_nametoindex(wires->far[1]), 0, "it is gone");
	before = socket_stats(port.fd);
	usleep(200000);
	after = socket_stats(port.fd);
	verdict(before.frwd && after.frwd == before.frwd && after.disc > before.disc, "discarded",
		"%lu forwarded, %lu discarded", (unsigned long)after.frwd,
		(unsigned long)after.disc);
	snprintf(command, sizeof(command), "ip link del %s", wires->far[0]);
	expect(system(command), 0, "%s", command);
	end(pid);
	reader_close(&port);
}

void test_churn(const struct wires *wires)
{
	churn(wires);
	gone(wires);
}
