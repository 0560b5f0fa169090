// SPDX-License-Identifier: GPL-2.0-or-later
/* What the client looks at and does beside PFQ: files of the system, descriptors passed on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "client.h"

long q_field(const char *path, const char *name)
{
	FILE *file = fopen(path, "r");
	char line[512];
	long value = -1;

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (name && strncmp(line, name, strlen(name)))
			continue;
		value = strtol(line + (name ? strlen(name) : 0), NULL, 10);
		break;
	}
	fclose(file);
	return value;
}

int q_pair(int sockets[2])
{
	return socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) ? -errno : 0;
}

union control {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

int q_send_fd(int through, int fd)
{
	char byte = 0;
	struct iovec data = { &byte, 1 };
	union control control = { .bytes = { 0 } };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	return sendmsg(through, &message, 0) < 0 ? -errno : 0;
}

int q_receive_fd(int through)
{
	char byte = 0;
	struct iovec data = { &byte, 1 };
	union control control = { .bytes = { 0 } };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	int fd;

	if (recvmsg(through, &message, 0) < 0)
		return -errno;
	if (!CMSG_FIRSTHDR(&message))
		return -ENOMSG;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}
