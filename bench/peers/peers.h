/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Readers of the receive benchmark: each mechanism gives the frames of a device
 * to a program in its own way.
 */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include <stdint.h>

#define SLOTS	4096	/* of every ring */

/**
 * struct reader - one reader of a mechanism
 * @number: 0, 1, ...; reader 0 sets up what is shared
 * @readers: how many there are
 * @ifindex: the device
 * @fd: what poll(2) is called on
 * @least: frames that poll(2) waits for; of PFQ alone
 * @sum: what the bytes looked at add up to, so that they are looked at
 * @lost: frames that the mechanism says it lost
 */
struct reader {
	int number;
	int readers;
	int ifindex;
	int fd;
	int least;
	uint64_t sum;
	uint64_t lost;
};

/**
 * struct mechanism - a way to receive
 * @name: on the command line
 * @open: sets a reader up; exits if it cannot
 * @read: takes all that is there; returns how many frames
 * @close: fills in @lost
 * @shared: do the readers share the frames, or does each get all?
 */
struct mechanism {
	const char *name;
	void (*open)(struct reader *r);
	unsigned int (*read)(struct reader *r);
	void (*close)(struct reader *r);
	int shared;
};

extern const struct mechanism pfq_copy, pfq_steer, pfq_generic;
extern const struct mechanism tpacket3, tpacket3_fanout;
extern const struct mechanism afxdp_copy, xdp_drop;

#define EXIT_UNSUPPORTED	4	/* this kernel or module cannot do it */

_Noreturn void die(const char *what);
_Noreturn void unsupported(const char *what);

#endif
