// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sockets, devices and CPUs come and go while frames arrive without a pause. What
 * counts is that every step ends, that the kernel has nothing to say, and that no
 * frame is unaccounted for. The driver of veth must be an accelerated one.
 */
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catcher.h"

#define ANY		(-1)
#define SO_Q_TAP	1024	/* extensions */
#define SO_Q_GENERIC	1025
#define CYCLES		200
#define SENDERS		3

static const char *const out_of[SENDERS] = { "vb", "va", "lo" };

/* Bursts of frames, whatever becomes of the device, from this CPU for as long as there is one. */
static pid_t sender(const char *device, int cpu)
{
	cpu_set_t set;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	for (;;) {
		send_frames(device, 1, 30);
		usleep(3000);
	}
}

static int index_of(const char *device)
{
	return (int)if_nametoindex(device);
}

static int pair(void)
{
	return command("ip link add va type veth && ip link set veth0 name vb && "
		       "ip link set va up && ip link set vb up");
}

static int generic(const struct catcher *r, uint32_t flags)
{
	struct { int32_t gid; uint32_t flags; } arg = { r->gid, flags };

	return q_set(r->fd, SO_Q_GENERIC, &arg, sizeof(arg));
}

/* Waits until a socket has got something; every reader here must. */
static bool alive(struct catcher *r)
{
	int i;

	for (i = 0; i < 1000; i++) {
		if (catcher_drain(r, 1))
			return true;
		usleep(10000);
	}
	return false;
}

/* --- sockets ---------------------------------------------------------------- */

static void cycles(void)
{
	int i, good = 0, captured = 0;
	struct catcher r;

	for (i = 0; i < CYCLES; i++) {
		if (!catcher_open(&r))
			break;
		good += catcher_bind(&r, SO_Q_BIND, i % 2 ? ANY : index_of("va"), ANY) == 0;
		if (i % 3 == 0)
			generic(&r, 3);
		if (i % 10 == 0)
			captured += alive(&r);
		if (i % 4 == 0)
			q_set(r.fd, SO_Q_DISABLE, NULL, 0);
		catcher_close(&r);
	}
	expect(good, CYCLES, "open, bind, close");
	expect(captured, CYCLES / 10, "each of them captures");
}

static void catcher_to_be_killed(void)
{
	struct catcher r;

	if (!catcher_open(&r) || catcher_bind(&r, SO_Q_BIND, ANY, ANY))
		_exit(1);
	for (;;)
		catcher_drain(&r, 1);
}

static void killings(void)
{
	int i, status, killed = 0;
	pid_t pid;

	for (i = 0; i < 20; i++) {
		fflush(stdout);
		pid = fork();
		if (pid == 0)
			catcher_to_be_killed();
		usleep(20000 + i * 3000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		killed += WIFSIGNALED(status);
	}
	expect(killed, 20, "kill a reader");
}

/* A socket that is on its way through another one when all ends are closed. */
static void lost_in_transit(void)
{
	int i, sockets[2], good = 0;
	struct catcher r;

	for (i = 0; i < 10; i++) {
		if (!catcher_open(&r) || q_pair(sockets))
			break;
		catcher_bind(&r, SO_Q_BIND, ANY, ANY);
		good += q_send_fd(sockets[0], r.fd) == 0;
		catcher_close(&r);
		close(sockets[0]);
		close(sockets[1]);
	}
	expect(good, 10, "sockets lost in transit");
}

static void enabled_and_not(struct catcher *r)
{
	int i, good = 0;

	for (i = 0; i < 30; i++) {
		q_set(r->fd, SO_Q_DISABLE, NULL, 0);
		good += q_enable(r->fd) == 0;
		munmap(r->map, r->size);
		r->map = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
		r->gid = q_join(r->fd, r->gid, SHARED, 1);
		good += r->map != MAP_FAILED && catcher_bind(r, SO_Q_BIND, ANY, ANY) == 0;
		good += alive(r);
	}
	expect(good, 3 * 30, "disable, enable, capture");
}

static void options(struct catcher *r)
{
	int i, tap[2] = { r->gid, 0 };

	for (i = 0; i < 100; i++) {
		generic(r, (uint32_t)i & 3);
		tap[1] = i >> 2 & 1;
		q_set(r->fd, SO_Q_TAP, tap, sizeof(tap));
		catcher_bind(r, i % 5 ? SO_Q_BIND : SO_Q_UNBIND, ANY, i % 7 ? ANY : 0);
		catcher_drain(r, 1);
	}
	expect(catcher_bind(r, SO_Q_BIND, ANY, ANY), 0, "options change");
	verdict(alive(r), "and it captures", "%s", "");
}

/* --- devices ----------------------------------------------------------------- */

static void devices(struct catcher *r)
{
	int i, good = 0;

	for (i = 0; i < 10; i++) {
		good += command("ip link set va down && ip link set va name vz && "
				"ip link set vz up") == 0;
		good += command("ip link set vz down && ip link set vz name va && "
				"ip link set va up") == 0;
	}
	expect(good, 20, "rename");
	verdict(alive(r), "it captures", "%s", "");
	for (i = 0, good = 0; i < 10; i++) {
		good += command("ip link del va") == 0;
		good += pair() == 0;
	}
	expect(good, 20, "delete and make");
	verdict(alive(r), "it captures", "%s", "");
}

static void moves(struct catcher *r)
{
	int i, good = 0, status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		unshare(CLONE_NEWNET);
		pause();
		_exit(0);
	}
	usleep(300000);
	for (i = 0; i < 10; i++) {
		good += command("ip link set va netns %d", (int)pid) == 0;
		good += command("nsenter -t %d -n ip link set va netns 1 && ip link set va up",
				(int)pid) == 0;
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	expect(good, 20, "move there and back");
	verdict(alive(r), "it captures", "%s", "");
}

/* --- CPUs --------------------------------------------------------------------- */

static void cpus(struct catcher *r)
{
	int i, good = 0;

	for (i = 0; i < 5; i++) {
		good += command("echo 0 >/sys/devices/system/cpu/cpu1/online") == 0;
		good += alive(r);
		good += command("echo 1 >/sys/devices/system/cpu/cpu1/online") == 0;
		good += alive(r);
	}
	expect(good, 20, "a CPU goes and comes");
}

/* --- the module ------------------------------------------------------------------ */

#define MODULE	"/modules/pfq.ko"	/* where the guest has it */

static void reloads(void)
{
	int i, good = 0, captured = 0, refused = 0;
	struct catcher r;

	for (i = 0; i < 10; i++) {
		good += command("rmmod pfq && insmod " MODULE) == 0;
		if (!catcher_open(&r))
			break;
		catcher_bind(&r, SO_Q_BIND, ANY, ANY);
		generic(&r, 3);
		captured += alive(&r);
		refused += command("rmmod pfq 2>/dev/null") != 0;
		catcher_close(&r);
	}
	expect(good, 10, "unload and load");
	expect(captured, 10, "it captures");
	expect(refused, 10, "not while a socket is open");
}

/* --- accounts ----------------------------------------------------------------- */

static void device_accounts(void)
{
	unsigned long handed, consumed, passed, both, freed;
	FILE *file = fopen("/proc/net/pfq/devices", "r");
	int devices = 0, wrong = 0;
	char line[300];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*d: %lu %lu %lu %lu %lu", &handed, &consumed, &passed, &both,
			   &freed) != 5)
			continue;
		devices++;
		wrong += handed != consumed + passed + both + freed;
	}
	if (file)
		fclose(file);
	verdict(devices >= 3 && !wrong, "handed = consumed + passed + both + freed",
		"%d of %d devices wrong", wrong, devices);
}

static void test_accounts(const pid_t *senders)
{
	long read = 0, n;
	struct stats stats;
	struct catcher r;
	int i, tap[2];

	if (!catcher_open(&r))
		return;
	catcher_bind(&r, SO_Q_BIND, ANY, ANY);
	for (i = 0; i < 300; i++) {
		read += catcher_drain(&r, 1);
		if (i % 20 == 0)
			generic(&r, (uint32_t)(i / 20) & 3);
		tap[0] = r.gid;
		tap[1] = i / 50 & 1;
		q_set(r.fd, SO_Q_TAP, tap, sizeof(tap));
		if (i == 100 || i == 200)
			command("echo %d >/sys/devices/system/cpu/cpu1/online", i == 200);
		usleep(10000);
	}
	for (i = 0; i < SENDERS; i++) {
		kill(senders[i], SIGKILL);
		waitpid(senders[i], NULL, 0);
	}
	usleep(500000);
	while ((n = catcher_drain(&r, 1)))
		read += n;
	q_get(r.fd, GET_STATS, &stats, sizeof(stats));
	verdict(read > 0 && stats.recv - stats.lost == (uint64_t)read, "received = read + lost",
		"received %lu, lost %lu, read %ld", (unsigned long)stats.recv,
		(unsigned long)stats.lost, read);
	device_accounts();
	catcher_close(&r);
}

void test_life(void)
{
	pid_t senders[SENDERS];
	struct catcher r;
	int i;

	section("life");
	expect(pair(), 0, "a pair of veth");
	for (i = 0; i < SENDERS; i++)
		senders[i] = sender(out_of[i], i % 2);
	cycles();
	killings();
	lost_in_transit();
	if (catcher_open(&r)) {
		catcher_bind(&r, SO_Q_BIND, ANY, ANY);
		enabled_and_not(&r);
		options(&r);
		devices(&r);
		moves(&r);
		cpus(&r);
		catcher_close(&r);
	}
	reloads();
	test_accounts(senders);
	command("ip link del va");
}
