// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "check.h"
#include "device.h"
#include "guard.h"
#include "routes.h"
#include "sessions.h"

/* --- a scratch folder that stands for /sys ------------------------------- */

static char root[] = "/tmp/pfq-guard-XXXXXX";

static void make_dir(const char *fmt, const char *a, const char *b)
{
	char path[512], name[256], *slash;

	snprintf(name, sizeof(name), fmt, a, b);
	snprintf(path, sizeof(path), "%s/%s", root, name);
	for (slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	mkdir(path, 0755);
}

static void test_expand(void)
{
	static struct guard guard;
	const char *why;

	make_dir("%s/lower_%s", "br0", "bond0.5");
	make_dir("%s/lower_%s", "bond0.5", "bond0");
	make_dir("%s/lower_%s", "bond0", "eth0");
	make_dir("%s/lower_%s", "bond0", "eth1");
	make_dir("%s/upper_%s", "eth0", "bond0");
	make_dir("%s/lower_%s", "macvlan0", "eth3");
	make_dir("%s/lower_%s", "loop0", "loop1");
	make_dir("%s/lower_%s", "loop1", "loop0");
	make_dir("%s%s", "eth2", "");

	guard_add(&guard, "br0", "carries the default route");
	guard_add(&guard, "br0", "carries something else");
	guard_add(&guard, "lo", "carries the ssh session from 127.0.0.1");
	guard_add(&guard, "loop0", "goes round");
	guard_expand(&guard, root);

	CHECK(!strcmp(guard_reason(&guard, "br0"), "carries the default route"));
	why = guard_reason(&guard, "eth0");
	CHECK(why && !strcmp(why, "lies below bond0, which lies below bond0.5, which lies "
				  "below br0, which carries the default route"));
	CHECK(guard_reason(&guard, "eth1") != NULL);
	CHECK(guard_reason(&guard, "loop1") != NULL);
	CHECK(guard_reason(&guard, "eth2") == NULL);
	CHECK(guard_reason(&guard, "eth3") == NULL);
	CHECK(guard_reason(&guard, "lo") == NULL);
	CHECK(guard.ndevices == 7);

	guard_add(&guard, "macvlan0", "carries the ssh session from 192.0.2.1");
	guard_expand(&guard, root);
	CHECK(guard_reason(&guard, "eth3") != NULL);
}

static void test_drivers(void)
{
	make_dir("%s/holders/%s", "pfq_hook", "pfq");
	make_dir("%s/holders/%s", "pfq_hook", "e1000e");
	make_dir("%s/holders/%s", "pfq_hook", "8390");
	make_dir("%s/holders/%s", "8390", "ne2k_pci");
	make_dir("%s%s", "ixgbe", "/holders");
	CHECK(driver_is_accelerated(root, "e1000e"));
	CHECK(driver_is_accelerated(root, "ne2k_pci"));
	CHECK(!driver_is_accelerated(root, "ixgbe"));
	CHECK(!driver_is_accelerated("/nonexistent", "e1000e"));
}

/* --- sessions ----------------------------------------------------------- */

static struct session found[8];
static int nfound;

static void remember(void *arg, const struct session *session)
{
	(void)arg;
	found[nfound++] = *session;
}

static bool is_ipv4(const uint8_t *addr, const char *text)
{
	struct in_addr in;

	inet_pton(AF_INET, text, &in);
	return !memcmp(addr, &in, 4);
}

static void test_env(void)
{
	struct session s;

	CHECK(session_from_env("192.0.2.7 50000 198.51.100.1 2222", &s));
	CHECK(s.family == AF_INET && s.local_port == 2222);
	CHECK(is_ipv4(s.peer, "192.0.2.7") && is_ipv4(s.local, "198.51.100.1"));
	CHECK(session_from_env("::ffff:192.0.2.7 50000 ::ffff:198.51.100.1 22", &s));
	CHECK(s.family == AF_INET && is_ipv4(s.peer, "192.0.2.7"));
	CHECK(session_from_env("fe80::1%eth0 50000 fe80::2%eth0 22", &s));
	CHECK(s.family == AF_INET6 && s.peer[0] == 0xfe && s.peer[15] == 1);
	CHECK(!session_from_env("", &s));
	CHECK(!session_from_env("192.0.2.7 50000", &s));
	CHECK(!session_from_env("host 1 host 22", &s));
	CHECK(!session_from_env("192.0.2.7 1 ::1 22", &s));
}

static void test_environ(void)
{
	static char text[] = "HOME=/root\0SSH_CONNECTION=192.0.2.9 1 192.0.2.1 22\0A=b";
	static char none[] = "HOME=/root\0XSSH_CONNECTION=192.0.2.9 1 192.0.2.1 22";
	struct session s;
	FILE *file = fmemopen(text, sizeof(text), "r");

	CHECK(session_from_environ(file, &s) && is_ipv4(s.peer, "192.0.2.9"));
	fclose(file);
	file = fmemopen(none, sizeof(none), "r");
	CHECK(!session_from_environ(file, &s));
	fclose(file);
}

static void test_tcp(void)
{
	static char tcp[] =
"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
"   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n"
"   1: 016433C6:0016 070200C0:C350 01 00000000:00000000 02:000A0000 00000000     0\n"
"   2: 016433C6:0016 080200C0:C350 06 00000000:00000000 02:000A0000 00000000     0\n"
"   3: 016433C6:0050 090200C0:C350 01 00000000:00000000 02:000A0000 00000000     0\n"
"garbage\n";
	static char tcp6[] =
"  sl  local_address                         remote_address                        st\n"
"   0: 0000000000000000FFFF0000016433C6:0016 0000000000000000FFFF0000070200C0:C350 01 0:0\n"
"   1: B80D0120000000000000000001000000:0016 B80D0120000000000000000002000000:C350 01 0:0\n";
	FILE *file = fmemopen(tcp, sizeof(tcp) - 1, "r");

	nfound = 0;
	sessions_from_tcp(file, AF_INET, 22, remember, NULL);
	fclose(file);
	CHECK(nfound == 1);
	CHECK(found[0].family == AF_INET && is_ipv4(found[0].peer, "192.0.2.7") &&
	      is_ipv4(found[0].local, "198.51.100.1"));

	file = fmemopen(tcp6, sizeof(tcp6) - 1, "r");
	nfound = 0;
	sessions_from_tcp(file, AF_INET6, 22, remember, NULL);
	fclose(file);
	CHECK(nfound == 2);
	CHECK(found[0].family == AF_INET && is_ipv4(found[0].peer, "192.0.2.7"));
	CHECK(found[1].family == AF_INET6 && found[1].peer[0] == 0x20 && found[1].peer[15] == 2);
}

/* --- routes ------------------------------------------------------------- */

static char answer[4096] __attribute__((aligned(4)));
static size_t answer_len;
static int indexes[16], nindexes;

static void remember_index(void *arg, int ifindex)
{
	(void)arg;
	indexes[nindexes++] = ifindex;
}

static void add_message(int type, int flags, const void *body, size_t len)
{
	struct nlmsghdr *msg = (struct nlmsghdr *)(answer + answer_len);

	msg->nlmsg_len = (uint32_t)NLMSG_LENGTH(len);
	msg->nlmsg_type = (uint16_t)type;
	msg->nlmsg_flags = (uint16_t)flags;
	memcpy(NLMSG_DATA(msg), body, len);
	answer_len += NLMSG_SPACE(len);
}

static void add_route(int dst_len, int type, int table, int oif)
{
	struct {
		struct rtmsg route;
		struct rtattr attr;
		int oif;
	} body = {
		.route = { .rtm_family = AF_INET, .rtm_dst_len = (unsigned char)dst_len,
			   .rtm_type = (unsigned char)type, .rtm_table = (unsigned char)table },
		.attr = { .rta_len = RTA_LENGTH(4), .rta_type = RTA_OIF },
		.oif = oif,
	};

	add_message(RTM_NEWROUTE, NLM_F_MULTI, &body, sizeof(body));
}

static void add_multipath(int first, int second)
{
	struct {
		struct rtmsg route;
		struct rtattr attr;
		struct rtnexthop hops[2];
	} body = {
		.route = { .rtm_family = AF_INET, .rtm_type = RTN_UNICAST },
		.attr = { .rta_len = RTA_LENGTH(2 * sizeof(struct rtnexthop)),
			  .rta_type = RTA_MULTIPATH },
		.hops = { { .rtnh_len = sizeof(struct rtnexthop), .rtnh_ifindex = first },
			  { .rtnh_len = sizeof(struct rtnexthop), .rtnh_ifindex = second } },
	};

	add_message(RTM_NEWROUTE, NLM_F_MULTI, &body, sizeof(body));
}

static void test_routes(void)
{
	const struct nlmsgerr error = { .error = -95 };
	int zero = 0;

	add_route(24, RTN_UNICAST, RT_TABLE_MAIN, 2);
	add_route(0, RTN_UNICAST, RT_TABLE_MAIN, 3);
	add_route(0, RTN_UNREACHABLE, RT_TABLE_MAIN, 4);
	add_route(1, RTN_UNICAST, RT_TABLE_MAIN, 5);	/* half of a VPN's default */
	add_route(0, RTN_UNICAST, 99, 6);		/* of a policy rule */
	add_multipath(7, 8);
	CHECK(routes_parse(answer, answer_len, 1, remember_index, NULL) == 0);
	CHECK(nindexes == 5);
	CHECK(indexes[0] == 3 && indexes[1] == 5 && indexes[2] == 6 && indexes[3] == 7 &&
	      indexes[4] == 8);

	add_message(NLMSG_DONE, NLM_F_MULTI, &zero, sizeof(zero));
	CHECK(routes_parse(answer, answer_len, 1, remember_index, NULL) == 1);
	answer_len = 0;
	add_message(NLMSG_ERROR, 0, &error, sizeof(error));
	CHECK(routes_parse(answer, answer_len, 1, remember_index, NULL) == -1);
	CHECK(routes_parse(answer, 3, 1, remember_index, NULL) == 0);
}

int main(void)
{
	char command[64];

	CHECK(mkdtemp(root) != NULL);
	test_expand();
	test_drivers();
	test_env();
	test_environ();
	test_tcp();
	test_routes();
	snprintf(command, sizeof(command), "rm -rf %s", root);
	CHECK(system(command) == 0);
	return check_result("guard");
}
