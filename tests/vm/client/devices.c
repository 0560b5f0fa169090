// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Devices: any of them, those that come, go, move and change their names; and
 * generic capture. The driver of veth must be an accelerated one, those of lo
 * and dummy are not. Nobody else sends anything.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catcher.h"

#define ANY		(-1)
#define FRAMES		20
#define SO_Q_TAP	1024	/* extensions */
#define SO_Q_GENERIC	1025
#define INCOMING	1
#define OUTGOING	2

static int tags;

/* Sends out of one device and counts what the reader gets. */
static long carried(struct catcher *r, const char *from, long want)
{
	int ret, tag = ++tags;

	ret = send_frames(from, tag, FRAMES);
	if (ret < 0)
		return ret;
	return catcher_count(r, tag, want);
}

static void expect_carried(struct catcher *r, const char *from, long want, const char *name)
{
	expect(carried(r, from, want), want, "%s", name);
}

/* A pair of devices a and b. */
static void pair(const char *a, const char *b)
{
	expect(command("ip link add %s type veth && ip link set veth0 name %s && "
		       "ip link set %s up && ip link set %s up", a, b, a, b), 0, "a pair of veth");
}

/* Up again: the other end has a carrier, and sends, a while later. */
static void up_again(const char *device)
{
	expect(command("ip link set %s up && usleep 700000", device), 0, "%s is up again", device);
}

/* What /proc says of a device in the column before its name; "" if there is none. */
static const char *kind(const char *device)
{
	static char found[32];
	char line[300], name[64], column[32];
	FILE *file = fopen("/proc/net/pfq/devices", "r");

	*found = 0;
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %31s %63s", column, name) == 2 &&
		    !strcmp(name, device))
			strcpy(found, column);
	if (file)
		fclose(file);
	return found;
}

static void expect_kind(const char *device, const char *want)
{
	verdict(!strcmp(kind(device), want), "/proc/net/pfq/devices", "%s: %s, expected %s", device,
		*kind(device) ? kind(device) : "not there", *want ? want : "not there");
}

static int index_of(const char *device)
{
	return (int)if_nametoindex(device);
}

/* --- any device ------------------------------------------------------------- */

static void test_any(void)
{
	struct catcher r;
	int a;

	section("any device");
	if (!catcher_open(&r))
		return;
	pair("va", "vb");
	a = index_of("va");
	expect(catcher_bind(&r, SO_Q_BIND, ANY, 0), 0, "bind");
	expect(catcher_bind(&r, SO_Q_BIND, ANY, 0), 0, "bind again");
	expect(catcher_bind(&r, SO_Q_BIND, ANY, 256), -EACCES, "queue 256 of any");
	expect(catcher_bind(&r, SO_Q_BIND, -2, 0), -EACCES, "device -2");
	expect_carried(&r, "vb", FRAMES, "a device that is there");
	expect(r.ifindex, a, "its number");
	expect_kind("va", "accelerated");
	expect_carried(&r, "va", FRAMES, "another");
	pair("vc", "vd");
	expect_carried(&r, "vd", FRAMES, "a device that comes later");
	expect(r.ifindex, index_of("vc"), "its number");

	expect(catcher_bind(&r, SO_Q_UNBIND, a, ANY), 0, "unbind from one");
	expect_carried(&r, "vb", 0, "that one");
	expect_carried(&r, "va", FRAMES, "the others");
	expect(catcher_bind(&r, SO_Q_UNBIND, ANY, 3), 0, "unbind another queue");
	expect_carried(&r, "va", FRAMES, "is without effect");
	expect(catcher_bind(&r, SO_Q_UNBIND, ANY, 0), 0, "unbind from all");
	expect_carried(&r, "va", 0, "those that are there");
	expect_kind("va", "");
	expect(command("ip link del vc"), 0, "delete a pair");
	pair("vc", "vd");
	expect_carried(&r, "vd", 0, "those that come");

	expect(catcher_bind(&r, SO_Q_BIND, ANY, 3), 0, "bind queue 3");
	expect_carried(&r, "vb", 0, "frames of queue 0");
	expect(catcher_bind(&r, SO_Q_BIND, ANY, ANY), 0, "bind all queues");
	expect_carried(&r, "vb", FRAMES, "frames of queue 0 then");
	expect(catcher_bind(&r, SO_Q_UNBIND, ANY, 3), 0, "unbind one queue");
	expect_carried(&r, "vb", FRAMES, "frames of another");
	q_leave(r.fd, r.gid);
	expect_kind("va", "");
	pair("ve", "vf");
	expect_kind("ve", "");
	catcher_close(&r);
	command("ip link del va; ip link del vc; ip link del ve");
}

/* --- rename, delete, move ---------------------------------------------------- */

static void test_change(void)
{
	struct catcher r;
	int a;

	section("a device changes");
	if (!catcher_open(&r))
		return;
	pair("va", "vb");
	a = index_of("va");
	expect(catcher_bind(&r, SO_Q_BIND, a, ANY), 0, "bind");
	expect_carried(&r, "vb", FRAMES, "before");
	expect(command("ip link set va down && ip link set va name vz"), 0, "rename");
	up_again("vz");
	expect_carried(&r, "vb", FRAMES, "renamed");
	expect_kind("va", "");
	expect_kind("vz", "accelerated");
	expect(command("ip link set vz down"), 0, "down");
	up_again("vz");
	expect_carried(&r, "vb", FRAMES, "down and up");
	expect(command("ip link del vb"), 0, "delete");
	expect_kind("vz", "");
	expect(catcher_bind(&r, SO_Q_UNBIND, a, ANY), 0, "unbind what has gone");
	expect(catcher_bind(&r, SO_Q_BIND, a, ANY), -EACCES, "bind what has gone");
	catcher_close(&r);
}

struct elsewhere {
	int ready[2], done[2];
};

/* A process with a network of its own, and a reader of any device in it. */
static void elsewhere(void *arg)
{
	struct elsewhere *e = arg;
	struct catcher r;
	char byte = 0;

	expect(unshare(CLONE_NEWNET) ? -errno : 0, 0, "another namespace");
	if (!catcher_open(&r))
		_exit(1);
	expect(q_id(r.fd), 0, "its ids are its own");
	expect(catcher_bind(&r, SO_Q_BIND, ANY, ANY), 0, "any device there");
	if (write(e->ready[1], &byte, 1) != 1 || read(e->done[0], &byte, 1) != 1)
		_exit(1);
	up_again("va");
	expect_kind("va", "none");
	if (write(e->ready[1], &byte, 1) != 1)
		_exit(1);
	expect(catcher_count(&r, 0x7777, FRAMES), FRAMES, "its frames");
	expect_kind("va", "accelerated");
	expect(command("ip link set va down && ip link set va netns 1"), 0, "move back");
	expect_kind("va", "");
	catcher_close(&r);
}

static void test_move(void)
{
	struct elsewhere e;
	struct catcher r;
	char byte = 0;
	int status, a;
	pid_t pid;

	section("a device moves");
	if (!catcher_open(&r) || pipe(e.ready) || pipe(e.done))
		return;
	pair("va", "vb");
	a = index_of("va");
	expect(catcher_bind(&r, SO_Q_BIND, a, ANY), 0, "bind");
	expect_carried(&r, "vb", FRAMES, "here");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(r.fd);
		elsewhere(&e);
		_exit(0);
	}
	if (read(e.ready[0], &byte, 1) != 1)
		verdict(false, "set-up", "the child did not start");
	expect(command("ip link set va netns %d", (int)pid), 0, "move");
	expect_kind("va", "");
	if (write(e.done[1], &byte, 1) != 1 || read(e.ready[0], &byte, 1) != 1)
		verdict(false, "set-up", "the child is not there");
	expect(send_frames("vb", 0x7777, FRAMES), FRAMES, "send");
	waitpid(pid, &status, 0);
	expect(status, 0, "the other process");
	expect(catcher_count(&r, 0x7777, 0), 0, "nothing came here");
	up_again("va");
	expect_carried(&r, "vb", 0, "but not bound any more");
	expect(catcher_bind(&r, SO_Q_BIND, index_of("va"), ANY), 0, "bind it again");
	expect_carried(&r, "vb", FRAMES, "here again");
	catcher_close(&r);
	command("ip link del va");
}

/* --- generic capture ---------------------------------------------------------- */

static int generic(const struct catcher *r, int gid, unsigned int flags)
{
	struct { int32_t gid; uint32_t flags; } arg = { gid, flags };

	return q_set(r->fd, SO_Q_GENERIC, &arg, sizeof(arg));
}

static void test_generic_option(struct catcher *r)
{
	struct { int32_t gid; uint32_t flags; } arg = { r->gid, 0 };

	expect(generic(r, 63, INCOMING), -EACCES, "a group that is not joined");
	expect(generic(r, -1, INCOMING), -EACCES, "group -1");
	expect(generic(r, 64, INCOMING), -EACCES, "group 64");
	expect(generic(r, r->gid, 4), -EINVAL, "unknown flags");
	expect(q_set(r->fd, SO_Q_GENERIC, &arg, 4), -EINVAL, "4 bytes");
	expect(q_set(r->fd, SO_Q_GENERIC, &arg, 12), -EINVAL, "12 bytes");
	expect(q_set(r->fd, SO_Q_GENERIC, NULL, 8), -EFAULT, "null pointer");
}

/* A socket that sees what the stack sees: nothing may be missing there. */
static int witness(const char *device)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = 0xb688 };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	at.sll_ifindex = index_of(device);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)))
		return -errno;
	return fd;
}

static long witnessed(int fd)
{
	char frame[100];
	long n = 0;

	while (recv(fd, frame, sizeof(frame), MSG_DONTWAIT) > 0)
		n++;
	return n;
}

static void test_generic_lo(struct catcher *r)
{
	int stack;

	expect(catcher_bind(r, SO_Q_BIND, index_of("lo"), ANY), 0, "bind lo");
	expect_kind("lo", "none");
	expect_carried(r, "lo", 0, "not unless asked for");
	expect(generic(r, r->gid, INCOMING), 0, "ask for what comes in");
	expect_kind("lo", "generic");
	stack = witness("lo");
	expect_carried(r, "lo", FRAMES, "what comes in");
	expect(r->ifindex, index_of("lo"), "ifindex");
	expect(witnessed(stack), FRAMES, "the stack has it too");
	expect(generic(r, r->gid, OUTGOING), 0, "ask for what goes out");
	expect_carried(r, "lo", FRAMES, "what goes out");
	expect(generic(r, r->gid, INCOMING | OUTGOING), 0, "ask for both");
	expect_carried(r, "lo", 2 * FRAMES, "both");
	expect(send_tagged("lo", ++tags, 1, 0x6005), 1, "send a tagged frame");
	expect(generic(r, r->gid, INCOMING), 0, "ask for what comes in");
	expect(send_tagged("lo", ++tags, 1, 0x6005), 1, "send another");
	expect(catcher_count(r, tags, 1), 1, "a tagged frame");
	expect(r->tci, 0x6005, "its tag");
	expect(generic(r, r->gid, 0), 0, "ask for nothing");
	expect_kind("lo", "none");
	expect_carried(r, "lo", 0, "nothing any more");
	expect(generic(r, r->gid, INCOMING), 0, "ask again");
	expect(catcher_bind(r, SO_Q_UNBIND, index_of("lo"), ANY), 0, "unbind");
	expect_kind("lo", "");
	expect_carried(r, "lo", 0, "unbound");
	close(stack);
}

static void test_generic_other(struct catcher *r)
{
	int arg[2] = { r->gid, 1 };

	expect(generic(r, r->gid, INCOMING | OUTGOING), 0, "ask for both");
	expect(command("ip link add du type dummy && ip link set du up"), 0, "a dummy");
	expect(catcher_bind(r, SO_Q_BIND, index_of("du"), ANY), 0, "bind it");
	expect_kind("du", "generic");
	expect_carried(r, "du", FRAMES, "what a dummy sends");
	expect(command("ip link del du"), 0, "delete it");
	expect_kind("du", "");
	/* an accelerated driver: by the hook, once, whatever is asked for */
	pair("va", "vb");
	expect(catcher_bind(r, SO_Q_BIND, index_of("va"), ANY), 0, "bind a veth");
	expect_carried(r, "vb", FRAMES, "accelerated: each once");
	expect_kind("va", "accelerated");
	expect(q_set(r->fd, SO_Q_TAP, arg, sizeof(arg)), 0, "tap");
	expect_carried(r, "vb", FRAMES, "accelerated and tapped: each once");
	expect_carried(r, "va", 0, "accelerated: what goes out is not captured");
	expect(catcher_bind(r, SO_Q_UNBIND, ANY, ANY), 0, "unbind");
	/* the very first frame counts */
	expect(catcher_bind(r, SO_Q_BIND, ANY, ANY), 0, "any device, tapped, anew");
	expect_carried(r, "vb", FRAMES + FRAMES, "in at va by the hook, out at vb as seen by the stack");
	expect_carried(r, "va", FRAMES, "in at vb");
	expect_carried(r, "vb", FRAMES, "vb is known as accelerated by now");
	command("ip link del va");
}

static void test_generic(void)
{
	struct catcher r;

	section("generic capture");
	if (!catcher_open(&r))
		return;
	test_generic_option(&r);
	test_generic_lo(&r);
	test_generic_other(&r);
	catcher_close(&r);
}

/* The module was loaded with capture_incoming=1 and capture_outgoing=1. */
void test_generic_default(void)
{
	struct catcher r;

	section("generic capture by default");
	if (!catcher_open(&r))
		return;
	expect(catcher_bind(&r, SO_Q_BIND, index_of("lo"), ANY), 0, "bind lo");
	expect_kind("lo", "generic");
	expect_carried(&r, "lo", 2 * FRAMES, "both ways");
	expect(generic(&r, r.gid, 0), 0, "ask for nothing");
	expect_carried(&r, "lo", 0, "nothing");
	catcher_close(&r);
}

/* --- a socket passed on -------------------------------------------------------- */

static void test_passed(void)
{
	int sockets[2], fd, status, tag = ++tags;
	struct catcher r;
	pid_t pid;

	section("passed on");
	if (!catcher_open(&r) || q_pair(sockets))
		return;
	pair("va", "vb");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {		/* inherits the mapping, and gets the socket by a message */
		close(r.fd);
		r.fd = q_receive_fd(sockets[1]);
		expect(q_id(r.fd), 0, "the same socket");
		expect(catcher_bind(&r, SO_Q_BIND, index_of("va"), ANY), 0, "bind");
		expect(send_frames("vb", tag, FRAMES), FRAMES, "send");
		expect(catcher_count(&r, tag, FRAMES), FRAMES, "read");
		fflush(stdout);
		_exit(0);
	}
	expect(q_send_fd(sockets[0], r.fd), 0, "pass on");
	catcher_close(&r);	/* a mapping would keep the socket */
	waitpid(pid, &status, 0);
	expect(status, 0, "the other process");
	expect_kind("va", "");
	fd = q_socket();
	expect(q_id(fd), 0, "its end is the socket's end");
	close(fd);
	close(sockets[0]);
	close(sockets[1]);
	command("ip link del va");
}

/* --- /proc -------------------------------------------------------------------- */

static void test_proc(void)
{
	static const char *const names[] = { "global", "sockets", "groups", "lang", "memory",
					     "devices" };
	struct catcher r;
	size_t i;

	section("proc");
	if (!catcher_open(&r))
		return;
	expect(catcher_bind(&r, SO_Q_BIND, index_of("lo"), ANY), 0, "bind lo");
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		expect(command("test -s /proc/net/pfq/%s", names[i]) ?
		       command("cat /proc/net/pfq/%s >/dev/null", names[i]) : 0, 0, "%s", names[i]);
		expect(command("grep -Eiq '\\bffff[0-9a-f]{12}\\b' /proc/net/pfq/%s", names[i]), 1,
		       "%s: no address of the kernel", names[i]);
	}
	expect(command("echo 0 >/proc/net/pfq/memory"), 0, "memory: a write does nothing");
	expect(generic(&r, r.gid, INCOMING), 0, "generic capture");
	expect_carried(&r, "lo", FRAMES, "some frames");
	verdict(q_field("/proc/net/pfq/global", "  received  :") >= FRAMES, "global: received", "%ld",
		q_field("/proc/net/pfq/global", "  received  :"));
	expect(command("echo >/proc/net/pfq/global"), 0, "global: reset");
	expect(q_field("/proc/net/pfq/global", "  received  :"), 0, "global: received");
	expect_carried(&r, "lo", FRAMES, "some more");
	expect(q_field("/proc/net/pfq/global", "  received  :"), FRAMES, "global: received");
	expect(command("unshare -n grep -c : /proc/self/net/pfq/devices >/tmp/devices"), 0,
	       "in another namespace");
	expect(q_field("/tmp/devices", NULL), 1, "... only the heading");
	catcher_close(&r);
}

void test_devices(void)
{
	test_any();
	test_change();
	test_move();
	test_generic();
	test_passed();
	test_proc();
}
