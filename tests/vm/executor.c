// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Executor: does what a list of operations says, and tells what the kernel
 * answered. It knows nothing of PFQ: options are numbers, arguments are bytes.
 * What the answers should be is known by the model on the host (tests/model).
 *
 *   executor <OPERATIONS
 *
 * Operations are separated by newlines or semicolons; one JSON line answers
 * each. They are done by actors, which are processes 0 to 7; 0 is there from
 * the start of a sequence, and others by fork.
 *
 *   seq                         end all actors, begin anew with actor 0
 *   A fork B                    actor A forks; the child is actor B
 *   A kill                      end actor A by SIGKILL, wait until it is gone
 *   A open S TYPE PROTOCOL      a PF_Q socket, known as S (0 to 15)
 *   A close S | A dup S T
 *   A take S B T                get actor B's socket S as T
 *   A set S LEVEL OPTION LENGTH BLOB...
 *   A get S LEVEL OPTION LENGTH BLOB        LENGTH !: bad pointer to it
 *   A mmap S M LENGTH OFFSET PROT FLAGS     known as M (0 to 7)
 *   A munmap M | A peek M OFFSET COUNT | A poke M OFFSET HEX
 *   A poll S                    answers with revents
 *   A ioctl S REQUEST ARGUMENT
 *   A call S NAME               a system call that sockets may refuse
 *   A nocap                     drop CAP_NET_ADMIN
 *   A netns                     enter a new network namespace
 *   A par OPERATION | ...       each in a thread of its own, all at once
 *
 * BLOB is bytes in hex, `-` for a null pointer, `!` for a bad one. The first is
 * the argument. `@B:OFFSET:T` puts the address of blob T (or `!`) into blob B.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FAMILY		27
#define ACTORS		8
#define SOCKETS		80
#define MAPS		8
#define BLOBS		24
#define THREADS		4
#define MESSAGE		(64 << 10)
#define PATIENCE	(300 * 1000)	/* ms: only a hang takes so long */

struct shared {			/* by all processes */
	pid_t pid[ACTORS];
	int fd[ACTORS][SOCKETS];
};

static struct shared *shared;
static int channel[ACTORS][2];	/* [0]: the router's end */
static int self;		/* this actor */
static struct { void *addr; size_t length; } maps[MAPS];
static void *bad;		/* a page that nobody may touch */

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* --- answers ---------------------------------------------------------------- */

struct answer {
	size_t used;
	char text[8 << 10];
};

static void say(struct answer *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct answer *a, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	a->used += vsnprintf(a->text + a->used, sizeof(a->text) - a->used, format, args);
	va_end(args);
}

static void say_bytes(struct answer *a, const unsigned char *bytes, size_t count)
{
	say(a, ",\"d\":\"");
	while (count--)
		say(a, "%02x", *bytes++);
	say(a, "\"");
}

/* --- arguments --------------------------------------------------------------- */

struct args {
	char *save;
	bool broken;
};

static char *word(struct args *args, char *text)
{
	char *found = strtok_r(text, " ", &args->save);

	if (!found)
		args->broken = true;
	return found ? found : "0";
}

static long number(struct args *args)
{
	return strtol(word(args, NULL), NULL, 0);
}

static unsigned long slot(struct args *args, unsigned long limit)
{
	unsigned long given = number(args);

	if (given >= limit)
		args->broken = true;
	return given % limit;
}

static size_t from_hex(unsigned char *bytes, const char *hex)
{
	size_t count = 0;
	unsigned int value;

	for (; sscanf(hex, "%2x", &value) == 1; hex += 2)
		bytes[count++] = value;
	return count;
}

struct blobs {
	unsigned char *at[BLOBS];
	size_t size[BLOBS];
	int count;
};

/* Each blob ends where its memory ends, so that reading too much faults. */
static void *before_wall(size_t size)
{
	size_t pages = (size + 4095) & ~4095UL;
	char *area = mmap(NULL, pages + 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		die("mmap");
	mprotect(area + pages, 4096, PROT_NONE);
	return area + pages - size;
}

static void *read_blobs(struct args *args, struct blobs *blobs, size_t least)
{
	unsigned int blob, offset;
	char *text, target[16];
	void *address;
	size_t size;

	memset(blobs, 0, sizeof(*blobs));
	while ((text = strtok_r(NULL, " ", &args->save))) {
		if (*text == '@') {
			if (sscanf(text, "@%u:%u:%15s", &blob, &offset, target) != 3)
				break;
			address = *target == '!' ? bad : blobs->at[atoi(target) % BLOBS];
			if (blob < BLOBS && offset + sizeof(address) <= blobs->size[blob])
				memcpy(blobs->at[blob] + offset, &address, sizeof(address));
			continue;
		}
		if (blobs->count == BLOBS)
			break;
		if (*text == '!') {
			blobs->at[blobs->count++] = bad;
		} else if (*text == '-') {
			blobs->at[blobs->count++] = NULL;
		} else {
			size = strcmp(text, ".") ? strlen(text) / 2 : 0;
			if (!blobs->count && size < least)
				size = least;
			blobs->size[blobs->count] = size;
			blobs->at[blobs->count] = before_wall(size);
			if (*text != '.')
				from_hex(blobs->at[blobs->count], text);
			blobs->count++;
		}
	}
	return blobs->at[0];
}

static void free_blobs(struct blobs *blobs)
{
	for (int i = 0; i < blobs->count; i++) {
		size_t pages = (blobs->size[i] + 4095) & ~4095UL;
		uintptr_t end = (uintptr_t)blobs->at[i] + blobs->size[i];

		if (blobs->at[i] && blobs->at[i] != bad)
			munmap((void *)(end - pages), pages + 4096);
	}
}

/* --- operations --------------------------------------------------------------- */

static void result(struct answer *a, long value)
{
	say(a, "\"r\":%ld,\"e\":%d", value, value < 0 ? errno : 0);
}

static void do_set(struct args *args, struct answer *a)
{
	int fd = shared->fd[self][slot(args, SOCKETS)], level = number(args), option = number(args);
	long length = number(args);
	struct blobs blobs;
	void *value = read_blobs(args, &blobs, 0);

	result(a, syscall(SYS_setsockopt, fd, level, option, value, (int)length));
	free_blobs(&blobs);
}

static void do_get(struct args *args, struct answer *a)
{
	int fd = shared->fd[self][slot(args, SOCKETS)], level = number(args), option = number(args);
	char *given = word(args, NULL);
	int length = *given == '!' ? 0 : atoi(given);
	size_t room = length > 0 && length < 4096 ? length : 0;
	struct blobs blobs;
	unsigned char *value = read_blobs(args, &blobs, room);
	long ret = syscall(SYS_getsockopt, fd, level, option, value,
			   *given == '!' ? bad : (void *)&length);

	result(a, ret);
	say(a, ",\"l\":%d", length);
	if (ret == 0 && value && (void *)value != bad)
		say_bytes(a, value, room < 1024 ? room : 1024);
	free_blobs(&blobs);
}

static void do_mmap(struct args *args, struct answer *a)
{
	int fd = shared->fd[self][slot(args, SOCKETS)], m = slot(args, MAPS);
	size_t length = number(args);
	long offset = number(args);
	int prot = number(args), flags = number(args);
	void *addr = mmap(NULL, length, prot, flags, fd, offset);

	if (addr == MAP_FAILED) {
		result(a, -1);
		return;
	}
	if (maps[m].addr)
		munmap(maps[m].addr, maps[m].length);
	maps[m].addr = addr;
	maps[m].length = length;
	result(a, 0);
}

static void do_munmap(struct args *args, struct answer *a)
{
	int m = slot(args, MAPS);

	result(a, munmap(maps[m].addr, maps[m].length));
	maps[m].addr = NULL;
	maps[m].length = 0;
}

static void do_touch(struct args *args, struct answer *a, bool write)
{
	int m = slot(args, MAPS);
	size_t offset = number(args), count;
	unsigned char bytes[1024];

	count = write ? from_hex(bytes, word(args, NULL)) : (size_t)number(args);
	if (count > sizeof(bytes) || offset > maps[m].length || count > maps[m].length - offset) {
		errno = EFAULT;
		result(a, -1);
	} else if (write) {
		memcpy((char *)maps[m].addr + offset, bytes, count);
		result(a, 0);
	} else {
		memcpy(bytes, (char *)maps[m].addr + offset, count);
		result(a, 0);
		say_bytes(a, bytes, count);
	}
}

static long do_call(int fd, const char *name)
{
	struct sockaddr_storage address = { .ss_family = FAMILY };
	struct sockaddr *sa = (struct sockaddr *)&address;
	socklen_t length = sizeof(address);
	char byte = 0;

	if (!strcmp(name, "bind"))
		return bind(fd, sa, 16);
	if (!strcmp(name, "connect"))
		return connect(fd, sa, 16);
	if (!strcmp(name, "listen"))
		return listen(fd, 1);
	if (!strcmp(name, "accept"))
		return accept(fd, NULL, NULL);
	if (!strcmp(name, "shutdown"))
		return shutdown(fd, SHUT_RDWR);
	if (!strcmp(name, "getsockname"))
		return getsockname(fd, sa, &length);
	if (!strcmp(name, "send"))
		return send(fd, &byte, 1, 0);
	return recv(fd, &byte, 1, MSG_DONTWAIT);
}

static long take(int from, int theirs)
{
	int pidfd = syscall(SYS_pidfd_open, shared->pid[from], 0), fd = -1, problem;

	if (pidfd >= 0)
		fd = syscall(SYS_pidfd_getfd, pidfd, shared->fd[from][theirs], 0);
	problem = errno;
	if (pidfd >= 0)
		close(pidfd);
	errno = problem;
	return fd;
}

static long drop_capability(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -1;
	data[0].effective &= ~(1U << CAP_NET_ADMIN);
	data[0].permitted &= ~(1U << CAP_NET_ADMIN);
	return syscall(SYS_capset, &header, data);
}

/* A socket that was opened takes the place of one that may have been there. */
static void keep(struct answer *a, int s, long fd)
{
	if (fd >= 0) {
		if (shared->fd[self][s] >= 0)
			close(shared->fd[self][s]);
		shared->fd[self][s] = fd;
	}
	result(a, fd < 0 ? -1 : 0);
}

static void open_socket(struct args *args, struct answer *a)
{
	int s = slot(args, SOCKETS), type = number(args), protocol = number(args);

	keep(a, s, socket(FAMILY, type, protocol));
}

static void perform(char *line, struct answer *a)
{
	struct args args = { 0 };
	char *name = word(&args, line);
	int s, t;

	if (!strcmp(name, "open")) {
		open_socket(&args, a);
	} else if (!strcmp(name, "close")) {
		s = slot(&args, SOCKETS);
		result(a, close(shared->fd[self][s]));
		shared->fd[self][s] = -1;
	} else if (!strcmp(name, "dup")) {
		s = slot(&args, SOCKETS);
		t = slot(&args, SOCKETS);
		keep(a, t, dup(shared->fd[self][s]));
	} else if (!strcmp(name, "take")) {
		s = slot(&args, SOCKETS);
		t = slot(&args, ACTORS);
		keep(a, slot(&args, SOCKETS), take(t, s));
	} else if (!strcmp(name, "set")) {
		do_set(&args, a);
	} else if (!strcmp(name, "get")) {
		do_get(&args, a);
	} else if (!strcmp(name, "mmap")) {
		do_mmap(&args, a);
	} else if (!strcmp(name, "munmap")) {
		do_munmap(&args, a);
	} else if (!strcmp(name, "peek") || !strcmp(name, "poke")) {
		do_touch(&args, a, name[1] == 'o');
	} else if (!strcmp(name, "poll")) {
		struct pollfd pfd = { .fd = shared->fd[self][slot(&args, SOCKETS)], .events = 0x7ff };

		result(a, poll(&pfd, 1, 0) < 0 ? -1 : pfd.revents);
	} else if (!strcmp(name, "ioctl")) {
		s = slot(&args, SOCKETS);
		unsigned long request = number(&args);

		result(a, ioctl(shared->fd[self][s], request, number(&args)));
	} else if (!strcmp(name, "call")) {
		s = slot(&args, SOCKETS);
		result(a, do_call(shared->fd[self][s], word(&args, NULL)) < 0 ? -1 : 0);
	} else if (!strcmp(name, "nocap")) {
		result(a, drop_capability());
	} else if (!strcmp(name, "netns")) {
		result(a, unshare(CLONE_NEWNET));
	} else {
		args.broken = true;
	}
	if (args.broken)
		say(a, "%s\"broken\":true", a->used ? "," : "");
}

/* --- threads ------------------------------------------------------------------- */

struct part {
	char *line;
	pthread_barrier_t *start;
	struct answer answer;
};

static void *run_part(void *arg)
{
	struct part *part = arg;

	pthread_barrier_wait(part->start);
	perform(part->line, &part->answer);
	return NULL;
}

static void perform_all(char *line, struct answer *a)
{
	static struct part parts[THREADS];
	pthread_t threads[THREADS];
	pthread_barrier_t start;
	char *save, *text;
	int count = 0;

	for (text = strtok_r(line, "|", &save); text && count < THREADS;
	     text = strtok_r(NULL, "|", &save))
		parts[count++] = (struct part){ .line = text, .start = &start };
	pthread_barrier_init(&start, NULL, count);
	for (int i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, run_part, &parts[i]))
			die("pthread_create");
	say(a, "\"par\":[");
	for (int i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
		say(a, "%s{%s}", i ? "," : "", parts[i].answer.text);
	}
	say(a, "]");
	pthread_barrier_destroy(&start);
}

/* --- actors and their router ----------------------------------------------------- */

static void act(int number_of_actor);

static void do_fork(int child, struct answer *a)
{
	pid_t pid;

	if (shared->pid[child]) {
		errno = EEXIST;
		result(a, -1);
		return;
	}
	memcpy(shared->fd[child], shared->fd[self], sizeof(shared->fd[child]));
	pid = fork();
	if (pid == 0)
		act(child);
	shared->pid[child] = pid;
	result(a, pid < 0 ? -1 : 0);
}

static void act(int number_of_actor)
{
	static char line[MESSAGE];
	static struct answer a;
	ssize_t got;

	self = number_of_actor;
	/* The router holds the other ends; when it is gone, so are we. */
	for (int i = 0; i < ACTORS; i++)
		if (channel[i][0] >= 0) {
			close(channel[i][0]);
			channel[i][0] = -1;
		}
	while ((got = read(channel[self][1], line, sizeof(line) - 1)) > 0) {
		line[got] = 0;
		memset(&a, 0, sizeof(a));
		if (!strncmp(line, "fork ", 5))
			do_fork(atoi(line + 5) % ACTORS, &a);
		else if (!strncmp(line, "par ", 4))
			perform_all(line + 4, &a);
		else
			perform(line, &a);
		if (write(channel[self][1], a.text, a.used) < 0)
			break;
	}
	_exit(0);
}

static void end_actor(int number_of_actor)
{
	pid_t pid = shared->pid[number_of_actor];
	struct pollfd pfd;

	if (!pid)
		return;
	pfd = (struct pollfd){ .fd = syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	kill(pid, SIGKILL);
	if (pfd.fd >= 0) {
		if (poll(&pfd, 1, PATIENCE) == 0)
			printf("{\"hang\":\"exit of actor %d\"}\n", number_of_actor);
		close(pfd.fd);
	}
	shared->pid[number_of_actor] = 0;
	memset(shared->fd[number_of_actor], 0xff, sizeof(shared->fd[number_of_actor]));
}

static void begin(void)
{
	static char stale[MESSAGE];
	pid_t pid;

	for (int i = 0; i < ACTORS; i++)
		end_actor(i);
	for (int i = 0; i < ACTORS; i++)
		while (recv(channel[i][0], stale, sizeof(stale), MSG_DONTWAIT) > 0)
			;
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		act(0);
	shared->pid[0] = pid;
}

static int route(int actor, const char *line)
{
	static char reply[sizeof(struct answer)];
	struct pollfd pfds[2] = { { .fd = channel[actor][0], .events = POLLIN },
				  { .events = POLLIN } };
	ssize_t got = 0;
	int ready;

	if (!shared->pid[actor]) {
		puts("{\"absent\":true}");
		return 0;
	}
	if (!strcmp(line, "kill")) {
		end_actor(actor);
		puts("{\"r\":0,\"e\":0}");
		return 0;
	}
	if (send(channel[actor][0], line, strlen(line), 0) < 0)
		die("send");
	pfds[1].fd = syscall(SYS_pidfd_open, shared->pid[actor], 0);
	ready = poll(pfds, 2, PATIENCE);
	close(pfds[1].fd);
	if (ready <= 0) {
		printf("{\"hang\":\"%.40s\"}\n", line);
		return 3;
	}
	if (pfds[0].revents)
		got = read(channel[actor][0], reply, sizeof(reply) - 1);
	if (got <= 0) {
		puts("{\"dead\":true}");
		return 0;
	}
	reply[got] = 0;
	printf("{%s}\n", reply);
	return 0;
}

int main(void)
{
	char *text = NULL, *save, *line;
	size_t room = 0;
	int status = 0;

	signal(SIGCHLD, SIG_IGN);	/* nobody waits for zombies; pidfds tell the end */
	signal(SIGPIPE, SIG_IGN);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || bad == MAP_FAILED)
		die("mmap");
	memset(shared->fd, 0xff, sizeof(shared->fd));
	for (int i = 0; i < ACTORS; i++)
		if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel[i]))
			die("socketpair");
	if (getdelim(&text, &room, 0, stdin) < 0)
		die("stdin");
	begin();
	for (line = strtok_r(text, "\n;", &save); line && !status;
	     line = strtok_r(NULL, "\n;", &save)) {
		line += strspn(line, " ");
		if (!strcmp(line, "seq")) {
			begin();
			puts("{\"seq\":true}");
		} else if (*line >= '0' && *line < '0' + ACTORS && line[1] == ' ') {
			status = route(*line - '0', line + 2);
		} else if (*line) {
			puts("{\"broken\":true}");
		}
	}
	for (int i = 0; i < ACTORS; i++)
		end_actor(i);
	return status;
}
