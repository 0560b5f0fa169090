// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pf_q.h>

#include "complain.h"
#include "options.h"

#define SEE_HELP "pfq-capture --help"

#ifndef PFQ_CAPTURE_VERSION
#define PFQ_CAPTURE_VERSION "0.1"
#endif

static const char help_text[] =
"Usage: pfq-capture [OPTIONS] DEV[:QUEUE[,QUEUE...]]...\n"
"\n"
"Captures the frames of network devices through PFQ: prints a count and a rate\n"
"every second to stderr, statistics at the end to stdout.\n"
"\n"
"Output:\n"
"  -w, --write FILE     write frames to FILE (pcap, nanoseconds); - is stdout,\n"
"                       and the statistics then go to stderr\n"
"  -s, --caplen BYTES   bytes kept of each frame (default: 64 when counting; all\n"
"                       that PFQ's slots hold, normally 2016, with --write)\n"
"      --json           final statistics as JSON\n"
"  -q, --quiet          no line per second\n"
"\n"
"When to stop:\n"
"  -c, --count N        after N frames\n"
"      --seconds N      after N seconds (fractions allowed)\n"
"                       or on SIGINT, SIGTERM; frames already captured are kept\n"
"\n"
"Capture:\n"
"  -g, --group GID      join group GID (default: a new group)\n"
"      --shared         let other programs join the group (default: private)\n"
"      --slots N        frames that each half of the ring holds (default: 16384)\n"
"      --promisc        all frames on the wire (default)\n"
"      --no-promisc     only frames addressed to this machine\n"
"      --poll-ms MS     look at the ring at least that often (default: 100)\n"
"\n"
"Safety. Capturing takes the frames away from the network stack. A device that\n"
"carries the default route or an ssh session is refused, unless:\n"
"      --tap            capture, and pass the frames on to the stack as well\n"
"      --steal          take them all the same\n"
"\n"
"For scripts:\n"
"      --ready-fd FD    write \"ready\\n\" to FD once bound, and close it\n"
"      --ready-file F   create F once bound\n"
"  -h, --help           this text\n"
"  -V, --version        version\n"
"\n"
"Exit status: 0 done, 1 system error, 2 usage, 3 PFQ missing or another version,\n"
"4 not permitted, 5 device, 6 refused for safety, 7 cannot write the output.\n"
"\n"
"Examples:\n"
"  pfq-capture eth1                      count what arrives on eth1\n"
"  pfq-capture -w out.pcap -c 1000 eth1  the first 1000 frames into out.pcap\n"
"  pfq-capture eth1:0,1 eth2             two queues of eth1 and all of eth2\n"
"  pfq-capture --tap -w - eth0 | tcpdump -nr -\n"
"                                        watch the NIC that you are logged in by\n";

enum {
	OPT_JSON = 256, OPT_SECONDS, OPT_SHARED, OPT_SLOTS, OPT_PROMISC,
	OPT_NO_PROMISC, OPT_POLL_MS, OPT_TAP, OPT_STEAL, OPT_READY_FD,
	OPT_READY_FILE,
};

static const struct option long_options[] = {
	{ "write",	required_argument,	NULL, 'w' },
	{ "caplen",	required_argument,	NULL, 's' },
	{ "json",	no_argument,		NULL, OPT_JSON },
	{ "quiet",	no_argument,		NULL, 'q' },
	{ "count",	required_argument,	NULL, 'c' },
	{ "seconds",	required_argument,	NULL, OPT_SECONDS },
	{ "group",	required_argument,	NULL, 'g' },
	{ "shared",	no_argument,		NULL, OPT_SHARED },
	{ "slots",	required_argument,	NULL, OPT_SLOTS },
	{ "promisc",	no_argument,		NULL, OPT_PROMISC },
	{ "no-promisc",	no_argument,		NULL, OPT_NO_PROMISC },
	{ "poll-ms",	required_argument,	NULL, OPT_POLL_MS },
	{ "tap",	no_argument,		NULL, OPT_TAP },
	{ "steal",	no_argument,		NULL, OPT_STEAL },
	{ "ready-fd",	required_argument,	NULL, OPT_READY_FD },
	{ "ready-file",	required_argument,	NULL, OPT_READY_FILE },
	{ "help",	no_argument,		NULL, 'h' },
	{ "version",	no_argument,		NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* Parses a whole decimal number in [min, max]; anything else is a complaint. */
static int number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value < min || value > max)
		return complain(EXIT_USAGE, SEE_HELP, "%s: '%s' is not a number from %llu to %llu",
				what, text, (unsigned long long)min, (unsigned long long)max);
	*out = value;
	return 0;
}

static int parse_seconds(const char *text, double *out)
{
	char *end;

	*out = strtod(text, &end);
	if (end == text || *end || !(*out > 0 && *out < 1e9))
		return complain(EXIT_USAGE, SEE_HELP, "--seconds: '%s' is not a time in seconds",
				text);
	return 0;
}

static int parse_queues(struct target *target, const char *text)
{
	char item[16];
	uint64_t queue;
	size_t len;
	int ret;

	do {
		len = strcspn(text, ",");
		if (target->nqueues == MAX_QUEUES)
			return complain(EXIT_USAGE, SEE_HELP, "%s: more than %d queues",
					target->name, MAX_QUEUES);
		snprintf(item, sizeof(item), "%.*s", len > 15 ? 15 : (int)len, text);
		ret = number("queue", item, 0, MAX_QUEUES - 1, &queue);
		if (ret)
			return ret;
		target->queues[target->nqueues++] = (int)queue;
		text += len;
	} while (*text++ == ',');
	return 0;
}

int target_parse(struct target *target, const char *text)
{
	size_t len = strcspn(text, ":");

	memset(target, 0, sizeof(*target));
	if (len == 0 || len >= IFNAMSIZ)
		return complain(EXIT_USAGE, "the form is DEV[:QUEUE,...], as in eth1 or eth1:0,1",
				"'%s' is not a device name", text);
	memcpy(target->name, text, len);
	return text[len] ? parse_queues(target, text + len + 1) : 0;
}

static void defaults(struct options *opt)
{
	memset(opt, 0, sizeof(*opt));
	opt->ready_fd = -1;
	opt->gid = Q_ANY_GROUP;
	opt->slots = 16384;
	opt->promisc = true;
	opt->poll_ms = 100;
}

/* Options with a numeric argument. Returns 0, an exit code, or -1: not one of these. */
static int set_number(struct options *opt, int c, const char *arg)
{
	uint64_t value = 0;
	int ret;

	switch (c) {
	case 'c':
		ret = number("--count", arg, 1, UINT64_MAX, &opt->count);
		break;
	case 's':
		ret = number("--caplen", arg, 1, 65535, &value);
		opt->caplen = value;
		break;
	case 'g':
		ret = number("--group", arg, 0, Q_MAX_GROUP - 1, &value);
		opt->gid = (int)value;
		break;
	case OPT_SLOTS:
		ret = number("--slots", arg, 1, Q_MAX_SOCKQUEUE_LEN, &value);
		opt->slots = value;
		break;
	case OPT_POLL_MS:
		ret = number("--poll-ms", arg, 1, 60000, &value);
		opt->poll_ms = (int)value;
		break;
	case OPT_READY_FD:
		ret = number("--ready-fd", arg, 0, INT_MAX, &value);
		opt->ready_fd = (int)value;
		break;
	case OPT_SECONDS:
		ret = parse_seconds(arg, &opt->seconds);
		break;
	default:
		ret = -1;
	}
	return ret;
}

/* Returns 0, an exit code, or -1 when the program is done. */
static int set_option(struct options *opt, int c, const char *arg)
{
	switch (c) {
	case 'w':
		opt->write_path = arg;
		return 0;
	case 'q':
		opt->quiet = true;
		return 0;
	case OPT_JSON:
		opt->json = true;
		return 0;
	case OPT_SHARED:
		opt->shared = true;
		return 0;
	case OPT_PROMISC:
		opt->promisc = true;
		return 0;
	case OPT_NO_PROMISC:
		opt->promisc = false;
		return 0;
	case OPT_TAP:
		opt->tap = true;
		return 0;
	case OPT_STEAL:
		opt->steal = true;
		return 0;
	case OPT_READY_FILE:
		opt->ready_file = arg;
		return 0;
	case 'h':
		fputs(help_text, stdout);
		return -1;
	case 'V':
		printf("pfq-capture %s (PF_Q interface %d.%d.%d)\n", PFQ_CAPTURE_VERSION,
		       PFQ_MAJOR, PFQ_MINOR, PFQ_PATCHLEVEL);
		return -1;
	default:
		/* getopt_long has said what was wrong */
		return complain(EXIT_USAGE, SEE_HELP, "wrong command line");
	}
}

static int check(const struct options *opt)
{
	if (!opt->ntargets)
		return complain(EXIT_USAGE, "pfq-capture eth1; `ip link` lists the devices",
				"no device given");
	if (opt->tap && opt->steal)
		return complain(EXIT_USAGE, SEE_HELP, "--tap and --steal exclude each other");
	return 0;
}

int options_parse(struct options *opt, int argc, char **argv)
{
	int c, ret;

	defaults(opt);
	optind = 1;
	while ((c = getopt_long(argc, argv, "w:s:qc:g:hV", long_options, NULL)) != -1) {
		ret = set_number(opt, c, optarg);
		if (ret < 0)
			ret = set_option(opt, c, optarg);
		if (ret)
			return ret;
	}
	for (; optind < argc; optind++) {
		if (opt->ntargets == MAX_TARGETS)
			return complain(EXIT_USAGE, SEE_HELP, "more than %d devices", MAX_TARGETS);
		ret = target_parse(&opt->targets[opt->ntargets++], argv[optind]);
		if (ret)
			return ret;
	}
	return check(opt);
}
