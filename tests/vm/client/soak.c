// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The module and its sockets come and go, as often as asked, while somebody else sends
 * frames to the device without a pause. Each round captures; what it leaves behind is
 * for others to find (the kernel's log, its memory).
 */
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "catcher.h"
#include "traffic.h"

#define MODULE	"/modules/pfq.ko"	/* where the guest has it */
#define ALIVE	50			/* every so many cycles a frame is waited for */

static void count(void *arg, const struct slot *slot, int unused)
{
	(void)slot;
	(void)unused;
	++*(unsigned long *)arg;
}

static bool captures(struct reader *r)
{
	unsigned long slots = 0;
	int waited;

	for (waited = 0; waited < 30000 && !slots; waited++) {
		reader_each(r, count, &slots, 0);
		if (!slots)
			usleep(1000);
	}
	return slots;
}

/* Opens, enables, joins, binds and closes; in every other way that there is to close. */
static bool cycle(const char *device, unsigned int number, bool wait)
{
	struct reader r;
	bool good;
	int gid;

	good = reader_open_quietly(&r, 64) == 0;
	gid = q_join(r.fd, -1, SHARED, 1);
	good = good && r.map != MAP_FAILED && gid >= 0 && bind_device(r.fd, gid, device) == 0;
	if (wait)
		good = good && captures(&r);
	if (number % 3 == 1)
		good = good && q_leave(r.fd, gid) == 0;
	if (number % 3 == 2)
		good = good && q_set(r.fd, SO_Q_DISABLE, NULL, 0) == 0;
	reader_close(&r);
	return good;
}

static unsigned int cycles(const char *device, unsigned int times)
{
	unsigned int i, good = 0;

	for (i = 0; i < times; i++)
		good += cycle(device, i, i % ALIVE == 0);
	return good;
}

static unsigned int loads(const char *device, unsigned int times)
{
	unsigned int i, good = 0;

	for (i = 0; i < times; i++)
		good += command("rmmod pfq && insmod " MODULE) == 0 && cycle(device, i, i % 4 == 0);
	return good;
}

void test_soak(const char *device, unsigned int load_times, unsigned int cycle_times)
{
	section("soak");
	expect(loads(device, load_times), load_times, "unload, load, capture");
	expect(cycles(device, cycle_times), cycle_times, "open, bind, close");
}
