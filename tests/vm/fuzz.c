// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzer: several processes of several threads do to PFQ what no program should,
 * all at once, while frames come in. The kernel's log is looked at by others.
 *
 *   fuzz SEED OPERATIONS DEVICE PEER
 *
 * Every thread does its part of the operations by random numbers of its own,
 * made from the seed (the order between threads is the scheduler's). Frames are
 * sent on PEER and come in on DEVICE. An observer in a private group that all
 * others cannot touch reads all the time, and must get what its counters say,
 * whatever its neighbours do. At the end there is one line of JSON:
 *
 *   operations   done; "good" of them succeeded, by kind in "kinds" [done, good]
 *   deaths       processes that died and were replaced
 *   slots, recv, lost, wrong     what the observer read, and what it was told
 *
 * Exit status 3: a thread made no progress for minutes; the line says in what.
 */
#include "fuzz.h"

#define PROCESSES	3
#define THREADS		2
#define PATIENCE	600	/* seconds without progress: only a hang takes so long */

struct shared *shared;

void die(const char *what)
{
	perror(what);
	exit(2);
}

/* --- the observer -------------------------------------------------------------- */

#define OBSERVER_SLOTS	4096
#define OBSERVER_SLOT	96

struct observer {
	int fd;
	char *area;
	unsigned long slots, wrong;
};

static void observer_open(struct observer *o, const char *device)
{
	struct { uint64_t addr, size, huge; } none = { 0, 0, 0 };
	struct { int32_t gid, policy; uint64_t classes; } group = { OBSERVED_GROUP, 1, 1 };
	struct { int32_t gid, ifindex, qindex; } binding = { OBSERVED_GROUP, 0, -1 };
	size_t slots = OBSERVER_SLOTS, length = OBSERVER_SLOT - 32, size;
	socklen_t room = sizeof(size);

	o->fd = socket(FAMILY, SOCK_RAW, 0x0300);
	if (o->fd < 0 || setsockopt(o->fd, 27, 3, &length, 8) || setsockopt(o->fd, 27, 4, &slots, 8) ||
	    getsockopt(o->fd, 27, 23, &size, &room) || setsockopt(o->fd, 27, 1, &none, sizeof(none)))
		die("observer");
	o->area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, o->fd, 0);
	room = sizeof(group);
	binding.ifindex = if_nametoindex(device);
	if (o->area == MAP_FAILED || getsockopt(o->fd, 27, 12, &group, &room) ||
	    setsockopt(o->fd, 27, 10, &binding, sizeof(binding)))
		die("observer");
}

static bool observer_read(struct observer *o)
{
	_Atomic uint64_t *shinfo = (_Atomic uint64_t *)o->area;
	uint32_t version = atomic_load(shinfo) >> 32, length, i;
	uint64_t info;

	if (!(uint32_t)atomic_load(shinfo))
		return false;
	info = atomic_exchange(shinfo, (uint64_t)(version + 1) << 32);
	length = (uint32_t)info < OBSERVER_SLOTS ? (uint32_t)info : OBSERVER_SLOTS;
	for (i = 0; i < length; i++) {
		char *slot = o->area + 2048 +
			     ((size_t)(version & 1) * OBSERVER_SLOTS + i) * OBSERVER_SLOT;
		time_t begun = time(NULL);

		while (atomic_load((_Atomic uint32_t *)(slot + 28)) != version) {
			if (time(NULL) - begun > PATIENCE) {
				puts("{\"hang\":\"a slot of the observer that is not committed\"}");
				exit(3);
			}
			sched_yield();
		}
		/* The frames are of traffic.c, and of nobody else. */
		o->wrong += memcmp(slot + 32 + 12, "\x08\0\x45", 3) != 0;
		o->slots++;
	}
	return true;
}

/* --- processes ------------------------------------------------------------------- */

static void *run_thread(void *arg)
{
	struct thread *t = arg;

	fuzz_thread(t);
	return NULL;
}

static void run_process(int number)
{
	pthread_t threads[THREADS];

	fuzz_process();
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, run_thread,
				   &shared->threads[number * THREADS + i]))
			die("pthread_create");
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	_exit(0);
}

static pid_t start(int number)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		/* The observer is none of theirs. */
		close(shared->observer);
		run_process(number);
	}
	return pid;
}

static pid_t send_traffic(const char *peer)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(shared->observer);
		close(STDOUT_FILENO);
		for (;;) {
			pid_t child = fork();

			if (child == 0) {
				execl("/lab/traffic", "traffic", peer, "0", "0", "16", "2000", NULL);
				_exit(2);
			}
			waitpid(child, NULL, 0);
			usleep(10000);	/* the device was down for a while */
		}
	}
	return pid;
}

static unsigned long done(void)
{
	unsigned long sum = 0;

	for (int i = 0; i < PROCESSES * THREADS; i++)
		sum += shared->threads[i].done;
	return sum;
}

static void check_progress(void)
{
	static unsigned long last;
	static time_t when;
	unsigned long now = done();

	if (now != last || !when) {
		last = now;
		when = time(NULL);
	} else if (time(NULL) - when > PATIENCE) {
		printf("{\"hang\":\"");
		for (int i = 0; i < PROCESSES * THREADS; i++)
			printf("%s%s", i ? "; " : "", shared->threads[i].doing);
		puts("\"}");
		exit(3);
	}
}

static void report(const struct observer *o, unsigned long deaths)
{
	unsigned long good = 0, all = 0;
	uint64_t stats[8] = { 0 };
	socklen_t room = sizeof(stats);

	getsockopt(o->fd, 27, 22, stats, &room);
	printf("{\"kinds\":{");
	for (int k = 0; k < KINDS; k++) {
		unsigned long d = 0, g = 0;

		for (int i = 0; i < PROCESSES * THREADS; i++) {
			d += shared->threads[i].kinds[k][0];
			g += shared->threads[i].kinds[k][1];
		}
		printf("%s\"%s\":[%lu,%lu]", k ? "," : "", kind_names[k], d, g);
		all += d;
		good += g;
	}
	printf("},\"operations\":%lu,\"good\":%lu,\"deaths\":%lu,\"slots\":%lu,\"wrong\":%lu,"
	       "\"recv\":%lu,\"lost\":%lu}\n",
	       all, good, deaths, o->slots, o->wrong, (unsigned long)stats[0],
	       (unsigned long)stats[1]);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	pid_t pids[PROCESSES], traffic, dead;
	struct observer observer = { 0 };
	unsigned long operations, deaths = 0;
	int running = PROCESSES, status;

	if (argc != 5) {
		fputs("usage: fuzz SEED OPERATIONS DEVICE PEER\n", stderr);
		return 2;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("mmap");
	operations = strtoul(argv[2], NULL, 0);
	snprintf(shared->device, sizeof(shared->device), "%s", argv[3]);
	for (int i = 0; i < PROCESSES * THREADS; i++) {
		shared->threads[i].random = strtoull(argv[1], NULL, 0) * 1000003 + i;
		shared->threads[i].left = operations / (PROCESSES * THREADS) + 1;
	}
	observer_open(&observer, argv[3]);
	shared->observer = observer.fd;
	traffic = send_traffic(argv[4]);
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = start(i);
	while (running) {
		observer_read(&observer);
		dead = waitpid(-1, &status, WNOHANG);
		if (dead <= 0) {
			check_progress();
			usleep(1000);
			continue;
		}
		for (int i = 0; i < PROCESSES; i++) {
			if (pids[i] != dead)
				continue;
			if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
				running--;
			} else {
				deaths++;
				pids[i] = start(i);
			}
		}
	}
	/* First whoever starts senders, then the sender. */
	kill(traffic, SIGKILL);
	waitpid(traffic, NULL, 0);
	if (system("killall traffic") < 0)
		die("killall");
	for (int i = 0; i < 20; i++) {
		usleep(50000);
		observer_read(&observer);
	}
	report(&observer, deaths);
	return system("cat /proc/net/pfq/devices") != 0;
}
