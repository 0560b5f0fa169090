// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "catcher.h"

#define TYPE	0x88b6
#define SLOTS	2048UL
#define CAPLEN	128UL

bool catcher_open(struct catcher *r)
{
	memset(r, 0, sizeof(*r));
	r->fd = q_socket();
	r->slots = SLOTS;
	r->slot_size = SLOT_SIZE(CAPLEN);
	q_set_size(r->fd, SO_Q_RX_LEN, CAPLEN);
	q_set_size(r->fd, SO_Q_RX_SLOTS, SLOTS);
	r->gid = q_join(r->fd, -1, SHARED, 1);
	r->map = MAP_FAILED;
	if (r->gid >= 0 && q_enable(r->fd) == 0) {
		r->size = (size_t)q_number(r->fd, GET_SHMEM_SIZE);
		r->map = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	}
	if (r->map != MAP_FAILED)
		return true;
	verdict(false, "set-up of a reader", "group %d: %s", r->gid, strerror(errno));
	close(r->fd);
	return false;
}

void catcher_close(struct catcher *r)
{
	munmap(r->map, r->size);
	close(r->fd);
}

int catcher_bind(const struct catcher *r, int option, int ifindex, int queue)
{
	struct binding binding = { r->gid, ifindex, queue };

	return q_set(r->fd, option, &binding, sizeof(binding));
}

static void look(struct catcher *r, const struct slot *slot, int tag)
{
	const uint8_t *b = slot->bytes;

	if (slot->caplen < 18 || (b[12] << 8 | b[13]) != TYPE || (b[14] << 8 | b[15]) != tag)
		return;
	r->frames++;
	r->ifindex = slot->ifindex;
	r->tci = slot->tci;
}

long catcher_drain(struct catcher *r, int tag)
{
	uint64_t *shinfo = (uint64_t *)(r->map + RX_SHINFO);
	uint64_t old = __atomic_load_n(shinfo, __ATOMIC_RELAXED);
	uint32_t version, n, i, spins;
	char *half;

	if ((uint32_t)old == 0)
		return 0;
	old = __atomic_exchange_n(shinfo, ((old >> 32) + 1) << 32, __ATOMIC_ACQ_REL);
	version = (uint32_t)(old >> 32);
	half = r->map + CONTROL_BLOCK + (version & 1) * r->slots * r->slot_size;
	n = (uint32_t)old < r->slots ? (uint32_t)old : (uint32_t)r->slots;
	for (i = 0; i < n; i++) {
		const struct slot *slot = (struct slot *)(half + i * r->slot_size);

		for (spins = 0; __atomic_load_n(&slot->commit, __ATOMIC_ACQUIRE) != version; spins++) {
			if (spins > 10000) {
				verdict(false, "every slot is committed", "slot %u of %u", i, n);
				return n;
			}
			usleep(1000);
		}
		look(r, slot, tag);
	}
	return n;
}

long catcher_count(struct catcher *r, int tag, long want)
{
	struct pollfd pfd = { .fd = r->fd, .events = POLLIN };
	struct timespec now, start;

	r->frames = 0;
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		while (catcher_drain(r, tag))
			;
		if (r->frames < want)
			poll(&pfd, 1, 500);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (r->frames < want && now.tv_sec < start.tv_sec + 10);
	usleep(150000);
	while (catcher_drain(r, tag))
		;
	return r->frames;
}

int send_tagged(const char *device, int tag, int n, int tci)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = 6 };
	uint8_t frame[64] = { 0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2 };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), i, at = 12, ret;

	if (fd < 0)
		return -errno;
	if (tci) {
		frame[at++] = 0x81;
		frame[at++] = 0x00;
		frame[at++] = (uint8_t)(tci >> 8);
		frame[at++] = (uint8_t)tci;
	}
	frame[at++] = TYPE >> 8;
	frame[at++] = TYPE & 0xff;
	frame[at++] = (uint8_t)(tag >> 8);
	frame[at++] = (uint8_t)tag;
	to.sll_ifindex = (int)if_nametoindex(device);
	for (i = 0, ret = n; i < n; i++)
		if (sendto(fd, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)) < 0) {
			ret = -errno;
			break;
		}
	close(fd);
	return ret;
}

int send_frames(const char *device, int tag, int n)
{
	return send_tagged(device, tag, n, 0);
}

int command(const char *format, ...)
{
	char line[400];
	va_list ap;
	int status;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	fflush(stdout);
	status = system(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
