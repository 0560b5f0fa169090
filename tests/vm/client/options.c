// SPDX-License-Identifier: GPL-2.0-or-later
/* Sizes, lengths, shared memory: everything about one socket by itself. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client.h"

#define PAGE 4096UL

static size_t max_slot_size(void)
{
	FILE *file = fopen("/sys/module/pfq/parameters/max_slot_size", "r");
	size_t value = 2048;

	if (file) {
		if (fscanf(file, "%zu", &value) != 1)
			value = 2048;
		fclose(file);
	}
	return value;
}

void test_defaults(void)
{
	struct stats stats, zero = { 0 };
	int fd = q_socket();

	section("defaults");
	expect(q_number(fd, GET_STATUS), 0, "status");
	expect(q_number(fd, GET_RX_TSTAMP), 0, "timestamps");
	expect(q_number(fd, GET_RX_SLOT_SIZE), (long)max_slot_size(), "rx slot size");
	expect(q_number(fd, GET_TX_SLOT_SIZE), (long)max_slot_size(), "tx slot size");
	expect(q_number(fd, GET_RX_SLOTS), 0, "rx slots");
	expect(q_number(fd, GET_TX_SLOTS), 0, "tx slots");
	expect(q_number(fd, GET_WEIGHT), 1, "weight");
	expect(q_number(fd, GET_GROUPS), 0, "groups");
	expect(q_number(fd, GET_SHMEM_SIZE), MiB2, "shared memory");
	memset(&stats, 0xff, sizeof(stats));
	expect(q_get(fd, GET_STATS, &stats, sizeof(stats)), 0, "statistics");
	expect(memcmp(&stats, &zero, sizeof(stats)), 0, "statistics are zero");
	close(fd);
}

/* --- exact lengths ------------------------------------------------------- */

struct length {
	int option;
	int size;
	bool is_get;
	bool later;	/* a feature of a later release: EOPNOTSUPP will do */
	const char *name;
};

static const struct length lengths[] = {
	{ SO_Q_ENABLE,		24, false, false, "ENABLE" },
	{ SO_Q_RX_TSTAMP,	4, false, false, "SET_RX_TSTAMP" },
	{ SO_Q_RX_LEN,		8, false, false, "SET_RX_LEN" },
	{ SO_Q_RX_SLOTS,	8, false, false, "SET_RX_SLOTS" },
	{ SO_Q_TX_LEN,		8, false, false, "SET_TX_LEN" },
	{ SO_Q_TX_SLOTS,	8, false, false, "SET_TX_SLOTS" },
	{ SO_Q_WEIGHT,		4, false, false, "SET_WEIGHT" },
	{ SO_Q_BIND,		12, false, false, "GROUP_BIND" },
	{ SO_Q_UNBIND,		12, false, false, "GROUP_UNBIND" },
	{ SO_Q_LEAVE,		4, false, false, "GROUP_LEAVE" },
	{ SO_Q_FPROG,		24, false, false, "GROUP_FPROG" },
	{ SO_Q_VLAN_TOGGLE,	12, false, false, "GROUP_VLAN_FILT_TOGGLE" },
	{ SO_Q_VLAN_FILT,	12, false, false, "GROUP_VLAN_FILT" },
	{ SO_Q_FUNCTION,	16, false, false, "GROUP_FUNCTION" },
	{ SO_Q_EGRESS_BIND,	12, false, false, "EGRESS_BIND" },
	{ SO_Q_TX_BIND,		12, false, true, "TX_BIND" },
	/* TX_QUEUE_XMIT asks for an enabled socket before it looks: test_later_tx() */
	{ SO_Q_JOIN,		16, true, false, "GROUP_JOIN" },
	{ GET_ID,		4, true, false, "GET_ID" },
	{ GET_STATUS,		4, true, false, "GET_STATUS" },
	{ GET_STATS,		64, true, false, "GET_STATS" },
	{ GET_SHMEM_SIZE,	8, true, false, "GET_SHMEM_SIZE" },
	{ GET_RX_TSTAMP,	4, true, false, "GET_RX_TSTAMP" },
	{ GET_RX_SLOT_SIZE,	8, true, false, "GET_RX_SLOT_SIZE" },
	{ GET_RX_SLOTS,		8, true, false, "GET_RX_SLOTS" },
	{ GET_TX_SLOT_SIZE,	8, true, false, "GET_TX_SLOT_SIZE" },
	{ GET_TX_SLOTS,		8, true, false, "GET_TX_SLOTS" },
	{ GET_GROUPS,		8, true, false, "GET_GROUPS" },
	{ GET_GROUP_STATS,	64, true, false, "GET_GROUP_STATS" },
	{ GET_GROUP_COUNTERS,	512, true, false, "GET_GROUP_COUNTERS" },
	{ GET_WEIGHT,		4, true, false, "GET_WEIGHT" },
};

static void try_length(int fd, const struct length *l, void *value, int len, long want)
{
	int ret = l->is_get ? q_get(fd, l->option, value, len) : q_set(fd, l->option, value, len);
	char name[80];

	snprintf(name, sizeof(name), "%s, %d bytes%s", l->name, len, value ? "" : " at NULL");
	if (l->later)
		expect_any(ret, name, want, NOT_YET);
	else
		expect(ret, want, "%s", name);
}

void test_lengths(void)
{
	static char buffer[1024];
	int fd = q_socket();
	size_t i;

	section("lengths");
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		const struct length *l = &lengths[i];

		memset(buffer, 0, sizeof(buffer));
		try_length(fd, l, buffer, l->size - 1, -EINVAL);
		try_length(fd, l, buffer, l->size + 1, -EINVAL);
		try_length(fd, l, buffer, 0, -EINVAL);
		try_length(fd, l, NULL, l->size, -EFAULT);
		if (l->is_get)
			try_length(fd, l, buffer, -1, -EINVAL);
	}
	expect(q_number(fd, GET_STATUS), 0, "nothing of this has enabled the socket");
	close(fd);
}

/* --- values -------------------------------------------------------------- */

static void test_slot_sizes(int fd, int set, int get, const char *name)
{
	static const size_t good[][2] = {
		{ 1, 64 }, { 32, 64 }, { 33, 96 }, { 64, 96 }, { 1514, 1568 }, { 1520, 1568 },
	};
	static const size_t huge[] = {
		(size_t)-1, (size_t)-31, (size_t)-32, (size_t)-33, (size_t)-63, (size_t)-64,
		1UL << 63, 1UL << 32, (1UL << 32) + 64,
	};
	const size_t max = max_slot_size();
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		expect(q_set_size(fd, set, good[i][0]), 0, "%s %zu", name, good[i][0]);
		expect(q_number(fd, get), (long)good[i][1], "%s %zu: slot", name, good[i][0]);
	}
	expect(q_set_size(fd, set, max - HDR), 0, "%s, largest", name);
	expect(q_number(fd, get), (long)max, "%s, largest: slot", name);
	expect(q_set_size(fd, set, max - HDR + 1), -EPERM, "%s, one more", name);
	for (i = 0; i < sizeof(huge) / sizeof(huge[0]); i++)
		expect(q_set_size(fd, set, huge[i]), -EPERM, "%s %#zx", name, huge[i]);
	expect(q_number(fd, get), (long)max, "%s: a refusal changes nothing", name);
}

static void test_slots(int fd, int set, int get, const char *name)
{
	expect(q_set_size(fd, set, MAX_SLOTS), 0, "%s, largest", name);
	expect(q_number(fd, get), MAX_SLOTS, "%s, largest: read back", name);
	expect(q_set_size(fd, set, MAX_SLOTS + 1), -EPERM, "%s, one more", name);
	expect(q_set_size(fd, set, (size_t)-1), -EPERM, "%s, SIZE_MAX", name);
	expect(q_set_size(fd, set, 1UL << 32), -EPERM, "%s, 2^32", name);
	expect(q_number(fd, get), MAX_SLOTS, "%s: a refusal changes nothing", name);
	expect(q_set_size(fd, set, 0), 0, "%s, none", name);
	expect(q_number(fd, get), 0, "%s, none: read back", name);
}

void test_sizes(void)
{
	static const int stamps[][2] = { { 1, 1 }, { 0, 0 }, { 5, 1 }, { -1, 1 }, { 0, 0 } };
	int fd = q_socket(), weight;
	size_t i;

	section("sizes");
	for (i = 0; i < sizeof(stamps) / sizeof(stamps[0]); i++) {
		expect(q_set_int(fd, SO_Q_RX_TSTAMP, stamps[i][0]), 0, "timestamps %d",
		       stamps[i][0]);
		expect(q_number(fd, GET_RX_TSTAMP), stamps[i][1], "timestamps %d: read back",
		       stamps[i][0]);
	}
	test_slot_sizes(fd, SO_Q_RX_LEN, GET_RX_SLOT_SIZE, "rx length");
	test_slot_sizes(fd, SO_Q_TX_LEN, GET_TX_SLOT_SIZE, "tx length");
	test_slots(fd, SO_Q_RX_SLOTS, GET_RX_SLOTS, "rx slots");
	test_slots(fd, SO_Q_TX_SLOTS, GET_TX_SLOTS, "tx slots");
	for (weight = 1; weight <= 8; weight++) {
		expect(q_set_int(fd, SO_Q_WEIGHT, weight), 0, "weight %d", weight);
		expect(q_number(fd, GET_WEIGHT), weight, "weight %d: read back", weight);
	}
	expect(q_set_int(fd, SO_Q_WEIGHT, 0), -EPERM, "weight 0");
	expect(q_set_int(fd, SO_Q_WEIGHT, 9), -EPERM, "weight 9");
	expect(q_set_int(fd, SO_Q_WEIGHT, -1), -EPERM, "weight -1");
	expect(q_number(fd, GET_WEIGHT), 8, "weight: a refusal changes nothing");
	close(fd);
}

void test_unknown(void)
{
	static const int gets[] = { 0, 1, 3, 10, 13, 19, GET_RX_OFFSET, 34, 39, 40, 42, 999, -1 };
	char buffer[64] = "";
	int fd = q_socket();
	size_t i;

	section("unknown options");
	for (i = 0; i < sizeof(gets) / sizeof(gets[0]); i++)
		expect(q_get(fd, gets[i], buffer, 4), -EFAULT, "get %d", gets[i]);
	expect(q_set(fd, 999, buffer, 4), -ENOPROTOOPT, "set 999 falls through to SO_*");
	close(fd);
}

/* --- shared memory ------------------------------------------------------- */

struct geometry {
	size_t rx_len, rx_slots, tx_len, tx_slots;
};

static const struct geometry geometries[] = {
	{ 2016, 0, 2016, 0 },
	{ 64, 1, 64, 0 },
	{ 64, 1024, 64, 64 },
	{ 1514, 4096, 1514, 0 },
	{ 1514, 0, 1514, 128 },
	{ 2016, 4095, 64, 333 },
	{ 64, 10911, 64, 0 },		/* 192 bytes short of 2 MiB */
	{ 64, 10912, 64, 0 },		/* exactly 2 MiB: gets 2 MiB more */
	{ 64, 10913, 64, 0 },
	{ 2016, MAX_SLOTS, 2016, MAX_SLOTS },	/* never enabled: 6 GiB */
};

static long shmem_size(const struct geometry *g)
{
	size_t total = CONTROL_BLOCK + 2 * g->rx_slots * SLOT_SIZE(g->rx_len) +
		       5 * (2 * g->tx_slots * SLOT_SIZE(g->tx_len));

	return (long)((1 + total / MiB2) * MiB2);
}

static void set_geometry(int fd, const struct geometry *g)
{
	q_set_size(fd, SO_Q_RX_LEN, g->rx_len);
	q_set_size(fd, SO_Q_RX_SLOTS, g->rx_slots);
	q_set_size(fd, SO_Q_TX_LEN, g->tx_len);
	q_set_size(fd, SO_Q_TX_SLOTS, g->tx_slots);
}

void test_shmem_size(void)
{
	int fd = q_socket();
	size_t i;

	section("size of the shared memory");
	for (i = 0; i < sizeof(geometries) / sizeof(geometries[0]); i++) {
		const struct geometry *g = &geometries[i];

		set_geometry(fd, g);
		expect(q_number(fd, GET_SHMEM_SIZE), shmem_size(g), "rx %zu x %zu, tx %zu x %zu",
		       g->rx_slots, g->rx_len, g->tx_slots, g->tx_len);
	}
	close(fd);
}

void test_enable(void)
{
	static const struct geometry g = { 64, 256, 64, 16 };
	struct enable enable = { 0, 0, 0 }, before = enable, huge = { 0, 0, MiB2 };
	int fd = q_socket();

	section("enable");
	set_geometry(fd, &g);
	expect_any(q_set(fd, SO_Q_ENABLE, &huge, sizeof(huge)), "huge pages without memory",
		   -EFAULT, -ENOMEM, NOT_YET);
	expect(q_number(fd, GET_STATUS), 0, "status after that");
	expect(q_set(fd, SO_Q_ENABLE, &enable, sizeof(enable)), 0, "enable");
	expect(memcmp(&enable, &before, sizeof(enable)), 0, "the struct is unchanged");
	expect(q_number(fd, GET_STATUS), 1, "status");
	expect(q_enable(fd), 0, "enable twice");
	expect(q_number(fd, GET_STATUS), 1, "status after that");
	expect(q_set_size(fd, SO_Q_RX_LEN, 128), -EPERM, "rx length while enabled");
	expect(q_set_size(fd, SO_Q_RX_SLOTS, 128), -EPERM, "rx slots while enabled");
	expect(q_set_size(fd, SO_Q_TX_LEN, 128), -EPERM, "tx length while enabled");
	expect(q_set_size(fd, SO_Q_TX_SLOTS, 128), -EPERM, "tx slots while enabled");
	expect(q_number(fd, GET_RX_SLOTS), 256, "rx slots after that");
	expect(q_number(fd, GET_RX_SLOT_SIZE), 96, "rx slot size after that");
	expect(q_number(fd, GET_SHMEM_SIZE), shmem_size(&g), "shared memory after that");
	expect(q_set_int(fd, SO_Q_RX_TSTAMP, 1), 0, "timestamps while enabled");
	expect(q_number(fd, GET_RX_TSTAMP), 1, "timestamps while enabled: read back");
	close(fd);
}

static uint32_t u32(const char *at)
{
	return *(const uint32_t *)at;
}

static uint64_t u64(const char *at)
{
	return *(const uint64_t *)at;
}

static void check_tx(const char *map, int i, size_t half)
{
	const char *tx = map + TX(i);

	expect((long)u64(tx + TX_SIZE), (long)half, "tx %d: size of a half", i);
	expect(u32(tx + TX_PROD_INDEX) | u32(tx + TX_CONS_INDEX), 0, "tx %d: indices", i);
	expect((long)(u64(tx + TX_PROD_OFF0) | u64(tx + TX_PROD_OFF1) | u64(tx + TX_CONS_OFF)), 0,
	       "tx %d: offsets", i);
}

static long wrong_commits(const char *map, const struct geometry *g, int half, uint32_t want)
{
	const char *base = map + CONTROL_BLOCK + half * g->rx_slots * SLOT_SIZE(g->rx_len);
	long wrong = 0;
	size_t i;

	for (i = 0; i < g->rx_slots; i++)
		wrong += ((const struct slot *)(base + i * SLOT_SIZE(g->rx_len)))->commit != want;
	return wrong;
}

static void check_control_block(const struct geometry *g)
{
	const size_t slot = SLOT_SIZE(g->rx_len);
	int fd = q_socket(), i;
	size_t size;
	char *map;

	set_geometry(fd, g);
	expect(q_enable(fd), 0, "enable rx %zu x %zu, tx %zu x %zu", g->rx_slots, g->rx_len,
	       g->tx_slots, g->tx_len);
	size = (size_t)q_number(fd, GET_SHMEM_SIZE);
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	expect(map == MAP_FAILED ? -errno : 0, 0, "mmap of %zu bytes", size);
	if (map != MAP_FAILED) {
		expect((long)u64(map + RX_SHINFO), 0, "shinfo");
		expect(u32(map + RX_LEN), (long)g->rx_slots, "rx.len");
		expect(u32(map + RX_SIZE), (long)(g->rx_slots * slot), "rx.size");
		expect(u32(map + RX_SLOT_SIZE), (long)slot, "rx.slot_size");
		for (i = 0; i < 5; i++)
			check_tx(map, i, g->tx_slots * SLOT_SIZE(g->tx_len));
		expect(wrong_commits(map, g, 0, 1), 0, "commit is 1 in half 0");
		expect(wrong_commits(map, g, 1, 0), 0, "commit is 0 in half 1");
		map[size - 1] = 1;	/* all of it is there, and writable */
		munmap(map, size);
	}
	close(fd);
}

void test_control_block(void)
{
	static const size_t chosen[] = { 0, 2, 3, 5, 7 };
	size_t i;

	section("control block");
	for (i = 0; i < sizeof(chosen) / sizeof(chosen[0]); i++)
		check_control_block(&geometries[chosen[i]]);
}

static long try_mmap(int fd, size_t len, off_t offset, int protection, char **map)
{
	char *p = mmap(NULL, len, protection, MAP_SHARED, fd, offset);

	if (p == MAP_FAILED)
		return -errno;
	if (map)
		*map = p;
	else
		munmap(p, len);
	return 0;
}

void test_mmap(void)
{
	static const struct geometry g = { 64, 256, 64, 0 };
	char *map = NULL, *again = NULL, *shifted = NULL;
	const int rw = PROT_READ | PROT_WRITE;
	int fd = q_socket();
	size_t size;

	section("mmap");
	set_geometry(fd, &g);
	size = (size_t)q_number(fd, GET_SHMEM_SIZE);
	expect(try_mmap(fd, size, 0, rw, NULL), -EINVAL, "before enable");
	expect(try_mmap(fd, PAGE, 0, rw, NULL), -EINVAL, "one page before enable");
	q_enable(fd);
	expect(try_mmap(fd, size + PAGE, 0, rw, NULL), -EINVAL, "one page too long");
	expect(try_mmap(fd, 1UL << 40, 0, rw, NULL), -EINVAL, "1 TiB");
	expect(try_mmap(fd, size, 0, rw, &map), 0, "whole");
	expect(try_mmap(fd, PAGE, 0, PROT_READ, &again), 0, "one page, read only");
	expect(try_mmap(fd, PAGE, PAGE, PROT_READ, &shifted), 0, "with an offset");
	if (map && again && shifted) {
		expect(memcmp(map, again, CONTROL_BLOCK), 0, "both show the same");
		map[TX(4) + TX_PROD_OFF1] = 7;
		expect(again[TX(4) + TX_PROD_OFF1], 7, "and are the same memory");
		expect(shifted[TX(4) + TX_PROD_OFF1], 7, "the offset is ignored");
		q_enable(fd);
		expect(map[TX(4) + TX_PROD_OFF1], 7, "a second enable does not touch it");
		close(fd);
		expect(map[TX(4) + TX_PROD_OFF1], 7, "it survives close");
		munmap(map, size);
		munmap(again, PAGE);
		munmap(shifted, PAGE);
	} else {
		close(fd);
	}
}

void test_disable(void)
{
	static const struct geometry g = { 64, 256, 64, 0 }, other = { 1514, 64, 64, 0 };
	int fd = q_socket();
	char *map = NULL;
	size_t size;

	section("disable");
	expect(q_set(fd, SO_Q_DISABLE, NULL, 0), 0, "when not enabled");
	set_geometry(fd, &g);
	q_enable(fd);
	q_join(fd, -1, SHARED, 1);
	size = (size_t)q_number(fd, GET_SHMEM_SIZE);
	try_mmap(fd, size, 0, PROT_READ | PROT_WRITE, &map);
	expect(q_set(fd, SO_Q_DISABLE, &size, sizeof(size)), 0, "with an argument of any length");
	expect(q_number(fd, GET_STATUS), 0, "status");
	expect(q_number(fd, GET_GROUPS), 0, "has left all groups");
	expect(try_mmap(fd, size, 0, PROT_READ, NULL), -EINVAL, "mmap after it");
	if (map) {
		expect(u32(map + RX_LEN), 256, "the mapping survives");
		munmap(map, size);
	}
	set_geometry(fd, &other);
	expect(q_number(fd, GET_RX_SLOT_SIZE), 1568, "sizes can be set again");
	expect(q_enable(fd), 0, "enable again");
	map = NULL;
	expect(try_mmap(fd, (size_t)q_number(fd, GET_SHMEM_SIZE), 0, PROT_READ, &map), 0,
	       "mmap again");
	if (map) {
		expect(u32(map + RX_LEN), 64, "with the new sizes");
		munmap(map, (size_t)q_number(fd, GET_SHMEM_SIZE));
	}
	close(fd);
}

/* --- features of later releases ------------------------------------------ */

static void test_later_tx(int fd)
{
	struct binding bad_dev = { -1, 999999, 0 }, bad_queue = { -1, 1, -2 };
	struct binding bad_tid = { -2, 1, 0 }, no_thread = { 63, 1, 0 };

	expect_any(q_set_int(fd, SO_Q_TX_XMIT, 0), "transmit, not enabled", -EPERM, NOT_YET);
	expect_any(q_set(fd, SO_Q_TX_BIND, &bad_dev, 12), "tx, no device", -EPERM, NOT_YET);
	expect_any(q_set(fd, SO_Q_TX_BIND, &bad_queue, 12), "tx, queue -2", -EPERM, NOT_YET);
	expect_any(q_set(fd, SO_Q_TX_BIND, &bad_tid, 12), "tx, thread -2", -EPERM, NOT_YET);
	expect_any(q_set(fd, SO_Q_TX_BIND, &no_thread, 12), "tx, no such thread", -ESRCH, NOT_YET);
	expect_any(q_set(fd, SO_Q_TX_UNBIND, NULL, 0), "tx unbind", 0, NOT_YET);
	q_enable(fd);
	expect_any(q_set_size(fd, SO_Q_TX_XMIT, 0), "transmit, 8 bytes", -EINVAL, NOT_YET);
	expect_any(q_set(fd, SO_Q_TX_XMIT, NULL, 4), "transmit, NULL", -EFAULT, NOT_YET);
	expect_any(q_set_int(fd, SO_Q_TX_XMIT, 1), "transmit queue 1", -EPERM, NOT_YET);
	expect_any(q_set_int(fd, SO_Q_TX_XMIT, 0), "transmit, not bound", 0, NOT_YET);
}

void test_later(void)
{
	int fd = q_socket();

	section("transmission");
	test_later_tx(fd);
	close(fd);
}
