// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "routes.h"

#define ANSWER_LEN	65536	/* the kernel's dumps come in pieces of up to 32 KiB */
#define HALF_OF_ALL	1	/* prefix length */

struct request {
	struct nlmsghdr header;
	struct rtmsg route;
	char attributes[RTA_SPACE(16)];
};

static void report_multipath(struct rtattr *attr, route_found found, void *arg)
{
	struct rtnexthop *hop = RTA_DATA(attr);
	int left = RTA_PAYLOAD(attr);

	while (left >= (int)sizeof(*hop) && RTNH_OK(hop, left)) {
		found(arg, hop->rtnh_ifindex);
		left -= RTNH_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
}

static void report_route(struct nlmsghdr *msg, int max_prefix, route_found found, void *arg)
{
	struct rtmsg *route = NLMSG_DATA(msg);
	struct rtattr *attr;
	int left;

	/* unreachable and the like use no device; cloned ones repeat others */
	if (route->rtm_dst_len > max_prefix || route->rtm_type != RTN_UNICAST)
		return;
	left = (int)RTM_PAYLOAD(msg);
	for (attr = RTM_RTA(route); RTA_OK(attr, left); attr = RTA_NEXT(attr, left)) {
		if (attr->rta_type == RTA_OIF)
			found(arg, *(int *)RTA_DATA(attr));
		else if (attr->rta_type == RTA_MULTIPATH)
			report_multipath(attr, found, arg);
	}
}

int routes_parse(const void *answer, size_t len, int max_prefix, route_found found, void *arg)
{
	struct nlmsghdr *msg = (struct nlmsghdr *)answer;
	int left = (int)len;

	for (; NLMSG_OK(msg, left); msg = NLMSG_NEXT(msg, left)) {
		if (msg->nlmsg_type == NLMSG_DONE)
			return 1;
		if (msg->nlmsg_type == NLMSG_ERROR) {
			struct nlmsgerr *error = NLMSG_DATA(msg);

			errno = -error->error;
			return error->error ? -1 : 1;
		}
		if (msg->nlmsg_type == RTM_NEWROUTE &&
		    msg->nlmsg_len >= NLMSG_LENGTH(sizeof(struct rtmsg)))
			report_route(msg, max_prefix, found, arg);
		if (!(msg->nlmsg_flags & NLM_F_MULTI))
			return 1;
	}
	return 0;
}

static int ask(struct request *request, int max_prefix, route_found found, void *arg)
{
	static char answer[ANSWER_LEN] __attribute__((aligned(NLMSG_ALIGNTO)));
	int fd, ret = -1, saved;
	ssize_t len;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -1;
	if (send(fd, request, request->header.nlmsg_len, 0) < 0)
		goto out;
	do {
		len = recv(fd, answer, sizeof(answer), 0);
		if (len < 0)
			goto out;
		ret = routes_parse(answer, (size_t)len, max_prefix, found, arg);
	} while (ret == 0);
	ret = ret < 0 ? -1 : 0;
out:
	saved = errno;
	close(fd);
	errno = saved;
	return ret;
}

int routes_defaults(int family, route_found found, void *arg)
{
	struct request request = {
		.header = {
			.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
			.nlmsg_type = RTM_GETROUTE,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
		.route = { .rtm_family = (unsigned char)family },
	};

	return ask(&request, HALF_OF_ALL, found, arg);
}

int routes_to(int family, const void *addr, route_found found, void *arg)
{
	const unsigned short len = family == AF_INET ? 4 : 16;
	struct request request = {
		.header = {
			.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)) + RTA_SPACE(len),
			.nlmsg_type = RTM_GETROUTE,
			.nlmsg_flags = NLM_F_REQUEST,
		},
		.route = {
			.rtm_family = (unsigned char)family,
			.rtm_dst_len = (unsigned char)(len * 8),
		},
	};
	struct rtattr *attr = (struct rtattr *)request.attributes;

	attr->rta_type = RTA_DST;
	attr->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(attr), addr, len);
	return ask(&request, 128, found, arg);
}
