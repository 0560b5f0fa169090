// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tapping and bindings change while frames are on their way, in the middle of batches:
 * each frame is treated by what was said when it came, and none is lost from the books.
 *
 * A frame that is like the last one of a batch is taken without a look at the
 * bindings; so who changes what a frame is due has to see to it that no such batch is
 * left. That is what these tests would show.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "counts.h"
#include "traffic.h"

#define ROUNDS		8
#define STEPS		32
#define EACH		(MAX_FRAMES / STEPS)	/* frames of a step */
#define FLOOD		512		/* frames of somebody else that may come in a step */

struct scene {
	struct reader readers[2];	/* each of a group of its own */
	int gid[2];
	const char *device;
	int stack;
	pid_t traffic;
};

/*
 * What frames that come after a change are due: whether they go on to the stack and
 * the second reader gets them. Frames that come while a group is unbound may still be
 * tapped for it; whatever else changes is heard at once.
 */
struct due {
	bool stack, second, at_once;
};

/* --- traffic of somebody else --------------------------------------------------- */

/* Frames that the flood has been allowed to send, and has sent; shared with its process. */
static struct allowance {
	unsigned long granted, sent;
} *allowance;

static unsigned long shared_get(const unsigned long *count)
{
	return __atomic_load_n(count, __ATOMIC_ACQUIRE);
}

static void flood(const char *device)
{
	int wire = wire_open(device);
	struct frame f;
	unsigned long i = 0;

	frame_other(&f, 0, 0x88b5, 100);
	memset(f.bytes + f.len - 8, 0, 8);	/* no number, so that nobody takes it for one of ours */
	for (;;) {
		if (i < shared_get(&allowance->granted) &&
		    send(wire, f.bytes, 60 + i % 40, 0) >= 0)
			__atomic_store_n(&allowance->sent, ++i, __ATOMIC_RELEASE);
		else
			usleep(200);
	}
}

/*
 * Lets the flood go on. However long the readers do not run, it never sends so much that their
 * rings are full, and frames of ours are lost.
 */
static void flood_more(void)
{
	unsigned long until = shared_get(&allowance->sent) + FLOOD;

	__atomic_store_n(&allowance->granted, until, __ATOMIC_RELEASE);
}

/* The source of a bench NIC makes frames in this process until it is killed. */
static void run_source(const char *device)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "/sys/class/net/%s/source/run", device);
	fd = open(path, O_WRONLY);
	for (;;)
		if (write(fd, "0", 1) < 0)
			usleep(1000);
}

static pid_t start(void (*traffic)(const char *), const char *device)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		traffic(device);
	return pid;
}

/* --- what is switched --------------------------------------------------------------- */

static void tap(const struct scene *s, int who, bool on)
{
	if (set_tap(s->readers[who].fd, s->gid[who], on))
		verdict(false, "tap", "%s", strerror(errno));
}

static void bind_or_not(const struct scene *s, int who, bool on)
{
	struct binding binding = { s->gid[who], (int)if_nametoindex(s->device), -1 };

	if (q_set(s->readers[who].fd, on ? SO_Q_BIND : SO_Q_UNBIND, &binding, sizeof(binding)))
		verdict(false, "bind", "%s", strerror(errno));
}

/*
 * The first group is bound all the time. Step by step its tap is switched, and the
 * second group, which taps or not, is bound and unbound; they never tap both.
 */
static struct due change(const struct scene *s, unsigned int step)
{
	static const struct { bool tap0, tap1, bound1; } states[] = {
		{ false, false, false }, { true, false, false }, { false, false, false },
		{ false, true, true }, { false, true, false }, { false, false, true },
		{ false, true, true }, { true, false, true }, { false, false, true },
		{ true, false, true }, { true, false, false },
	};
	const unsigned int n = sizeof(states) / sizeof(states[0]), at = step % n;
	const unsigned int before = (step + n - 1) % n;
	const struct due due = {
		.stack = states[at].tap0 || (states[at].bound1 && states[at].tap1),
		.second = states[at].bound1,
		.at_once = states[at].tap0 != states[before].tap0 ||
			   states[at].tap1 != states[before].tap1 || states[at].bound1,
	};

	if (states[at].tap1 != states[before].tap1)
		tap(s, 1, states[at].tap1);
	if (states[at].tap0 != states[before].tap0)
		tap(s, 0, states[at].tap0);
	if (states[at].bound1 != states[before].bound1)
		bind_or_not(s, 1, states[at].bound1);
	return due;
}

/* --- the books ------------------------------------------------------------------------ */

static void begin(struct scene *s, const char *device)
{
	int i;

	memset(s, 0, sizeof(*s));
	s->device = device;
	for (i = 0; i < 2; i++) {
		reader_open(&s->readers[i], -1, 1, true);
		s->gid[i] = q_join(s->readers[i].fd, -1, SHARED, 1);
		verdict(s->gid[i] >= 0, "join", "%d", s->gid[i]);
	}
	bind_or_not(s, 0, true);
	/* As the state before step 0 is the last one of the table. */
	tap(s, 0, true);
	s->stack = stack_open(device);
}

/* Slots that were read, whosever frames they hold. */
static unsigned long slots_read(const struct reader *r, const unsigned long *before)
{
	unsigned long n = r->foreign + *before;
	int i;

	for (i = 0; i < MAX_FRAMES; i++)
		n += r->seen[i];
	return n;
}

static void settle_books(struct scene *s, unsigned long handed, const unsigned long *marked)
{
	struct stats group, socket;
	struct device_counts c;
	unsigned long stack, kern = 0;
	int i;

	usleep(300000);
	device_counts(s->device, &c);
	stack = stack_seen(s->stack);
	verdict(c.handed && (!handed || c.handed == handed) &&
		c.handed == c.consumed + c.passed + c.both + c.freed, "the device's frames",
		"%lu sent: %lu handed over: %lu consumed, %lu passed, %lu both, %lu freed", handed,
		c.handed, c.consumed, c.passed, c.both, c.freed);
	verdict(c.consumed && c.both && stack == c.both + c.passed, "what the stack has got",
		"%lu frames, %lu both, %lu passed", stack, c.both, c.passed);
	for (i = 0; i < 2; i++)		/* they never tap both at once */
		kern += group_stats(s->readers[i].fd, s->gid[i]).kern;
	verdict(kern == c.both, "what the groups have tapped", "%lu", kern);
	group = group_stats(s->readers[0].fd, s->gid[0]);
	verdict(group.recv == c.consumed + c.both && !group.drop, "the group's frames",
		"%lu received", (unsigned long)group.recv);
	for (i = 0; i < 2; i++) {
		reader_take(&s->readers[i]);
		group = group_stats(s->readers[i].fd, s->gid[i]);
		socket = socket_stats(s->readers[i].fd);
		verdict(socket.recv == group.recv && socket.recv == socket.lost +
			slots_read(&s->readers[i], &marked[i]), "the reader's frames",
			"group %lu, received %lu, lost %lu, read %lu", (unsigned long)group.recv,
			(unsigned long)socket.recv, (unsigned long)socket.lost,
			slots_read(&s->readers[i], &marked[i]));
		reader_close(&s->readers[i]);
	}
	close(s->stack);
}

static void end_traffic(const struct scene *s)
{
	int status;

	kill(s->traffic, SIGKILL);
	waitpid(s->traffic, &status, 0);
}

/* --- over veth, with frames of ours in between --------------------------------------- */

/* A packet socket that nothing but our own frames reach, whatever else there is. */
static int ip_wire(const char *device)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex(device),
	};
	int fd = wire_open(device);

	expect(bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0, 0, "IPv4 alone");
	return fd;
}

static void one_round(struct scene *s, int near, int far, unsigned int first,
		      unsigned long *marked)
{
	unsigned char on_stack[MAX_FRAMES], seen[MAX_FRAMES] = { 0 };
	uint32_t want[MAX_FRAMES], i;
	int expected = 0, wrong = 0;
	struct frame f;
	unsigned int step;

	for (step = 0; step < STEPS; step++) {
		struct due due = change(s, first + step);

		for (i = step * EACH; i < (step + 1) * EACH; i++) {
			struct flow flow = { i, step, 1, 2, IPPROTO_UDP };

			want[i] = due.second ? 3 : 1;
			on_stack[i] = due.stack;
			expected += due.stack;
			frame_udp(&f, i, &flow, 60 + i % 200);
			wire_send(near, &f);
		}
		reader_take(&s->readers[0]);
		reader_take(&s->readers[1]);
		flood_more();
	}
	wire_take(far, seen, expected);
	for (i = 0; i < MAX_FRAMES; i++) {
		wrong += seen[i] != on_stack[i];
		marked[0] += want[i] & 1;
		marked[1] += want[i] >> 1;
	}
	verdict(!wrong, "frames after a change", "%d of %d are not where they should be", wrong,
		MAX_FRAMES);
	expect_frames(s->readers, 2, want, MAX_FRAMES, "readers after a change");
}

void test_switches(const struct wires *wires)
{
	unsigned long marked[2] = { 0 };
	int near, far, round;
	struct scene s;

	section("switched in the middle");
	begin(&s, wires->far[0]);
	near = wire_open(wires->near[0]);
	far = ip_wire(wires->far[0]);
	allowance = mmap(NULL, sizeof(*allowance), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	verdict(allowance != MAP_FAILED, "shared memory", "%s", strerror(errno));
	flood_more();
	s.traffic = start(flood, wires->near[0]);
	for (round = 0; round < ROUNDS; round++)
		one_round(&s, near, far, (unsigned int)round * STEPS, marked);
	end_traffic(&s);
	settle_books(&s, 0, marked);
	munmap(allowance, sizeof(*allowance));
	close(near);
	close(far);
}

/* --- a NIC that fills batches ------------------------------------------------------- */

static unsigned long delivered(const char *device)
{
	unsigned long sum = 0, n;
	char path[100], word[40];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/net/%s/source/counters", device);
	file = fopen(path, "r");
	while (file && fscanf(file, "%39s", word) == 1)
		if (!strcmp(word, "delivered") && fscanf(file, "%lu", &n) == 1)
			sum += n;
	if (file)
		fclose(file);
	return sum;
}

/* Once a change has been heard, frames are not counted as what they are no more. */
static int counted_otherwise(const struct scene *s, const struct due *due)
{
	struct device_counts before, after;

	device_counts(s->device, &before);
	usleep(10000);
	device_counts(s->device, &after);
	if (!due->at_once)
		return 0;
	return due->stack ? after.consumed != before.consumed : after.both != before.both;
}

void test_switches_of(const char *device)
{
	unsigned long none[2] = { 0 }, before = delivered(device);
	unsigned int step;
	struct due due;
	struct scene s;
	int wrong = 0;

	section("switched in the middle of a poll");
	begin(&s, device);
	s.traffic = start(run_source, device);
	for (step = 0; step < 400; step++) {
		due = change(&s, step);
		wrong += counted_otherwise(&s, &due);
		reader_take(&s.readers[0]);
		reader_take(&s.readers[1]);
	}
	end_traffic(&s);
	expect(wrong, 0, "changes that frames have not heard of");
	settle_books(&s, delivered(device) - before, none);
}
