// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a thread of the fuzzer does. The threads of a process share descriptors
 * and mappings and take them from each other's hands; touching memory that is
 * gone is caught and goes on with the next operation.
 */
#include "fuzz.h"

#define SOCKETS	8
#define MAPS	8

const char *const kind_names[KINDS] = {
	"open", "close", "set", "get", "map", "remap", "scribble", "read", "poll", "filter",
	"program", "proc", "pass", "space", "device", "death",
};

/* How often each kind comes, out of their sum. */
static const unsigned int weights[KINDS] = {
	60, 25, 300, 120, 40, 40, 150, 80, 40, 60, 60, 8, 6, 1, 1, 1,
};

struct map {
	char *addr;
	size_t length;
};

static _Atomic int sockets[SOCKETS];
static struct map maps[MAPS];
static __thread sigjmp_buf caught;

/* --- random numbers ------------------------------------------------------------- */

uint64_t any(struct thread *t)
{
	uint64_t z = t->random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

unsigned int below(struct thread *t, unsigned int n)
{
	return any(t) % n;
}

bool one_in(struct thread *t, unsigned int n)
{
	return below(t, n) == 0;
}

static int64_t odd_number(struct thread *t)
{
	static const int64_t odd[] = { 0, 1, -1, 2, 31, 32, 63, 64, 65, 127, 255, 256, 4094, 4095,
				       4096, 65535, 65536, INT32_MAX, INT32_MIN, UINT32_MAX,
				       INT64_MAX, INT64_MIN };

	return one_in(t, 4) ? (int64_t)any(t) : odd[below(t, sizeof(odd) / sizeof(*odd))];
}

void mutate(struct thread *t, void *bytes, size_t count)
{
	unsigned char *at = bytes;

	if (!count)
		return;
	for (unsigned int n = 1 + below(t, 4); n--;)
		at[any(t) % count] ^= 1 << below(t, 8);
}

void *wild_pointer(struct thread *t)
{
	switch (below(t, 5)) {
	case 0: return NULL;
	case 1: return (void *)-4096L;
	case 2: return (void *)(any(t) & 0x7fffffffffff);
	case 3: return (void *)(0xffff888000000000 | (any(t) & 0x3ffff000));
	default: return maps[below(t, MAPS)].addr;
	}
}

/* --- descriptors ------------------------------------------------------------------ */

static int some_socket(struct thread *t)
{
	return sockets[below(t, SOCKETS)];
}

static void keep_map(struct thread *t, char *addr, size_t length)
{
	struct map *m = &maps[below(t, MAPS)], old = *m;

	m->length = 0;
	m->addr = addr;
	m->length = length;
	if (old.length)
		munmap(old.addr, old.length);
}

/* As a program does it, so that there is something to attack. */
static void set_up(struct thread *t, int fd)
{
	struct { int32_t gid, policy; uint64_t classes; } group = { below(t, 4), 3, 1 };
	struct { int32_t gid, ifindex, qindex; } binding = { group.gid, 0, -1 };
	struct { uint64_t addr, size, huge; } none = { 0, 0, 0 };
	size_t slots = 1 + below(t, 64), length = below(t, 200);
	socklen_t room = sizeof(group);
	char *addr;

	setsockopt(fd, FAMILY, 3, &length, sizeof(length));
	setsockopt(fd, FAMILY, 4, &slots, sizeof(slots));
	setsockopt(fd, FAMILY, 1, &none, sizeof(none));
	addr = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (addr != MAP_FAILED)
		keep_map(t, addr, 2 << 20);
	binding.ifindex = if_nametoindex(shared->device);
	if (!getsockopt(fd, FAMILY, 12, &group, &room))
		setsockopt(fd, FAMILY, 10, &binding, sizeof(binding));
}

static bool do_open(struct thread *t)
{
	int fd = socket(FAMILY, one_in(t, 20) ? (int)below(t, 12) : SOCK_RAW,
			one_in(t, 20) ? (int)any(t) : 0x0300);

	if (fd < 0)
		return false;
	if (!one_in(t, 4))
		set_up(t, fd);
	fd = atomic_exchange(&sockets[below(t, SOCKETS)], fd);
	if (fd >= 0)
		close(fd);
	return true;
}

static bool do_close(struct thread *t)
{
	int fd = atomic_exchange(&sockets[below(t, SOCKETS)], -1);

	return fd >= 0 && !close(fd);
}

/* In flight, and never received, or received as another descriptor. */
static bool do_pass(struct thread *t)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	int pair[2], fd = some_socket(t), got;
	bool good = false;

	if (fd < 0 || socketpair(AF_UNIX, SOCK_DGRAM, 0, pair))
		return false;
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	good = sendmsg(pair[0], &message, 0) == 1;
	if (good && one_in(t, 2) && recvmsg(pair[1], &message, MSG_DONTWAIT) == 1) {
		memcpy(&got, CMSG_DATA(head), sizeof(got));
		got = atomic_exchange(&sockets[below(t, SOCKETS)], got);
		if (got >= 0)
			close(got);
	}
	close(pair[0]);
	close(pair[1]);
	return good;
}

/* --- options ------------------------------------------------------------------------ */

static int some_group(struct thread *t)
{
	return one_in(t, 12) ? (int)odd_number(t) : (int)below(t, 4) - one_in(t, 4);
}

static int some_device(struct thread *t)
{
	switch (below(t, 8)) {
	case 0: return -1;
	case 1: return below(t, 16);
	case 2: return odd_number(t);
	default: return if_nametoindex(shared->device);
	}
}

static int some_queue(struct thread *t)
{
	return one_in(t, 3) ? (int)odd_number(t) : (int)below(t, 3) - 1;
}

/* Fills the argument of an option plausibly; returns its length. */
static size_t argument(struct thread *t, int option, void *bytes)
{
	static const size_t lengths[] = { 0, 32, 64, 100, 1514, 2016 };
	int *words = bytes;
	uint64_t *longs = bytes;

	switch (option) {
	case 1:
		longs[0] = one_in(t, 8) ? (uint64_t)wild_pointer(t) : 0;
		longs[1] = one_in(t, 8) ? (uint64_t)odd_number(t) : 0;
		longs[2] = one_in(t, 8) ? 1UL << below(t, 34) : 0;
		return 24;
	case 3: case 6:
		longs[0] = one_in(t, 8) ? (uint64_t)odd_number(t) : lengths[below(t, 6)];
		return 8;
	case 4: case 7:
		/* Not so many that the guest has no memory: that is another test's. */
		longs[0] = one_in(t, 8) ? 262145 + (any(t) >> 1) : below(t, 65);
		return 8;
	case 2: case 8: case 13: case 42:
		words[0] = one_in(t, 3) ? (int)odd_number(t) : (int)below(t, 9);
		return 4;
	case 10: case 11: case 18: case 40:
		words[0] = some_group(t);
		words[1] = some_device(t);
		words[2] = some_queue(t);
		return 12;
	case 12:
		words[0] = some_group(t);
		words[1] = one_in(t, 10) ? (int)odd_number(t) : one_in(t, 3) ? (int)below(t, 4) : 3;
		longs[1] = one_in(t, 4) ? any(t) : 1UL << below(t, 4);
		return 16;
	case 1024:	/* the extension: frames go on to the stack as well */
		words[0] = some_group(t);
		words[1] = below(t, 2);
		return 8;
	case 15: case 16:
		words[0] = some_group(t);
		words[1] = one_in(t, 3) ? (int)odd_number(t) : (int)below(t, 4096) - 1;
		words[2] = below(t, 2);
		return 12;
	case 20:
		words[0] = one_in(t, 4) ? (int)odd_number(t) : 0x060100;
		return 4;
	case 21: case 24: case 33:
		return 4;
	case 23: case 25: case 26: case 28: case 29: case 30:
		return 8;
	case 22: case 31:
		longs[0] = one_in(t, 4) ? (uint64_t)odd_number(t) : below(t, 4);
		return 64;
	case 32:
		longs[0] = one_in(t, 4) ? (uint64_t)odd_number(t) : below(t, 4);
		return 512;
	default:
		for (int i = 0; i < 4; i++)
			longs[i] = odd_number(t);
		return below(t, 33);
	}
}

static int some_option(struct thread *t, bool setting)
{
	static const int sets[] = { 0, 1, 1, 1, 2, 3, 4, 4, 6, 7, 8, 10, 10, 10, 10, 11, 13, 15, 16, 18,
				    19, 40, 41, 42, 1024 };
	static const int gets[] = { 12, 12, 12, 12, 12, 12, 20, 21, 22, 23, 24, 25, 26, 28, 29, 30, 31,
				    32, 33 };

	if (one_in(t, 20))
		return one_in(t, 2) ? (int)below(t, 70) : (int)odd_number(t);
	return setting ? sets[below(t, sizeof(sets) / sizeof(*sets))]
		       : gets[below(t, sizeof(gets) / sizeof(*gets))];
}

static bool do_option(struct thread *t, bool setting)
{
	unsigned char bytes[1024] __attribute__((aligned(16))) = { 0 };
	int fd = some_socket(t), option = some_option(t, setting), length;
	int level = one_in(t, 10) ? (int)odd_number(t) : 27;
	void *value = bytes;

	length = argument(t, option, bytes);
	if (one_in(t, 8))
		mutate(t, bytes, length);
	if (one_in(t, 12))
		length = one_in(t, 2) ? (int)odd_number(t) : (int)below(t, 600);
	if (one_in(t, 16))
		value = wild_pointer(t);
	snprintf(t->doing, sizeof(t->doing), "%s %d", setting ? "set" : "get", option);
	if (setting) {
		/* What disables and detaches is rare, or little would ever be on. */
		if (option == 0 && !one_in(t, 3))
			return false;
		return !syscall(SYS_setsockopt, fd, level, option, value, length);
	}
	if (length > (int)sizeof(bytes) && value == bytes)
		length = sizeof(bytes);
	return !syscall(SYS_getsockopt, fd, level, option, value,
			one_in(t, 30) ? wild_pointer(t) : &length);
}

/* --- memory --------------------------------------------------------------------------- */

static bool do_map(struct thread *t)
{
	size_t length = one_in(t, 4) ? (any(t) & 0xffffff) : 2UL << 20;
	off_t offset = one_in(t, 4) ? (off_t)(any(t) & 0xfffffff000) : 0;
	int prot = one_in(t, 4) ? (int)below(t, 8) : PROT_READ | PROT_WRITE;
	int flags = one_in(t, 4) ? MAP_PRIVATE : MAP_SHARED;
	int fd = some_socket(t);
	char *addr;

	if (one_in(t, 6))
		flags |= (int[]){ MAP_LOCKED, MAP_POPULATE, MAP_NORESERVE, MAP_HUGETLB, MAP_GROWSDOWN,
				  MAP_SYNC }[below(t, 6)];
	addr = mmap(NULL, length, prot, flags, fd, offset);
	if (addr == MAP_FAILED)
		return false;
	keep_map(t, addr, length);
	return true;
}

static bool do_remap(struct thread *t)
{
	static const int advice[] = { MADV_DONTNEED, MADV_WILLNEED, MADV_REMOVE, MADV_FREE, MADV_DONTFORK,
				      MADV_MERGEABLE, MADV_HUGEPAGE, MADV_COLD, MADV_PAGEOUT };
	struct map *m = &maps[below(t, MAPS)];
	size_t part = (any(t) % 3 << 12) + (one_in(t, 2) ? 0 : m->length);
	char *addr;

	if (!m->length)
		return false;
	switch (below(t, 7)) {
	case 0:
		part = m->length;
		m->length = 0;
		return !munmap(m->addr, part);
	case 1:
		return !munmap(m->addr + 4096 * below(t, 8), 4096);
	case 2:
		addr = mremap(m->addr, m->length, part, one_in(t, 2) ? MREMAP_MAYMOVE : 0);
		if (addr == MAP_FAILED)
			return false;
		m->addr = addr;
		m->length = part;
		return true;
	case 3:
		return !mprotect(m->addr, part, below(t, 8));
	case 4:
		return !madvise(m->addr, part, advice[below(t, sizeof(advice) / sizeof(*advice))]);
	case 5:
		return !msync(m->addr, part, MS_SYNC);
	default:
		return one_in(t, 2) ? !mlock(m->addr, part) : !munlock(m->addr, part);
	}
}

/* Anything, anywhere in what is shared; mostly in the words that mean something. */
static bool do_scribble(struct thread *t)
{
	static const unsigned int offsets[] = { 0, 0, 0, 4, 8, 12, 16, 128, 256, 264, 272, 384, 392, 512, 640,
						648, 768, 2048 + 28, 2048 };
	struct map m = maps[below(t, MAPS)];
	size_t at = offsets[below(t, sizeof(offsets) / sizeof(*offsets))];
	volatile uint64_t *word;

	if (m.length < 8192)
		return false;
	switch (below(t, 6)) {
	case 0:
		at = any(t) % (m.length - 8) & ~7UL;
		break;
	case 1:		/* a half, commit words and all */
		memset(m.addr + 2048, one_in(t, 2) ? 0 : (int)any(t), m.length / (1 + below(t, 8)) - 2048);
		return true;
	case 2:		/* a reader that went mad: versions fly by */
		word = (volatile uint64_t *)m.addr;
		for (int i = 0; i < 1000; i++)
			*word = (uint64_t)i << 32 | (any(t) & 63);
		return true;
	}
	word = (volatile uint64_t *)(m.addr + at);
	*word = one_in(t, 2) ? (uint64_t)odd_number(t)
			     : (any(t) & 0xffffffff00000000) | below(t, 70);
	return true;
}

static bool do_read(struct thread *t)
{
	struct map m = maps[below(t, MAPS)];
	uint64_t info;

	if (m.length < 8192)
		return false;
	info = atomic_load((_Atomic uint64_t *)m.addr);
	return (uint32_t)atomic_exchange((_Atomic uint64_t *)m.addr, ((info >> 32) + 1) << 32);
}

/* --- the rest --------------------------------------------------------------------------- */

static bool do_poll(struct thread *t)
{
	int fd = some_socket(t), other = some_socket(t), ep;
	struct pollfd pfds[2] = { { .fd = fd, .events = any(t) }, { .fd = other, .events = POLLIN } };
	struct epoll_event event = { .events = EPOLLIN | (one_in(t, 2) ? EPOLLET : 0) };
	char byte;

	switch (below(t, 5)) {
	case 0:
		return poll(pfds, 2, below(t, 4)) > 0;
	case 1:
		ep = epoll_create1(0);
		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event);
		fd = epoll_wait(ep, &event, 1, below(t, 4));
		close(ep);
		return fd > 0;
	case 2:
		return !ioctl(fd, one_in(t, 2) ? 0x80045100 : any(t) & 0xffff, one_in(t, 2) ? 0 : odd_number(t));
	case 3:
		return recv(fd, &byte, 1, MSG_DONTWAIT) >= 0;
	default:
		return send(fd, &byte, 1, MSG_DONTWAIT) >= 0;
	}
}

static bool do_proc(struct thread *t)
{
	static const char *const names[] = { "global", "sockets", "groups", "lang", "memory", "devices" };
	char path[64], bytes[4096];
	unsigned int which = below(t, 6);
	bool good = true;
	int fd;

	snprintf(path, sizeof(path), "/proc/net/pfq/%s", names[which]);
	fd = open(path, which || one_in(t, 2) ? O_RDONLY : O_RDWR);
	if (fd < 0)
		return false;
	if (!which && one_in(t, 2))
		good = write(fd, bytes, any(t) % 4) >= 0;
	if (one_in(t, 4))
		lseek(fd, odd_number(t), SEEK_SET);
	while (read(fd, bytes, 1 + below(t, sizeof(bytes))) > 0)
		;
	close(fd);
	return good;
}

/* A short life in a namespace of its own. */
static bool do_space(struct thread *t)
{
	unsigned int how = below(t, 4);
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct { int32_t gid, policy; uint64_t classes; } group = { 0, 3, 1 };
		struct { int32_t gid, ifindex, qindex; } binding = { 0, 1, -1 };
		struct { uint64_t addr, size, huge; } none = { 0, 0, 0 };
		socklen_t room = sizeof(group);
		int fd;

		if (unshare(CLONE_NEWNET))
			_exit(1);
		fd = socket(FAMILY, SOCK_RAW, 0x0300);
		setsockopt(fd, 27, 1, &none, sizeof(none));
		getsockopt(fd, 27, 12, &group, &room);
		setsockopt(fd, 27, 10, &binding, sizeof(binding));
		if (how == 0)
			kill(getpid(), SIGKILL);
		_exit(0);
	}
	if (pid < 0)
		return false;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

/* Devices that come, are bound, change their names and go. */
static bool do_device(struct thread *t)
{
	static _Atomic int number;
	struct { int32_t gid, policy; uint64_t classes; } group = { -1, 3, 1 };
	struct { int32_t gid, ifindex, qindex; } binding = { 0, 0, -1 };
	socklen_t room = sizeof(group);
	char name[16], command[256];
	int fd = socket(FAMILY, SOCK_RAW, 0x0300), ret;

	if (one_in(t, 4)) {
		snprintf(command, sizeof(command), "ip link set %s down; ip link set %s up",
			 shared->device, shared->device);
		ret = system(command);
		close(fd);
		return !ret;
	}
	snprintf(name, sizeof(name), "f%d.%d", getpid() % 10000, number++ % 1000);
	snprintf(command, sizeof(command),
		 "ip link add %s type dummy 2>/dev/null || ip link add %s type veth", name, name);
	ret = system(command);
	binding.ifindex = if_nametoindex(name);
	if (!getsockopt(fd, 27, 12, &group, &room)) {
		binding.gid = group.gid;
		setsockopt(fd, 27, 10, &binding, sizeof(binding));
		setsockopt(fd, 27, 18, &binding, sizeof(binding));
	}
	snprintf(command, sizeof(command),
		 "ip link set %s name %sx; ip link set %sx up; ip link del %sx || ip link del %s", name,
		 name, name, name, name);
	ret |= system(command);
	close(fd);
	return !ret;
}

static bool perform(struct thread *t, enum kind kind)
{
	snprintf(t->doing, sizeof(t->doing), "%s", kind_names[kind]);
	switch (kind) {
	case OPEN: return do_open(t);
	case CLOSE: return do_close(t);
	case SET: return do_option(t, true);
	case GET: return do_option(t, false);
	case MAP: return do_map(t);
	case REMAP: return do_remap(t);
	case SCRIBBLE: return do_scribble(t);
	case READ: return do_read(t);
	case POLL: return do_poll(t);
	case FILTER: return !fuzz_filter(t, some_socket(t));
	case PROGRAM: return !fuzz_program(t, some_socket(t));
	case PROC: return do_proc(t);
	case PASS: return do_pass(t);
	case SPACE: return do_space(t);
	case DEVICE: return do_device(t);
	default:
		kill(getpid(), SIGKILL);
		return true;
	}
}

static enum kind choose(struct thread *t)
{
	unsigned int sum = 0, at;
	int k;

	for (k = 0; k < KINDS; k++)
		sum += weights[k];
	at = below(t, sum);
	for (k = 0; at >= weights[k]; k++)
		at -= weights[k];
	return k;
}

static void touched_nothing(int number)
{
	(void)number;
	siglongjmp(caught, 1);
}

void fuzz_process(void)
{
	struct sigaction action = { .sa_handler = touched_nothing, .sa_flags = SA_NODEFER };

	for (int i = 0; i < SOCKETS; i++)
		sockets[i] = -1;
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

void fuzz_thread(struct thread *t)
{
	volatile enum kind kind;
	bool good;

	while (t->left) {
		t->left--;
		t->done++;
		kind = choose(t);
		t->kinds[kind][0]++;
		if (sigsetjmp(caught, 1))
			continue;
		good = perform(t, kind);
		t->kinds[kind][1] += good;
	}
	snprintf(t->doing, sizeof(t->doing), "nothing");
}
