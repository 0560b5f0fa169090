// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Traffic: sends frames on a device by a packet socket, past the queues of the
 * stack, and tells how many the device took.
 *
 *   traffic DEVICE COUNT SIZE [PAUSE-EVERY MICROSECONDS]
 *
 * COUNT 0: until SIGTERM. SIZE 0: from 60 to 1514 bytes, all of them in turn.
 * Frame n (from 0) is IPv4 and UDP between addresses 10.A.B.C and 10.C.B.A with
 * A, B, C from n, and has n as a big-endian number after the UDP header.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void make(unsigned char *frame, uint32_t n, size_t size)
{
	static const unsigned char head[] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0,
		0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0,
	};
	uint16_t length;

	memcpy(frame, head, sizeof(head));
	length = htons(size - 14);
	memcpy(frame + 16, &length, 2);
	frame[26] = frame[30] = 10;
	frame[27] = frame[33] = n * 7;
	frame[28] = frame[32] = n >> 3;
	frame[29] = frame[31] = n * 31 >> 5;
	frame[34] = 0x10 + n % 3;
	frame[36] = 0x20;
	length = htons(size - 34);
	memcpy(frame + 38, &length, 2);
	n = htonl(n);
	memcpy(frame + 42, &n, 4);
}

int main(int argc, char **argv)
{
	static unsigned char frame[1514];
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	unsigned long count, size, every = 0, pause_us = 0, sent = 0, n;
	int fd, on = 1;

	if (argc != 4 && argc != 6) {
		fputs("usage: traffic DEVICE COUNT SIZE [PAUSE-EVERY MICROSECONDS]\n", stderr);
		return 2;
	}
	count = strtoul(argv[2], NULL, 0);
	size = strtoul(argv[3], NULL, 0);
	if (argc == 6) {
		every = strtoul(argv[4], NULL, 0);
		pause_us = strtoul(argv[5], NULL, 0);
	}
	to.sll_ifindex = if_nametoindex(argv[1]);
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (fd < 0 || !to.sll_ifindex || bind(fd, (struct sockaddr *)&to, sizeof(to)))
		die(argv[1]);
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
	signal(SIGTERM, stop);
	for (n = 0; (!count || n < count) && !stopped; n++) {
		size_t bytes = size ? size : 60 + n % 1455;

		make(frame, n, bytes);
		while (send(fd, frame, bytes, 0) < 0) {
			if (errno != ENOBUFS) {
				printf("%lu\n", sent);
				return errno == ENETDOWN || errno == ENXIO || errno == ENODEV ? 0 : 1;
			}
			usleep(1000);
		}
		sent++;
		if (every && n % every == every - 1)
			usleep(pause_us);
	}
	printf("%lu\n", sent);
	return 0;
}
