// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Conformance client: is the loaded module what a program built against PFQ 6.2
 * expects? Option by option, errno by errno, written from the description of
 * the interface and not from our header or our module.
 *
 *   conformance [--json FILE]
 *   conformance [--json FILE] --device DEV --frames N [--queue Q] [--caplen B]
 *               [--slots N] [--timeout S] [--ready-file FILE] [--data-only]
 *   conformance [--json FILE] --limits SOCKETS,GROUPS,SLOTS
 *   conformance [--json FILE] --devices | --life | --generic
 *   conformance [--json FILE] --wires [--untag] [--data-only]
 *   conformance [--json FILE] --switch DEV
 *   conformance [--json FILE] --soak LOADS,CYCLES --device DEV
 *
 * Prints one line per check, TAP-like; exits with 0 when all pass. It must be
 * the only user of PFQ while it runs, since it checks the numbers of sockets
 * and groups, and it must run as root.
 *
 * With --limits it checks only these, for a module loaded with them as max_sockets,
 * max_groups and max_slots, and with allow_userns.
 *
 * With --devices it checks what becomes of bindings when devices change, and
 * generic capture; with --life, sockets, devices and CPUs that come and go under
 * traffic; with --generic, for a module loaded with capture_incoming=1 and
 * capture_outgoing=1, that these are heeded. It makes devices and sends frames
 * itself (devices.c, life.c).
 *
 * With --device it goes on to the data path: binds DEV, prints READY (and
 * creates the ready file), and reads N frames of the format below, which the
 * caller sends meanwhile.
 *
 *   Ethernet addresses   12 bytes, any
 *   802.1Q tag           4 bytes, 0x8100 and the TCI, if the frame is tagged
 *   type                 0x88b5
 *   payload, big endian:
 *      0  u32  magic 0x50465131 ("PFQ1")
 *      4  u32  sequence number: 0, 1, 2, ... without a gap
 *      8  u16  length of the whole frame as sent, tag included, FCS not
 *     10  u16  TCI of the tag, 0 if untagged (so a tag must not be all zeros)
 *     12  ...  byte i of the payload is (sequence number + i) mod 256
 *
 * With --wires it sends its own frames over two veth pairs, near0 to far0 and near1
 * to far1, and checks filters, VLANs, steering, device endpoints, taps and timestamps;
 * near0.5 and near0.7 are VLAN devices on near0. --untag: the module takes tags out of frames.
 *
 * With --switch it taps, binds and unbinds a bench NIC whose source it starts. With
 * --soak it loads the module and opens sockets as often as said, under the traffic of
 * somebody else.
 *
 * Frames are 60 (64 if tagged) to 1518 bytes. The sender should pause for 200 ms
 * after the first frame, so that more than one wake-up is needed. Frames of
 * other types are ignored.
 */
#include <errno.h>
#include <getopt.h>
#include <linux/capability.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "traffic.h"

/* --- create -------------------------------------------------------------- */

static void expect_socket(int type, int protocol, long want, const char *name)
{
	int fd = q_try_socket(type, protocol);

	if (fd >= 0)
		close(fd);
	expect(fd < 0 ? fd : 0, want, "%s", name);
}

static void create_without_capability(void *arg)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	(void)arg;
	memset(data, 0xff, sizeof(data));
	syscall(SYS_capget, &header, data);
	data[0].effective &= ~(1U << CAP_NET_ADMIN);
	data[0].permitted &= ~(1U << CAP_NET_ADMIN);
	data[0].inheritable &= ~(1U << CAP_NET_ADMIN);
	expect(syscall(SYS_capset, &header, data), 0, "drop CAP_NET_ADMIN");
	expect_socket(SOCK_RAW, PROTOCOL, -EPERM, "without CAP_NET_ADMIN");
	expect_socket(SOCK_DGRAM, PROTOCOL, -EPERM, "without CAP_NET_ADMIN, before the type");
	expect_socket(SOCK_RAW, 0, -EPERM, "without CAP_NET_ADMIN, before the protocol");
}

void test_create(void)
{
	section("create");
	in_child(create_without_capability, NULL);
	expect_socket(SOCK_RAW, PROTOCOL, 0, "raw, all protocols");
	expect_socket(SOCK_DGRAM, PROTOCOL, -ESOCKTNOSUPPORT, "datagram");
	expect_socket(SOCK_STREAM, PROTOCOL, -ESOCKTNOSUPPORT, "stream");
	expect_socket(SOCK_DGRAM, 0, -ESOCKTNOSUPPORT, "type before protocol");
	expect_socket(SOCK_RAW, 0, -EPROTONOSUPPORT, "protocol 0");
	expect_socket(SOCK_RAW, 3, -EPROTONOSUPPORT, "protocol 3 in host order");
	expect_socket(SOCK_RAW, 0x0008, -EPROTONOSUPPORT, "IPv4 alone");
}

/* --- socket ids ---------------------------------------------------------- */

void test_ids(void)
{
	int a, b, c, version;
	int64_t wide = VERSION;
	socklen_t len;

	section("id");
	a = q_socket();
	b = q_socket();
	c = q_socket();
	expect(q_id(a), 0, "first socket");
	expect(q_id(b), 1, "second socket");
	expect(q_id(c), 2, "third socket");
	expect(q_id(b), 1, "asked again");
	close(b);
	b = q_socket();
	expect(q_id(b), 1, "lowest free id is used again");

	version = 0x060200;
	expect(q_get(a, GET_ID, &version, 4), -EPERM, "other version");
	version = 0;
	expect(q_get(a, GET_ID, &version, 4), -EPERM, "version 0");
	expect(q_get(a, GET_ID, &wide, 8), -EINVAL, "8 bytes");
	expect(q_get(a, GET_ID, &wide, -1), -EINVAL, "negative length");
	expect(q_get(a, GET_ID, NULL, 4), -EFAULT, "null pointer");
	version = VERSION;
	len = 4;
	expect(getsockopt(a, 0, GET_ID, &version, &len) ? -errno : 0, 0, "level is ignored (get)");
	expect(version, 0, "level is ignored (result)");
	expect(len, 4, "length is not rewritten");
	version = 3;
	expect(setsockopt(a, 255, SO_Q_WEIGHT, &version, 4) ? -errno : 0, 0,
	       "level is ignored (set)");
	close(a);
	close(b);
	close(c);
}

void test_exhaustion(void)
{
	int fds[MAX_SOCKETS], i, in_order = 0, fd;

	section("64 sockets");
	for (i = 0; i < MAX_SOCKETS; i++) {
		fds[i] = q_socket();
		in_order += q_id(fds[i]) == i;
	}
	expect(in_order, MAX_SOCKETS, "ids 0 to 63, in order");
	expect_socket(SOCK_RAW, PROTOCOL, -EBUSY, "the 65th");
	close(fds[17]);
	fd = q_socket();
	expect(q_id(fd), 17, "after one was closed");
	fds[17] = fd;
	for (i = 0; i < MAX_SOCKETS; i++)
		close(fds[i]);
	fd = q_socket();
	expect(q_id(fd), 0, "after all were closed");
	close(fd);
}

/* --- poll, ioctl, other system calls ------------------------------------- */

static void poll_is_quiet(int fd, const char *state)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT };
	struct timeval none = { 0 };
	int ep = epoll_create1(0);
	char name[80];
	fd_set set;

	snprintf(name, sizeof(name), "poll, %s", state);
	expect(poll(&pfd, 1, 0), 0, "%s", name);
	expect(pfd.revents, 0, "%s: revents", name);
	FD_ZERO(&set);
	FD_SET(fd, &set);
	expect(select(fd + 1, &set, NULL, NULL, &none), 0, "select, %s", state);
	expect(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) ? -errno : 0, 0, "epoll_ctl, %s", state);
	expect(epoll_wait(ep, &event, 1, 0), 0, "epoll_wait, %s", state);
	expect(poll(&pfd, 1, 50), 0, "%s, waits out its time", name);
	close(ep);
}

void test_poll(void)
{
	int fd = q_socket();

	section("poll");
	poll_is_quiet(fd, "never enabled");
	q_set_size(fd, SO_Q_RX_SLOTS, 64);
	q_enable(fd);
	poll_is_quiet(fd, "enabled and empty");
	q_set(fd, SO_Q_DISABLE, NULL, 0);
	poll_is_quiet(fd, "disabled again");
	close(fd);
}

static int do_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

void test_ioctl(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd = q_socket();

	section("ioctl");
	expect(do_ioctl(fd, IOC_TX, NULL), -EPERM, "QIOCTX, not enabled");
	q_enable(fd);
	expect(do_ioctl(fd, IOC_TX, (void *)1), -EINVAL, "QIOCTX with an argument");
	expect_any(do_ioctl(fd, IOC_TX, NULL), "QIOCTX, enabled", 0, NOT_YET);
	expect(do_ioctl(fd, SIOCGIFINDEX, &ifr), 0, "SIOCGIFINDEX");
	expect(ifr.ifr_ifindex, if_nametoindex("lo"), "SIOCGIFINDEX of lo");
	expect(do_ioctl(fd, SIOCGIFFLAGS, &ifr), 0, "SIOCGIFFLAGS");
	expect(ifr.ifr_flags & IFF_LOOPBACK, IFF_LOOPBACK, "SIOCGIFFLAGS of lo");
	expect(do_ioctl(fd, SIOCSIFFLAGS, &ifr), 0, "SIOCSIFFLAGS");
	strcpy(ifr.ifr_name, "nosuchdev0");
	expect(do_ioctl(fd, SIOCGIFINDEX, &ifr), -ENODEV, "SIOCGIFINDEX of no device");
	expect(do_ioctl(fd, 0x5199, NULL), -ENOTTY, "unknown request");
	close(fd);
}

void test_syscalls(void)
{
	struct sockaddr_storage addr = { .ss_family = FAMILY };
	struct sockaddr *sa = (struct sockaddr *)&addr;
	socklen_t len = sizeof(addr);
	int fd = q_socket(), pair[2];
	char byte = 0;

#define REFUSED(call, name) expect((call) < 0 ? -errno : 0, -EOPNOTSUPP, name)
	section("system calls");
	REFUSED(bind(fd, sa, 16), "bind");
	REFUSED(connect(fd, sa, 16), "connect");
	REFUSED(listen(fd, 1), "listen");
	REFUSED(accept(fd, NULL, NULL), "accept");
	REFUSED(shutdown(fd, SHUT_RDWR), "shutdown");
	REFUSED(getsockname(fd, sa, &len), "getsockname");
	REFUSED(send(fd, &byte, 1, 0), "send");
	REFUSED(recv(fd, &byte, 1, MSG_DONTWAIT), "recv");
	REFUSED(socketpair(FAMILY, SOCK_RAW, PROTOCOL, pair), "socketpair");
#undef REFUSED
	expect(q_id(fd), 0, "and the socket still works");
	close(fd);
}

/* --- a program that is killed --------------------------------------------- */

void test_death(void)
{
	int pipe_fds[2], fd, status;
	char byte;
	pid_t pid;

	section("killed");
	if (pipe(pipe_fds))
		return;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		fd = q_socket();
		q_set_size(fd, SO_Q_RX_SLOTS, 1024);
		q_enable(fd);
		mmap(NULL, (size_t)q_number(fd, GET_SHMEM_SIZE), PROT_READ | PROT_WRITE,
		     MAP_SHARED, fd, 0);
		q_join(fd, 0, PRIVATE, 1);
		if (write(pipe_fds[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	if (read(pipe_fds[0], &byte, 1) != 1)
		verdict(false, "set-up", "the child did not start");
	fd = q_socket();
	expect(q_id(fd), 1, "id beside the child");
	expect(q_join(fd, 0, PRIVATE, 1), -EACCES, "its private group");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	expect(q_join(fd, -1, PRIVATE, 1), 0, "its group is free once it is dead");
	close(fd);
	fd = q_socket();
	expect(q_id(fd), 0, "and its id");
	close(fd);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

/* --- main ---------------------------------------------------------------- */

static void all_control_tests(void)
{
	test_create();
	test_ids();
	test_defaults();
	test_lengths();
	test_sizes();
	test_unknown();
	test_shmem_size();
	test_enable();
	test_control_block();
	test_mmap();
	test_disable();
	test_memory();
	test_join();
	test_policy();
	test_release();
	test_bind();
	test_stats();
	test_poll();
	test_ioctl();
	test_syscalls();
	test_filter_options();
	test_vlan_options();
	test_program_options();
	test_egress_options();
	test_later();
	test_exhaustion();
	test_death();
	test_container(false);
}

static const struct option long_options[] = {
	{ "json",	required_argument,	NULL, 'j' },
	{ "device",	required_argument,	NULL, 'd' },
	{ "frames",	required_argument,	NULL, 'n' },
	{ "queue",	required_argument,	NULL, 'q' },
	{ "caplen",	required_argument,	NULL, 's' },
	{ "slots",	required_argument,	NULL, 'l' },
	{ "timeout",	required_argument,	NULL, 't' },
	{ "ready-file",	required_argument,	NULL, 'r' },
	{ "limits",	required_argument,	NULL, 'm' },
	{ "devices",	no_argument,		NULL, 'v' },
	{ "life",	no_argument,		NULL, 'f' },
	{ "generic",	no_argument,		NULL, 'g' },
	{ "data-only",	no_argument,		NULL, 'o' },
	{ "wires",	no_argument,		NULL, 'w' },
	{ "untag",	no_argument,		NULL, 'u' },
	{ "switch",	required_argument,	NULL, 'i' },
	{ "soak",	required_argument,	NULL, 'k' },
	{ NULL, 0, NULL, 0 },
};

int main(int argc, char **argv)
{
	struct data_options data = {
		.frames = 1000, .caplen = 1520, .slots = 4096, .queue = -1, .timeout = 30,
	};
	struct limits limits = { 0 };
	const char *json = NULL, *switched = NULL;
	bool devices = false, life = false, generic = false;
	static const struct wires wires = {
		.near = { "near0", "near1" }, .far = { "far0", "far1" },
		.vlan5 = "near0.5", .vlan7 = "near0.7",
	};
	bool data_only = false, on_wires = false, untag = false;
	unsigned int loads = 0, cycles = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case 'j': json = optarg; break;
		case 'd': data.device = optarg; break;
		case 'n': data.frames = strtoul(optarg, NULL, 0); break;
		case 'q': data.queue = atoi(optarg); break;
		case 's': data.caplen = strtoul(optarg, NULL, 0); break;
		case 'l': data.slots = strtoul(optarg, NULL, 0); break;
		case 't': data.timeout = atoi(optarg); break;
		case 'r': data.ready_file = optarg; break;
		case 'm':
			if (sscanf(optarg, "%d,%d,%d", &limits.sockets, &limits.groups,
				   &limits.slots) != 3)
				return 2;
			break;
		case 'v': devices = true; break;
		case 'f': life = true; break;
		case 'g': generic = true; break;
		case 'o': data_only = true; break;
		case 'w': on_wires = true; break;
		case 'u': untag = true; break;
		case 'i': switched = optarg; break;
		case 'k':
			if (sscanf(optarg, "%u,%u", &loads, &cycles) != 2)
				return 2;
			break;
		default: return 2;
		}
	}
	if (limits.sockets) {
		test_limits(&limits);
		test_container(true);
		return report_end(json);
	}
	if (devices) {
		test_devices();
		return report_end(json);
	}
	if (generic) {
		test_generic_default();
		return report_end(json);
	}
	if (loads || cycles) {
		test_soak(data.device, loads, cycles);
		return report_end(json);
	}
	if (switched) {
		test_switches_of(switched);
		return report_end(json);
	}
	if (life) {
		test_life();
		return report_end(json);
	}
	if (!data_only)
		all_control_tests();
	if (data.device)
		test_data(&data);
	if (on_wires) {
		test_filters(&wires);
		test_vlans(&wires, untag);
		test_steering(&wires);
		test_oddities(&wires, untag);
		test_egress(&wires);
		test_loops(&wires);
		test_nested(&wires);
		test_segments(&wires);
		test_switches(&wires);
		test_clock(&wires);
		test_churn(&wires);
	}
	return report_end(json);
}
