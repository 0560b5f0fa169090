// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench-receive MECHANISM DEVICE READERS WAIT FRAMES [SOURCES FIRST]
 *
 * Starts the readers of a mechanism, has the bench NIC make frames, and prints
 * what it took from the start until the last frame was read:
 *
 *   {"cycles": N, "idle_us": N, "frames": N, "read": [N, ...], "lost": [N, ...]}
 *
 * MECHANISM none has no readers: it is over when the source is. WAIT is poll,
 * poll:N for a poll that waits for N frames, or the milliseconds that a reader sleeps
 * when there is nothing. The source is this
 * process, which has no claim to the CPU while a reader can run; so a reader is
 * woken, reads all that is there and sleeps again, and the CPU is never idle but
 * at the end.
 *
 * With SOURCES, that many processes make the frames instead: the i-th on CPU 1 + i, by
 * queue i, its share of them. Readers are on the CPUs from FIRST on, one each.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "../profiler/marks.h"
#include "peers.h"

#define READERS_MAX	16
#define SOURCES_MAX	16
#define PATIENCE_MS	3000	/* of the guest, after the source has ended */
#define LEAST_MS	10	/* who waits for more than one frame waits no longer */

/* What the processes share. */
struct board {
	uint64_t expected;
	uint64_t end;		/* cycles when the last frame was read */
	uint64_t idle;		/* microseconds, then */
	uint64_t read[READERS_MAX];
	uint64_t lost[READERS_MAX];
	int ready;
	int over;
};

static const struct mechanism *const mechanisms[] = {
	&pfq_copy, &pfq_steer, &pfq_generic, &tpacket3, &tpacket3_fanout, &afxdp_copy, &xdp_drop,
};

static struct board *board;
static char clock_path[128], run_path[128];

_Noreturn void die(const char *what)
{
	fprintf(stderr, "bench-receive: %s: %s\n", what, strerror(errno));
	exit(1);
}

_Noreturn void unsupported(const char *what)
{
	fprintf(stderr, "bench-receive: %s: not there\n", what);
	exit(EXIT_UNSUPPORTED);
}

static uint64_t idle_us(void)
{
	unsigned long long cycles, idle;
	FILE *file = fopen(clock_path, "r");

	if (!file || fscanf(file, "%llu %llu", &cycles, &idle) != 2)
		die(clock_path);
	fclose(file);
	return idle;
}

static uint64_t total(int readers)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < readers; i++)
		sum += board->read[i];
	return sum;
}

static void nap(long milliseconds)
{
	const struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static void rest(const struct reader *r, int wait)
{
	struct pollfd fd = { .fd = r->fd, .events = POLLIN };

	if (wait)
		nap(wait);
	else
		poll(&fd, 1, r->least > 1 ? LEAST_MS : -1);
}

static void stop(int signal)
{
	(void)signal;
}

static void read_all(const struct mechanism *m, struct reader *r, int wait)
{
	uint64_t now;
	unsigned int n;

	while (!__atomic_load_n(&board->over, __ATOMIC_RELAXED)) {
		n = m->read(r);
		if (!n) {
			rest(r, wait);
			continue;
		}
		board->read[r->number] += n;
		now = __rdtsc();
		if (total(r->readers) < board->expected)
			continue;
		mark_stop();
		board->end = now;
		board->idle = idle_us();
		__atomic_store_n(&board->over, 1, __ATOMIC_RELEASE);
	}
}

static void stay_on(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		die("sched_setaffinity");
}

/* @cpu is where the reader runs; -1: anywhere. */
static pid_t reader_start(const struct mechanism *m, struct reader *r, int wait, int cpu)
{
	struct sigaction action = { .sa_handler = stop };
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_TIMERSLACK, 1);
		sigaction(SIGTERM, &action, NULL);	/* ends a poll */
		if (cpu >= 0)
			stay_on(cpu);
		m->open(r);
		__atomic_store_n(&board->ready, r->number + 1, __ATOMIC_RELEASE);
		read_all(m, r, wait);
		if (m->close)
			m->close(r);
		board->lost[r->number] = r->lost;
		exit(0);
	}
	while (__atomic_load_n(&board->ready, __ATOMIC_ACQUIRE) <= r->number) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
		nap(1);
	}
	return pid;
}

/* Makes the frames; when it returns they have been handed over. */
static void source(const char *frames)
{
	const struct sched_param lowest = { 0 };
	int fd = open(run_path, O_WRONLY);

	if (fd < 0)
		die(run_path);
	if (sched_setscheduler(0, SCHED_IDLE, &lowest))
		die("SCHED_IDLE");
	if (write(fd, frames, strlen(frames)) < 0)
		die("write(run)");
	close(fd);
}

/* Processes that make the frames when the pipe is closed; returns where to do that. */
static int sources_start(int count, uint64_t frames, pid_t *pid)
{
	char share[64], nothing;
	int i, go[2];

	if (pipe(go))
		die("pipe");
	snprintf(share, sizeof(share), "%llu", (unsigned long long)(frames / (uint64_t)count));
	for (i = 0; i < count; i++) {
		pid[i] = fork();
		if (pid[i] < 0)
			die("fork");
		if (pid[i])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		stay_on(1 + i);
		snprintf(share + strlen(share), 16, " %d", i);
		close(go[1]);
		if (read(go[0], &nothing, 1))
			die("read(pipe)");
		source(share);
		exit(0);
	}
	close(go[0]);
	return go[1];
}

static void sources_end(int count, const pid_t *pid)
{
	int i, status;

	for (i = 0; i < count; i++)
		if (waitpid(pid[i], &status, 0) != pid[i] || status)
			exit(1);
}

static void list(const char *name, const uint64_t *value, int count)
{
	int i;

	printf(", \"%s\": [", name);
	for (i = 0; i < count; i++)
		printf("%s%llu", i ? ", " : "", (unsigned long long)value[i]);
	printf("]");
}

static const struct mechanism *mechanism(const char *name)
{
	static const struct mechanism none = { .name = "none" };
	size_t i;

	if (!strcmp(name, none.name))
		return &none;
	for (i = 0; i < sizeof(mechanisms) / sizeof(*mechanisms); i++)
		if (!strcmp(mechanisms[i]->name, name))
			return mechanisms[i];
	errno = EINVAL;
	die(name);
}

int main(int argc, char **argv)
{
	const struct mechanism *m;
	uint64_t start, idle, frames;
	pid_t pid[READERS_MAX], maker[SOURCES_MAX];
	int i, waited, wait, sources, first, go = -1;
	struct reader r = { 0 };

	if (argc != 6 && argc != 8) {
		fprintf(stderr, "bench-receive MECHANISM DEVICE READERS WAIT FRAMES [SOURCES FIRST]\n");
		return 2;
	}
	sources = argc == 8 ? atoi(argv[6]) : 0;
	first = sources ? atoi(argv[7]) : 0;
	m = mechanism(argv[1]);
	snprintf(clock_path, sizeof(clock_path), "/sys/class/net/%s/source/clock", argv[2]);
	snprintf(run_path, sizeof(run_path), "/sys/class/net/%s/source/run", argv[2]);
	r.ifindex = (int)if_nametoindex(argv[2]);
	if (!r.ifindex)
		die(argv[2]);
	r.readers = m->read ? atoi(argv[3]) : 0;
	if (r.readers > READERS_MAX || sources > SOURCES_MAX)
		return 2;
	r.least = sscanf(argv[4], "poll:%d", &wait) == 1 ? wait : 1;
	wait = strncmp(argv[4], "poll", 4) ? atoi(argv[4]) : 0;
	frames = strtoull(argv[5], NULL, 10);
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	if (board == MAP_FAILED)
		die("mmap");
	board->expected = m->shared ? frames : frames * (uint64_t)r.readers;

	if (m->open && !m->read)
		m->open(&r);
	for (i = 0; i < r.readers; i++) {
		r.number = i;
		pid[i] = reader_start(m, &r, wait, sources ? first + i : -1);
	}
	if (sources)
		go = sources_start(sources, frames, maker);
	nap(50);
	idle = idle_us();
	mark_start();
	start = __rdtsc();
	if (sources) {
		close(go);
		sources_end(sources, maker);
	} else {
		source(argv[5]);
	}
	if (!r.readers) {
		board->end = __rdtsc();
		mark_stop();
		board->idle = idle_us();
	}
	for (waited = 0; r.readers && !__atomic_load_n(&board->over, __ATOMIC_ACQUIRE); waited++) {
		if (waited == PATIENCE_MS)
			__atomic_store_n(&board->over, 1, __ATOMIC_RELEASE);
		nap(1);
	}
	for (i = 0; i < r.readers; i++) {
		kill(pid[i], SIGTERM);
		waitpid(pid[i], NULL, 0);
	}
	printf("{\"cycles\": %llu, \"idle_us\": %llu, \"frames\": %llu",
	       (unsigned long long)(board->end - start),
	       (unsigned long long)(board->idle - idle), (unsigned long long)frames);
	list("read", board->read, r.readers);
	list("lost", board->lost, r.readers);
	printf("}\n");
	return 0;
}
