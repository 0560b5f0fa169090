// SPDX-License-Identifier: GPL-2.0-or-later
/* Groups: joining, policies, release, bindings, statistics. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client.h"

static const char *const policies[] = { "undefined", "private", "restricted", "shared" };

void test_join(void)
{
	int fd = q_socket(), i, in_order = 0;

	section("join");
	expect(q_join(fd, -1, PRIVATE, 0), -EINVAL, "no class");
	expect(q_join(fd, 64, PRIVATE, 1), -EFAULT, "group 64");
	expect(q_join(fd, -2, PRIVATE, 1), -EFAULT, "group -2");
	expect(q_number(fd, GET_GROUPS), 0, "groups after refusals");
	expect(q_join(fd, -1, PRIVATE, 1), 0, "any group, the first");
	expect(q_join(fd, -1, SHARED, 1), 1, "any group, the second");
	expect(q_join(fd, 5, PRIVATE, 1), 5, "group 5");
	expect(q_join(fd, 5, PRIVATE, 1), 5, "group 5 again");
	expect(q_join(fd, 5, PRIVATE, 2), 5, "group 5, another class");
	expect(q_join(fd, 63, SHARED, 1UL << 63), 63, "group 63, class control");
	expect(q_number(fd, GET_GROUPS), (long)(1UL << 63 | 0x23), "groups");
	expect(q_join(fd, -1, PRIVATE, 1), 2, "any group, the lowest free");
	expect(q_leave(fd, 0), 0, "leave group 0");
	expect(q_leave(fd, 0), 0, "leave group 0 again");
	expect(q_leave(fd, 40), 0, "leave a group never joined");
	expect(q_leave(fd, 64), -EFAULT, "leave group 64");
	expect(q_leave(fd, -1), -EFAULT, "leave group -1");
	expect(q_number(fd, GET_GROUPS), (long)(1UL << 63 | 0x26), "groups after that");
	expect(q_join(fd, -1, PRIVATE, 1), 0, "any group: 0 is free again");
	q_leave(fd, 5);
	expect(q_number(fd, GET_GROUPS) & 0x20, 0, "leaving ends all classes");
	close(fd);

	fd = q_socket();
	for (i = 0; i < MAX_GROUPS; i++)
		in_order += q_join(fd, -1, PRIVATE, 1) == i;
	expect(in_order, MAX_GROUPS, "64 groups, in order");
	expect(q_join(fd, -1, PRIVATE, 1), -EFAULT, "a 65th");
	expect(q_number(fd, GET_GROUPS), -1, "all groups");
	close(fd);
}

/* --- policies ------------------------------------------------------------ */

static bool admits(int group, int asked, bool same_process)
{
	switch (group) {
	case RESTRICTED:
		return asked == RESTRICTED && same_process;
	case SHARED:
		return asked == SHARED;
	default:
		return false;
	}
}

/* Group 7 has policy group; a second socket asks to join it. */
static void second_joins(int group, bool same_process)
{
	int asked, fd;

	for (asked = UNDEFINED; asked <= SHARED; asked++) {
		fd = q_socket();
		expect(q_join(fd, 7, asked, 1), admits(group, asked, same_process) ? 7 : -EACCES,
		       "%s group, asked as %s%s", policies[group], policies[asked],
		       same_process ? "" : ", other process");
		close(fd);
	}
}

static void other_process(void *arg)
{
	second_joins(*(int *)arg, false);
}

static void test_undefined(void)
{
	int a = q_socket(), b = q_socket(), c;

	expect(q_join(a, -1, UNDEFINED, 1), 0, "undefined: enables the group");
	expect(q_number(a, GET_GROUPS), 0, "undefined: gives no membership");
	expect(q_join(b, -1, PRIVATE, 1), 1, "undefined: the group is taken");
	expect(q_join(b, 0, PRIVATE, 1), 0, "undefined: the next join fixes the policy");
	expect(q_join(a, 0, PRIVATE, 1), -EACCES, "undefined: now private");
	expect(q_leave(b, 0), 0, "undefined: leave");
	expect(q_join(a, 0, SHARED, 1), 0, "undefined: a freed group has no policy");
	q_leave(a, 0);
	q_leave(b, 1);

	expect(q_join(a, -1, UNDEFINED, 1), 0, "undefined and empty");
	c = q_socket();
	close(c);
	expect(q_join(b, -1, PRIVATE, 1), 0, "any close frees a group that is empty");
	close(a);
	close(b);
}

void test_policy(void)
{
	int group, fd;

	section("policy");
	for (group = PRIVATE; group <= SHARED; group++) {
		fd = q_socket();
		expect(q_join(fd, 7, group, 1), 7, "%s group", policies[group]);
		expect(q_join(fd, 7, group, 4), 7, "%s group, its owner again", policies[group]);
		second_joins(group, true);
		in_child(other_process, &group);
		close(fd);
	}
	test_undefined();
}

void test_release(void)
{
	int a = q_socket(), b = q_socket(), c = q_socket(), round, good = 0;

	section("release");
	q_join(a, 0, SHARED, 1);
	q_join(b, 0, SHARED, 1);
	close(a);
	expect(q_join(c, -1, PRIVATE, 1), 1, "a group lives while it has a member");
	close(b);
	expect(q_join(c, -1, PRIVATE, 1), 0, "the last close frees it, at once");
	close(c);
	for (round = 0; round < 20; round++) {
		a = q_socket();
		good += q_id(a) == 0 && q_join(a, -1, round % 3 + 1, 1) == 0 &&
			q_join(a, -1, SHARED, 1) == 1;
		close(a);
	}
	expect(good, 20, "20 times open, join, close: id 0, groups 0 and 1");
}

/* --- bindings ------------------------------------------------------------ */

static int bind_group(int fd, int option, int gid, int ifindex, int queue)
{
	struct binding binding = { gid, ifindex, queue };

	return q_set(fd, option, &binding, sizeof(binding));
}

void test_bind(void)
{
	int fd = q_socket(), lo = (int)if_nametoindex("lo"), gid, other;

	section("bind");
	expect(bind_group(fd, SO_Q_BIND, 0, lo, -1), -EACCES, "before joining");
	expect(bind_group(fd, SO_Q_UNBIND, 0, lo, -1), -EACCES, "unbind before joining");
	expect_any(bind_group(fd, SO_Q_BIND, 64, lo, -1), "group 64", -EACCES, -EFAULT);
	expect_any(bind_group(fd, SO_Q_BIND, -1, lo, -1), "group -1", -EACCES, -EFAULT);
	gid = q_join(fd, -1, SHARED, 1);
	expect(bind_group(fd, SO_Q_BIND, gid, 999999, -1), -EACCES, "no such device");
	expect(bind_group(fd, SO_Q_BIND, gid, 0, -1), -EACCES, "device 0");
	/* PFQ 6.2 refuses it; binding all devices is a fix that may come */
	expect_any(bind_group(fd, SO_Q_BIND, gid, -1, -1), "any device", -EACCES, 0);
	expect(bind_group(fd, SO_Q_BIND, gid, lo, -1), 0, "any queue");
	expect(bind_group(fd, SO_Q_BIND, gid, lo, -1), 0, "any queue again");
	expect(bind_group(fd, SO_Q_BIND, gid, lo, 0), 0, "queue 0");
	expect(bind_group(fd, SO_Q_BIND, gid, lo, 255), 0, "queue 255");
	expect(bind_group(fd, SO_Q_UNBIND, gid, lo, 3), 0, "unbind one queue of all");
	expect(bind_group(fd, SO_Q_UNBIND, gid, lo, -1), 0, "unbind");
	expect(bind_group(fd, SO_Q_UNBIND, gid, lo, -1), 0, "unbind what is not bound");
	expect(bind_group(fd, SO_Q_UNBIND, gid, -1, -1), 0, "unbind everything");
	expect(bind_group(fd, SO_Q_UNBIND, gid, -1, 2), 0, "unbind queue 2 of all devices");

	other = q_socket();
	expect(bind_group(other, SO_Q_BIND, gid, lo, -1), -EACCES, "a socket outside the group");
	q_join(other, gid, SHARED, 1UL << 63);
	expect(bind_group(other, SO_Q_BIND, gid, lo, 1), 0, "a member of class control alone");
	close(other);
	expect(bind_group(fd, SO_Q_UNBIND, gid, lo, 1), 0, "unbind what another member bound");
	bind_group(fd, SO_Q_BIND, gid, lo, -1);
	close(fd);
	fd = q_socket();
	expect(q_join(fd, -1, PRIVATE, 1), 0, "close with a binding frees the group");
	close(fd);
}

/* --- statistics ---------------------------------------------------------- */

static int group_stats(int fd, uint64_t gid)
{
	struct stats stats = { .recv = gid };
	struct stats zero = { 0 };
	int ret = q_get(fd, GET_GROUP_STATS, &stats, sizeof(stats));

	return ret ? ret : memcmp(&stats, &zero, sizeof(zero)) ? 1 : 0;
}

static int group_counters(int fd, uint64_t gid)
{
	struct counters counters = { .counter = { gid } };
	struct counters zero = { .counter = { 0 } };
	int ret = q_get(fd, GET_GROUP_COUNTERS, &counters, sizeof(counters));

	return ret ? ret : memcmp(&counters, &zero, sizeof(zero)) ? 1 : 0;
}

static void stats_of_other_process(void *arg)
{
	int fd = q_socket();

	(void)arg;
	expect(group_stats(fd, 1), -EACCES, "restricted group, other process");
	expect(group_stats(fd, 2), 0, "shared group, other process");
	expect(group_counters(fd, 1), -EACCES, "counters: restricted group, other process");
	close(fd);
}

void test_stats(void)
{
	int a = q_socket(), b = q_socket();

	section("statistics");
	expect(group_stats(a, 64), -EFAULT, "group 64");
	expect(group_stats(a, (uint64_t)-1), -EFAULT, "group -1");
	expect(group_stats(a, 1UL << 32), -EFAULT, "group 2^32");
	expect(group_stats(a, 9), -EACCES, "free group");
	expect(group_counters(a, 64), -EFAULT, "counters: group 64");
	expect(group_counters(a, (uint64_t)-1), -EFAULT, "counters: group -1");
	expect(group_counters(a, 9), 0, "counters: free group");
	q_join(a, 0, PRIVATE, 1);
	q_join(a, 1, RESTRICTED, 1);
	q_join(a, 2, SHARED, 1);
	expect(group_stats(a, 0), 0, "private group, its owner");
	expect(group_stats(b, 0), -EACCES, "private group, another socket");
	expect(group_stats(b, 1), 0, "restricted group, same process");
	expect(group_stats(b, 2), 0, "shared group, another socket");
	expect(group_counters(a, 0), 0, "counters: private group, its owner");
	expect(group_counters(b, 0), -EACCES, "counters: private group, another socket");
	expect(group_counters(b, 2), 0, "counters: shared group, another socket");
	in_child(stats_of_other_process, NULL);
	q_join(a, 3, UNDEFINED, 1);
	expect(group_stats(b, 3), 0, "group without a policy");
	close(a);
	close(b);
}
