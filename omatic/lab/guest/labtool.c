// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * labtool - what the guest needs and busybox does not have
 *
 *   labtool rxvlan IFACE [on|off]   prints, or sets and prints, whether the NIC takes VLAN tags out of the frame
 *   labtool capture IFACE           AF_PACKET capture to standard output as nanosecond pcap, tags put back, until
 *                                   killed: the control experiment, which shows that the laboratory loses nothing
 *   labtool send IFACE FILE         sends the frames of a pcap file that this program's host wrote
 *   labtool insert FILE...          inserts modules that are not there yet, and
 *   labtool remove NAME...          removes modules; both print MODULE ERRNO for each, 0 where all is well
 *
 * Static, C11, no library beyond libc.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAX_FRAME 65536
#define MAX_FEATURES 256

struct pcap_file {
	uint32_t magic;
	uint16_t major, minor;
	int32_t zone;
	uint32_t sigfigs, snaplen, link;
};

struct pcap_record {
	uint32_t seconds, nanoseconds, captured, length;
};

static void die(const char *what)
{
	fprintf(stderr, "labtool: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int ethtool(const char *iface, void *argument)
{
	struct ifreq request = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0)
		die("socket");
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", iface);
	request.ifr_data = argument;
	int result = ioctl(fd, SIOCETHTOOL, &request);

	close(fd);
	return result;
}

/*
 * The number of a feature in the kernel's list, which differs from kernel to kernel.
 * Also tells how many 32-bit words the kernel keeps for features: it takes no other size.
 */
static unsigned int feature_index(const char *iface, const char *name, uint32_t *words)
{
	static struct {
		struct ethtool_gstrings head;
		char names[MAX_FEATURES][ETH_GSTRING_LEN];
	} strings;

	/* A length that is neither 0 nor the exact count makes newer kernels return nothing. */
	strings.head = (struct ethtool_gstrings){ .cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_FEATURES };
	if (ethtool(iface, &strings) < 0)
		die("ETHTOOL_GSTRINGS");
	*words = (strings.head.len + 31) / 32;
	for (uint32_t i = 0; i < strings.head.len && i < MAX_FEATURES; i++)
		if (!strncmp(strings.names[i], name, ETH_GSTRING_LEN))
			return i;
	errno = ENOENT;
	die(name);
	return 0;
}

static int rxvlan(const char *iface, const char *wanted)
{
	uint32_t words, index = feature_index(iface, "rx-vlan-hw-parse", &words);
	unsigned int block = index / 32, bit = 1u << (index % 32);

	if (wanted) {
		struct {
			struct ethtool_sfeatures head;
			struct ethtool_set_features_block blocks[MAX_FEATURES / 32];
		} set = { .head = { .cmd = ETHTOOL_SFEATURES, .size = words } };

		set.blocks[block].valid = bit;
		set.blocks[block].requested = strcmp(wanted, "off") ? bit : 0;
		if (ethtool(iface, &set) < 0)
			die("ETHTOOL_SFEATURES");
	}
	struct {
		struct ethtool_gfeatures head;
		struct ethtool_get_features_block blocks[MAX_FEATURES / 32];
	} get = { .head = { .cmd = ETHTOOL_GFEATURES, .size = words } };

	if (ethtool(iface, &get) < 0)
		die("ETHTOOL_GFEATURES");
	puts(get.blocks[block].active & bit ? "on" : "off");
	return 0;
}

static int packet_socket(const char *iface, uint16_t protocol)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(protocol) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0)
		die("socket(AF_PACKET)");
	address.sll_ifindex = (int)if_nametoindex(iface);
	if (!address.sll_ifindex || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(iface);
	return fd;
}

static void write_all(const void *data, size_t size)
{
	if (fwrite(data, 1, size, stdout) != size)
		die("write");
}

/* Puts the tag that the NIC or the stack took out back to its place; returns the new length. */
static size_t put_tag_back(unsigned char *frame, size_t length, struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		struct tpacket_auxdata aux;
		uint16_t tag[2];

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (!(aux.tp_status & TP_STATUS_VLAN_VALID))
			continue;
		tag[0] = htons(aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid : ETHERTYPE_VLAN);
		tag[1] = htons(aux.tp_vlan_tci);
		memmove(frame + 12 + sizeof(tag), frame + 12, length - 12);
		memcpy(frame + 12, tag, sizeof(tag));
		return length + sizeof(tag);
	}
	return length;
}

/* What was captured is on its way by then: the buffer is flushed whenever nothing is waiting. */
static void stop(int signal)
{
	(void)signal;
	_exit(0);
}

static int capture(const char *iface)
{
	static unsigned char frame[MAX_FRAME + 4];
	const struct pcap_file head = { 0xa1b23c4d, 2, 4, 0, 0, MAX_FRAME, 1 };
	int fd = packet_socket(iface, ETH_P_ALL), on = 1, room = 256 << 20;

	signal(SIGTERM, stop);
	setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	write_all(&head, sizeof(head));
	fflush(stdout);
	for (;;) {
		char control[256];
		struct sockaddr_ll from;
		struct iovec part = { frame, MAX_FRAME };
		struct msghdr message = {
			.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &part, .msg_iovlen = 1,
			.msg_control = control, .msg_controllen = sizeof(control),
		};
		struct timespec now;
		ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);

		if (got < 0 && errno == EAGAIN) {
			fflush(stdout);
			got = recvmsg(fd, &message, 0);
		}
		if (got < 0)
			die("recvmsg");
		if (from.sll_pkttype == PACKET_OUTGOING)
			continue;
		size_t length = put_tag_back(frame, (size_t)got, &message);

		clock_gettime(CLOCK_REALTIME, &now);
		struct pcap_record record = {
			(uint32_t)now.tv_sec, (uint32_t)now.tv_nsec, (uint32_t)length, (uint32_t)length,
		};
		write_all(&record, sizeof(record));
		write_all(frame, length);
	}
}

static int send_file(const char *iface, const char *path)
{
	static unsigned char frame[MAX_FRAME];
	struct pcap_file head;
	struct pcap_record record;
	unsigned long sent = 0;
	int fd = packet_socket(iface, 0);
	FILE *file = fopen(path, "r");

	if (!file || fread(&head, sizeof(head), 1, file) != 1)
		die(path);
	while (fread(&record, sizeof(record), 1, file) == 1) {
		if (record.captured > MAX_FRAME || fread(frame, record.captured, 1, file) != 1)
			die(path);
		while (send(fd, frame, record.captured, 0) < 0) {
			if (errno != ENOBUFS)
				die("send");
			usleep(1000);
		}
		sent++;
	}
	printf("%lu\n", sent);
	return 0;
}

static int is_loaded(const char *module)
{
	char path[512];

	/* A module that is part of the kernel image has a folder there, too, but was never initialized. */
	snprintf(path, sizeof(path), "/sys/module/%s/initstate", module);
	return !access(path, F_OK);
}

static void insert(const char *path)
{
	const char *slash = strrchr(path, '/');
	char module[256];
	int fd, error = 0;

	snprintf(module, sizeof(module), "%s", slash ? slash + 1 : path);
	char *suffix = strstr(module, ".ko");

	if (suffix)
		*suffix = 0;
	if (is_loaded(module))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	if (syscall(SYS_finit_module, fd, "", 0))
		error = errno;
	close(fd);
	printf("%s %d\n", module, error);
	fflush(stdout);
}

/* What still uses the module may be on its way out: only one that is in use for good is an answer. */
static void remove_module(const char *module)
{
	int error = 0;

	for (int i = 0; i < 100; i++) {
		error = syscall(SYS_delete_module, module, O_NONBLOCK) ? errno : 0;
		if (error != EAGAIN)
			break;
		usleep(100 * 1000);
	}
	printf("%s %d\n", module, error);
	fflush(stdout);
}

static int each(void (*action)(const char *), char **arguments)
{
	for (; *arguments; arguments++)
		action(*arguments);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 3 && !strcmp(argv[1], "rxvlan"))
		return rxvlan(argv[2], argv[3]);
	if (argc == 3 && !strcmp(argv[1], "capture"))
		return capture(argv[2]);
	if (argc == 4 && !strcmp(argv[1], "send"))
		return send_file(argv[2], argv[3]);
	if (argc >= 2 && !strcmp(argv[1], "insert"))
		return each(insert, argv + 2);
	if (argc >= 2 && !strcmp(argv[1], "remove"))
		return each(remove_module, argv + 2);
	fputs("usage: labtool rxvlan IFACE [on|off] | capture IFACE | send IFACE FILE | insert FILE... | remove NAME...\n",
	      stderr);
	return 2;
}
