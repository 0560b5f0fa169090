// SPDX-License-Identifier: GPL-2.0-or-later
/* Limits that parameters of the module set, and who may open a socket in a container. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"

static void container(void *arg)
{
	const bool allowed = *(const bool *)arg;
	int ret, fd;

	ret = unshare(CLONE_NEWUSER) ? -errno : 0;
	expect(ret, 0, "a user namespace");
	fd = q_try_socket(SOCK_RAW, PROTOCOL);
	expect(fd < 0 ? fd : 0, -EPERM, "the network of the others, as its root");
	ret = unshare(CLONE_NEWNET) ? -errno : 0;
	expect(ret, 0, "a network namespace of its own");
	fd = q_try_socket(SOCK_RAW, PROTOCOL);
	expect(fd < 0 ? fd : 0, allowed ? 0 : -EPERM, "its own network, as its root");
	if (fd < 0)
		return;
	expect(q_id(fd), 0, "ids are those of the namespace");
	expect(q_join(fd, -1, SHARED, 1), 0, "and so are groups");
	q_set_size(fd, SO_Q_RX_SLOTS, 64);
	expect(q_enable(fd), 0, "enable");
	close(fd);
}

void test_container(bool allowed)
{
	section("container");
	in_child(container, &allowed);
}

void test_limits(const struct limits *limits)
{
	int fds[MAX_SOCKETS], i, fd, in_order = 0;

	section("limits");
	for (i = 0; i < limits->sockets; i++) {
		fds[i] = q_socket();
		in_order += q_id(fds[i]) == i;
	}
	expect(in_order, limits->sockets, "as many sockets as may be");
	fd = q_try_socket(SOCK_RAW, PROTOCOL);
	expect(fd, -EBUSY, "one more");
	for (i = 1; i < limits->sockets; i++)
		close(fds[i]);
	fd = fds[0];
	for (i = 0, in_order = 0; i < limits->groups; i++)
		in_order += q_join(fd, -1, SHARED, 1) == i;
	expect(in_order, limits->groups, "as many groups as may be");
	expect(q_join(fd, -1, SHARED, 1), -EFAULT, "one more");
	expect(q_join(fd, limits->groups, SHARED, 1), -EFAULT, "a number out of range");
	expect(q_join(fd, limits->groups - 1, SHARED, 1), limits->groups - 1, "the last number");
	expect(q_leave(fd, limits->groups), 0, "leave a group that cannot be");
	expect(q_set_size(fd, SO_Q_RX_SLOTS, (size_t)limits->slots + 1), -EPERM, "rx slots, one more");
	expect(q_set_size(fd, SO_Q_TX_SLOTS, (size_t)limits->slots + 1), -EPERM, "tx slots, one more");
	expect(q_set_size(fd, SO_Q_RX_SLOTS, (size_t)limits->slots), 0, "rx slots, as many as may be");
	expect(q_set_size(fd, SO_Q_TX_SLOTS, (size_t)limits->slots), 0, "tx slots, as many as may be");
	expect(q_enable(fd), 0, "enable");
	close(fd);
}
