// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory of the queues: supplied by the caller or by the kernel, who pays for
 * it, and what absurd sizes lead to.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

#define PAGE	4096UL
#define GiB1	(1UL << 30)

static int enable_user(int fd, const void *addr, size_t size, size_t page)
{
	struct enable enable = { (uintptr_t)addr, size, page };

	return q_set(fd, SO_Q_ENABLE, &enable, sizeof(enable));
}

static int small_socket(void)
{
	int fd = q_socket();

	q_set_size(fd, SO_Q_RX_LEN, 64);
	q_set_size(fd, SO_Q_RX_SLOTS, 1024);
	q_set_size(fd, SO_Q_TX_LEN, 64);
	q_set_size(fd, SO_Q_TX_SLOTS, 16);
	return fd;
}

static void *anonymous(size_t size, int flags)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | flags, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Kilobytes of locked memory of this process. */
static long locked(void)
{
	return q_field("/proc/self/status", "VmLck:");
}

/* --- memory of the caller --------------------------------------------------- */

static void check_layout(const char *map, const char *name)
{
	const size_t slot = SLOT_SIZE(64);
	long wrong = 0;
	int half, i;

	expect((long)*(const uint64_t *)(map + RX_SHINFO), 0, "%s: shinfo", name);
	expect(*(const uint32_t *)(map + RX_LEN), 1024, "%s: rx.len", name);
	expect(*(const uint32_t *)(map + RX_SLOT_SIZE), (long)slot, "%s: rx.slot_size", name);
	for (i = 0; i < 5; i++) {
		const char *tx = map + TX(i);

		wrong += *(const uint64_t *)(tx + TX_SIZE) != 16 * slot;
		wrong += *(const uint32_t *)(tx + TX_PROD_INDEX) != 0;
		wrong += *(const int64_t *)(tx + TX_PROD_OFF0) != 0;
		wrong += *(const int64_t *)(tx + TX_PROD_OFF1) != 0;
		wrong += *(const uint32_t *)(tx + TX_CONS_INDEX) != 0;
		wrong += *(const int64_t *)(tx + TX_CONS_OFF) != 0;
	}
	expect(wrong, 0, "%s: Tx queues", name);
	for (half = 0, wrong = 0; half < 2; half++)
		for (i = 0; i < 1024; i++) {
			const struct slot *s = (const struct slot *)(map + CONTROL_BLOCK +
				(half * 1024 + i) * slot);

			wrong += s->commit != (half ? 0 : 1);
		}
	expect(wrong, 0, "%s: commits", name);
}

/* Memory full of other values is used as it should be, and is the caller's alone again. */
static void user_memory(char *map, size_t size, size_t page, const char *name)
{
	int fd = small_socket();
	long before;

	memset(map, 0xa5, size);
	before = locked();
	expect(enable_user(fd, map, size, page), 0, "%s: enable", name);
	expect(q_number(fd, GET_STATUS), 1, "%s: status", name);
	expect(locked() - before, q_number(fd, GET_SHMEM_SIZE) / 1024, "%s: counts as locked", name);
	check_layout(map, name);
	expect(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -errno : 0, -EINVAL,
	       "%s: nothing to map", name);
	expect(enable_user(fd, NULL, 0, MiB2), 0, "%s: a second enable does nothing", name);
	expect(q_set(fd, SO_Q_DISABLE, NULL, 0), 0, "%s: disable", name);
	expect(locked(), before, "%s: no longer locked", name);
	memset(map, 0, size);
	expect(enable_user(fd, map, size, page), 0, "%s: enable again", name);
	check_layout(map, name);
	close(fd);
	expect(locked(), before, "%s: no longer locked after close", name);
	map[0] = 1;
	expect(map[0], 1, "%s: still the caller's", name);
}

static void test_user_refusals(char *map, size_t size)
{
	char *ro = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *holed = anonymous(size, 0);
	int fd = small_socket();

	expect(enable_user(fd, NULL, size, MiB2), -EFAULT, "no address");
	expect(enable_user(fd, map, 0, MiB2), -EFAULT, "no size");
	expect(enable_user(fd, map + 64, size, MiB2), -EFAULT, "not at the start of a page");
	expect(enable_user(fd, (void *)-4096UL, size, MiB2), -EFAULT, "an address of the kernel");
	expect(enable_user(fd, map, (size_t)-1, MiB2), -EFAULT, "a size beyond user space");
	expect(enable_user(fd, map, size - 1, MiB2), -ENOMEM, "too small by one");
	expect(enable_user(fd, map, PAGE, GiB1), -ENOMEM, "one page, said to be 1 GiB");
	expect(enable_user(fd, ro, size, MiB2), -ENOMEM, "read only");
	munmap(holed + size / 2, PAGE);
	expect(enable_user(fd, holed, size, MiB2), -ENOMEM, "a hole in the middle");
	/* PFQ 6.2 looked at the first page alone, and wrote to whatever lay behind it */
	expect(enable_user(fd, holed, size, GiB1), -ENOMEM, "a hole in the middle of a 1 GiB page");
	expect(enable_user(fd, holed, GiB1, GiB1), -ENOMEM, "a hole, and a size that is a lie");
	munmap(holed + size - PAGE, PAGE);
	expect(enable_user(fd, holed, size, GiB1), -ENOMEM, "the last page missing");
	expect(q_number(fd, GET_STATUS), 0, "status after refusals");
	expect(locked(), 0, "nothing is locked after refusals");
	expect(enable_user(fd, map, size, 12345), 0, "the size of the pages does not matter");
	close(fd);
	munmap(ro, size);
	munmap(holed, size / 2);
}

static void drop_ipc_lock(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	syscall(SYS_capget, &header, data);
	data[0].effective &= ~(1U << CAP_IPC_LOCK);
	data[0].permitted &= ~(1U << CAP_IPC_LOCK);
	data[0].inheritable &= ~(1U << CAP_IPC_LOCK);
	syscall(SYS_capset, &header, data);
}

static void memlock(void *arg)
{
	struct rlimit limit = { MiB2 - PAGE, MiB2 - PAGE };
	int fd = small_socket();
	char *map = arg;

	drop_ipc_lock();
	setrlimit(RLIMIT_MEMLOCK, &limit);
	expect(enable_user(fd, map, MiB2, MiB2), -ENOMEM, "more than RLIMIT_MEMLOCK");
	expect(locked(), 0, "nothing is locked then");
	close(fd);
}

/* The memory belongs to a process that is dead before the socket is. */
static void test_heir(void)
{
	int sockets[2], fd, status;
	char *map;
	pid_t pid;

	if (q_pair(sockets))
		return;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		map = anonymous(MiB2, 0);
		fd = small_socket();
		if (enable_user(fd, map, MiB2, MiB2))
			_exit(1);
		q_send_fd(sockets[1], fd);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	fd = q_receive_fd(sockets[0]);
	expect(status, 0, "a process enables a socket with memory of its own, passes it on, and dies");
	expect(q_number(fd, GET_STATUS), 1, "the socket is enabled still");
	expect(q_join(fd, -1, SHARED, 1), 0, "and works");
	expect(close(fd), 0, "and is closed");
	close(sockets[0]);
	close(sockets[1]);
}

static void test_huge(void)
{
	FILE *file = fopen("/proc/sys/vm/nr_hugepages", "w");
	char *map;

	if (file) {
		fprintf(file, "4\n");
		fclose(file);
	}
	map = anonymous(MiB2, MAP_HUGETLB);
	verdict(map, "a huge page", "%s", map ? "" : strerror(errno));
	if (!map)
		return;
	user_memory(map, MiB2, MiB2, "huge page");
	munmap(map, MiB2);
	map = anonymous(2 * MiB2, MAP_HUGETLB);
	if (map)
		user_memory(map, 2 * MiB2, GiB1, "two huge pages, said to be 1 GiB");
	file = fopen("/proc/sys/vm/nr_hugepages", "w");
	if (file) {
		fprintf(file, "0\n");
		fclose(file);
	}
}

/* --- memory of the kernel -------------------------------------------------- */

static void test_absurd(void)
{
	int fd = q_socket(), dev_null = open("/dev/null", O_RDWR);
	struct enable enable = { 0, 0, 0 };
	size_t i;

	/* 1 GiB for Rx, 5 GiB for Tx: more than the machine has */
	q_set_size(fd, SO_Q_RX_SLOTS, MAX_SLOTS);
	q_set_size(fd, SO_Q_TX_SLOTS, MAX_SLOTS);
	expect(q_enable(fd), -ENOMEM, "6 GiB");
	q_set_size(fd, SO_Q_TX_SLOTS, 0);
	expect(q_enable(fd), -ENOMEM, "1 GiB, as much as there is");
	expect(q_number(fd, GET_STATUS), 0, "status after that");
	for (i = 0; i < 50; i++)
		q_enable(fd);
	q_set_size(fd, SO_Q_RX_SLOTS, 64);
	expect(q_enable(fd), 0, "64 slots, on the same socket");
	expect(setsockopt(dev_null, FAMILY, SO_Q_ENABLE, &enable, sizeof(enable)) ? -errno : 0,
	       -ENOTSOCK, "and no other file is taken for a socket");
	close(dev_null);
	close(fd);
}

/* What is mapped lives until it is unmapped, also in a child. */
static void test_mapping(void)
{
	int fd = small_socket(), status;
	size_t size;
	char *map;
	pid_t pid;

	q_enable(fd);
	size = (size_t)q_number(fd, GET_SHMEM_SIZE);
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	expect(map == MAP_FAILED ? -errno : 0, 0, "map");
	if (map == MAP_FAILED)
		return;
	expect(mremap(map, size, 2 * size, MREMAP_MAYMOVE) == MAP_FAILED ? -errno : 0, -EFAULT,
	       "it does not grow");
	expect(munmap(map + PAGE, PAGE), 0, "a page in the middle can go");
	q_set(fd, SO_Q_DISABLE, NULL, 0);
	close(fd);
	memset(map + 2 * PAGE, 0x5a, size - 2 * PAGE);
	pid = fork();
	if (pid == 0) {
		map[2 * PAGE] = 7;
		_exit(map[size - 1] != 0x5a);
	}
	waitpid(pid, &status, 0);
	expect(status, 0, "a child has it too, after disable and close");
	expect(map[2 * PAGE], 7, "and it is the same memory");
	munmap(map, size);
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

#define CGROUPS	"/tmp/cgroups"
#define CGROUP	CGROUPS "/pfq"

static void charged(void *arg)
{
	int fd = q_socket();
	long before, size;

	(void)arg;
	write_file(CGROUP "/cgroup.procs", "0");
	before = q_field(CGROUP "/memory.current", NULL);
	q_set_size(fd, SO_Q_RX_SLOTS, 4096);
	size = q_number(fd, GET_SHMEM_SIZE);
	expect(q_enable(fd), 0, "16 MiB in a cgroup");
	verdict(q_field(CGROUP "/memory.current", NULL) - before >= size, "its memory is charged",
		"%ld of %ld bytes", q_field(CGROUP "/memory.current", NULL) - before, size);
	q_set(fd, SO_Q_DISABLE, NULL, 0);
	verdict(q_field(CGROUP "/memory.current", NULL) - before < size / 2, "and given back",
		"%ld bytes left", q_field(CGROUP "/memory.current", NULL) - before);
	q_set_size(fd, SO_Q_RX_SLOTS, 32768);
	expect(q_enable(fd), -ENOMEM, "128 MiB, in a cgroup of 64");
	expect(q_number(fd, GET_STATUS), 0, "and nobody is killed for it");
	close(fd);
}

static void test_charge(void)
{
	int ret;

	mkdir(CGROUPS, 0755);
	ret = mount("none", CGROUPS, "cgroup2", 0, NULL) ? -errno : 0;
	expect(ret, 0, "mount the cgroups");
	if (ret)
		return;
	write_file(CGROUPS "/cgroup.subtree_control", "+memory");
	mkdir(CGROUP, 0755);
	expect(write_file(CGROUP "/memory.max", "67108864"), 0, "a cgroup of 64 MiB");
	in_child(charged, NULL);
	rmdir(CGROUP);
	umount(CGROUPS);
}

void test_memory(void)
{
	char *map = anonymous(MiB2 + PAGE, 0);

	section("memory of the caller");
	user_memory(map, MiB2, MiB2, "small pages");
	user_memory(map + PAGE, MiB2, MiB2, "small pages, not aligned to a huge one");
	test_user_refusals(map, MiB2);
	in_child(memlock, map);
	test_huge();
	test_heir();
	munmap(map, MiB2 + PAGE);
	section("memory of the kernel");
	test_absurd();
	test_mapping();
	test_charge();
}
