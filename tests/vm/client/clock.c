// SPDX-License-Identifier: GPL-2.0-or-later
/* Timestamps are times of reception, also of frames that carry the time at which they were to be sent. */
#include <arpa/inet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "traffic.h"

#define NEAR	"10.77.0.1"
#define FAR	"10.77.0.2"
#define PORT	9
#define LATE	60	/* seconds: a guest may be slow, but not that slow */

static void address(struct sockaddr *to, const char *ip, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };

	inet_pton(AF_INET, ip, &sin.sin_addr);
	memcpy(to, &sin, sizeof(sin));
}

/* Gives the device an address, or takes it away; the other end of the wire needs none. */
static void device_address(const char *device, const char *ip)
{
	struct ifreq ifr = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device);
	address(&ifr.ifr_addr, ip, 0);
	expect(ioctl(fd, SIOCSIFADDR, &ifr), 0, "%s: address %s", device, ip);
	close(fd);
}

static void neighbour(const char *device, const char *ip)
{
	struct arpreq arp = { .arp_flags = ATF_COM | ATF_PERM, .arp_ha.sa_data = { 2, 0, 0, 0, 0, 9 } };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	address(&arp.arp_pa, ip, 0);
	arp.arp_ha.sa_family = ARPHRD_ETHER;
	snprintf(arp.arp_dev, sizeof(arp.arp_dev), "%s", device);
	expect(ioctl(fd, SIOCSARP, &arp), 0, "%s: neighbour %s", device, ip);
	close(fd);
}

/* TCP notes in each segment when it is to leave, by another clock. */
static int start_connecting(const char *ip)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr to;

	address(&to, ip, PORT);
	connect(fd, &to, sizeof(to));
	return fd;
}

void test_clock(const struct wires *wires)
{
	struct reader r;
	int on = 1, tcp, waited;

	section("timestamps");
	reader_open(&r, 0, 1, true);
	expect(q_set(r.fd, SO_Q_RX_TSTAMP, &on, sizeof(on)), 0, "on");
	expect(bind_device(r.fd, 0, wires->far[0]), 0, "bind");
	device_address(wires->near[0], NEAR);
	neighbour(wires->near[0], FAR);
	tcp = start_connecting(FAR);
	for (waited = 0; !r.tcp_sec && waited < 10000; waited++) {
		reader_take(&r);
		usleep(1000);
	}
	close(tcp);
	device_address(wires->near[0], "0.0.0.0");
	verdict(r.tcp_sec >= time(NULL) - LATE && r.tcp_sec <= time(NULL) + 1, "of a TCP segment",
		"%ld seconds, and it is %ld", (long)r.tcp_sec, (long)time(NULL));
	reader_close(&r);
}
