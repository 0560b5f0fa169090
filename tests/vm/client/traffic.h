/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Traffic of our own, over veth pairs: frames that are sent, and readers that say who got which. */
#ifndef CONFORMANCE_TRAFFIC_H
#define CONFORMANCE_TRAFFIC_H

#include "client.h"

#define SO_Q_TAP	1024	/* an extension: { gid, on } */
#define MAX_FRAMES	1024
#define MAX_READERS	8
#define FRAME_MIN	60
#define FRAME_MAX	1514

/* A frame, from the MAC header on. Its last 8 bytes say that it is ours, and its number. */
struct frame {
	size_t len;
	uint8_t bytes[FRAME_MAX + 8];
};

struct flow {
	uint32_t saddr, daddr;	/* host order */
	uint16_t sport, dport;
	uint8_t protocol;
};

/* A socket and what it has read: how often each frame. */
struct reader {
	int fd;
	char *map;
	size_t slots;
	int weight;		/* as set with Q_SO_SET_WEIGHT; 0: nothing is expected */
	unsigned int seen[MAX_FRAMES];
	uint16_t tci[MAX_FRAMES];
	uint32_t state;		/* of the last frame */
	int64_t tcp_sec;	/* when the last TCP segment came, in seconds; 0: none did */
	unsigned long bad;	/* slots that were never committed, or hold other bytes */
	unsigned long foreign;
};

/* The devices: what is sent at near[i] arrives at far[i]. */
struct wires {
	const char *near[2], *far[2];
	const char *vlan5, *vlan7;	/* VLAN devices on near[0], or NULL */
};

void frame_udp(struct frame *f, uint32_t number, const struct flow *flow, size_t len);
void frame_other(struct frame *f, uint32_t number, uint16_t type, size_t len);
void frame_tag(struct frame *f, uint16_t tci);		/* puts an 802.1Q tag into the frame */
void frame_macs(struct frame *f, uint64_t to, uint64_t from);
extern bool frames_lose_tags;	/* the tags that frame_tag() makes are taken out on the way */
int frame_number(const uint8_t *bytes, size_t len);	/* -1: not one of ours */

int wire_open(const char *device);			/* a packet socket on it */
void wire_send(int fd, const struct frame *f);
/* Reads what the device has received meanwhile: how often each frame. */
void wire_take(int fd, unsigned char seen[MAX_FRAMES], int expected);

void reader_open(struct reader *r, int gid, uint64_t class_mask, bool enabled);
/* Says nothing about it, but returns 0 or a negative errno, for what is done very often. */
int reader_open_quietly(struct reader *r, size_t slots);
void reader_take(struct reader *r);
/* Shows each slot that there is to somebody else. */
void reader_each(struct reader *r, void (*see)(void *arg, const struct slot *slot, int tag),
		 void *arg, int tag);
void reader_close(struct reader *r);

int bind_device(int fd, int gid, const char *device);
int set_tap(int fd, int gid, bool on);			/* frames go on to the stack as well, or not */
void link_set(const char *device, bool up);

/*
 * Waits until the readers have got what want says: bit i of want[number] is reader
 * i. Then nothing else may have come, nothing be missing, nothing be twice.
 */
void expect_frames(struct reader *readers, int n, const uint32_t *want, int frames,
		   const char *name);
/* The group's counters since before, once `recv` frames have reached it. */
void expect_group(int fd, int gid, const struct stats *before, uint64_t recv, uint64_t drop,
		  const char *name);
struct stats group_stats(int fd, int gid);
struct stats socket_stats(int fd);

#endif
