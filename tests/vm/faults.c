// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fault injection: makes each allocation (and each access to user memory) of a
 * call to PFQ fail in turn, the first, the second, until the call succeeds.
 * Needs a kernel with /proc/thread-self/fail-nth.
 *
 *   faults DEVICE
 *
 * Prints a line of JSON for each call: how many faults there were, and the
 * errors that they made of the call; "odd" counts calls that said success
 * though a fault was injected and nothing was done, or failed and were done.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define FAMILY	27
#define MOST	400

static int nth_fd, fd = -1, ifindex, made = -1;
static size_t size;
static void *mapped;

static long set(int option, const void *value, socklen_t length)
{
	return setsockopt(fd, FAMILY, option, value, length);
}

static long get(int option, void *value, socklen_t length)
{
	return getsockopt(fd, FAMILY, option, value, &length);
}

/* --- the calls, what undoes them, and whether they are done ---------------------- */

static long do_open(void)
{
	return made = socket(FAMILY, SOCK_RAW, 0x0300);
}

static bool is_open(void)
{
	return made >= 0;
}

static void undo_open(void)
{
	close(made);
	made = -1;
}

static long do_enable(void)
{
	uint64_t none[3] = { 0 };

	return set(1, none, sizeof(none));
}

static bool is_enabled(void)
{
	int status = -1;

	get(21, &status, sizeof(status));
	return status == 1;
}

static void undo_enable(void)
{
	set(0, NULL, 0);
}

static long join_as(int gid)
{
	struct { int32_t gid, policy; uint64_t classes; } group = { gid, 3, 1 };

	return get(12, &group, sizeof(group));
}

static long do_join(void)
{
	return join_as(7);
}

static bool is_joined(void)
{
	uint64_t groups = 0;

	get(30, &groups, sizeof(groups));
	return groups & 1 << 7;
}

static void undo_join(void)
{
	int gid = 7;

	set(13, &gid, sizeof(gid));
}

static long do_bind(void)
{
	int32_t binding[3] = { 7, ifindex, -1 };

	return set(10, binding, sizeof(binding));
}

static void undo_bind(void)
{
	int32_t binding[3] = { 7, ifindex, -1 };

	set(11, binding, sizeof(binding));
}

static long do_filter(void)
{
	static struct sock_filter code[] = {
		{ BPF_LD | BPF_H | BPF_ABS, 0, 0, 12 },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0x800 },
		{ BPF_RET | BPF_K, 0, 0, 65535 },
		{ BPF_RET | BPF_K, 0, 0, 0 },
	};
	struct { int32_t gid, pad; uint16_t length, more[3]; uint64_t code; } argument = {
		7, 0, 4, { 0 }, (uintptr_t)code,
	};

	return set(14, &argument, sizeof(argument));
}

static long do_vlan(void)
{
	int32_t argument[3] = { 7, 0, 1 };

	return set(15, argument, sizeof(argument));
}

static long do_program(void)
{
	static struct {
		uint64_t size, entry, symbol, args[24];
		int64_t next;
	} program = { .size = 1, .next = 1 };
	struct { int32_t gid, pad; uint64_t program; } argument = { 7, 0, (uintptr_t)&program };

	program.symbol = (uintptr_t)"steer_flow";
	return set(17, &argument, sizeof(argument));
}

static long do_egress(void)
{
	int32_t binding[3] = { 0, ifindex, -1 };

	return set(18, binding, sizeof(binding));
}

static void undo_egress(void)
{
	set(19, NULL, 0);
}

static long do_map(void)
{
	mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return mapped == MAP_FAILED ? -1 : 0;
}

static bool is_mapped(void)
{
	return mapped && mapped != MAP_FAILED;
}

static void undo_map(void)
{
	munmap(mapped, size);
	mapped = NULL;
}

static long do_proc(void)
{
	char bytes[512];
	int file = open("/proc/net/pfq/groups", O_RDONLY);
	long ret = file < 0 ? -1 : read(file, bytes, sizeof(bytes));
	int problem = errno;

	if (file >= 0)
		close(file);
	errno = problem;
	return ret;
}

static long do_space(void)
{
	return unshare(CLONE_NEWNET);
}

static const struct {
	const char *name;
	long (*call)(void);
	bool (*is_done)(void);
	void (*undo)(void);
} calls[] = {
	{ "open", do_open, is_open, undo_open },
	{ "enable", do_enable, is_enabled, undo_enable },
	{ "join", do_join, is_joined, undo_join },
	{ "bind", do_bind, NULL, undo_bind },
	{ "filter", do_filter, NULL, NULL },
	{ "vlan", do_vlan, NULL, NULL },
	{ "program", do_program, NULL, NULL },
	{ "egress", do_egress, NULL, undo_egress },
	{ "mmap", do_map, is_mapped, undo_map },
	{ "proc", do_proc, NULL, NULL },
	{ "netns", do_space, NULL, NULL },
};

static void arm(int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", nth);

	if (pwrite(nth_fd, text, length, 0) != length) {
		perror("fail-nth");
		exit(2);
	}
}

/* Returns whether the fault came to pass. */
static bool disarm(void)
{
	char text[16] = "";

	if (pread(nth_fd, text, sizeof(text) - 1, 0) < 0)
		return false;
	arm(0);
	return atoi(text) == 0;
}

/* What has to be there for a call, made while nothing fails. */
static void prepare(const char *name)
{
	size_t slots = 64;

	if (fd < 0)
		fd = socket(FAMILY, SOCK_RAW, 0x0300);
	set(4, &slots, sizeof(slots));
	get(23, &size, sizeof(size));
	if (!strcmp(name, "mmap"))
		do_enable();
	if (strcmp(name, "open") && strcmp(name, "enable") && strcmp(name, "join"))
		do_join();
}

int main(int argc, char **argv)
{
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	if (argc != 2 || nth_fd < 0) {
		fputs("usage: faults DEVICE, on a kernel with fault injection\n", stderr);
		return 2;
	}
	ifindex = if_nametoindex(argv[1]);
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		unsigned int faults = 0, odd = 0, seen[134] = { 0 };

		prepare(calls[i].name);
		for (int nth = 1; nth < MOST; nth++) {
			bool hit, failed;

			errno = 0;
			arm(nth);
			failed = calls[i].call() < 0;
			int problem = errno;
			hit = disarm();
			if (failed)
				seen[problem < 134 ? problem : 0]++;
			if (calls[i].is_done && calls[i].is_done() == failed)
				odd++;
			if (!failed && calls[i].undo)
				calls[i].undo();
			if (!hit)
				break;
			faults++;
			if (!strcmp(calls[i].name, "enable") || !strcmp(calls[i].name, "bind"))
				prepare(calls[i].name);
		}
		printf("{\"call\":\"%s\",\"faults\":%u,\"odd\":%u,\"errnos\":{", calls[i].name, faults, odd);
		for (int e = 0, first = 1; e < 134; e++)
			if (seen[e]) {
				printf("%s\"%d\":%u", first ? "" : ",", e, seen[e]);
				first = 0;
			}
		puts("}}");
		fflush(stdout);
	}
	return 0;
}
