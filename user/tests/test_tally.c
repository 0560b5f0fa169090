// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "options.h"
#include "tally.h"

static struct options opt;
static struct tally tally;

static char *render(void (*report)(FILE *, const struct summary *), const struct summary *s)
{
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	report(file, s);
	fclose(file);
	return text;
}

static void test_targets(void)
{
	struct target t;

	CHECK(target_parse(&t, "eth1") == 0 && !strcmp(t.name, "eth1") && t.nqueues == 0);
	CHECK(target_parse(&t, "eth1:0,7,255") == 0 && t.nqueues == 3);
	CHECK(t.queues[0] == 0 && t.queues[1] == 7 && t.queues[2] == 255);
	CHECK(target_parse(&t, "eth1:256") == 2);
	CHECK(target_parse(&t, "eth1:") == 2);
	CHECK(target_parse(&t, "eth1:1,") == 2);
	CHECK(target_parse(&t, "eth1:-1") == 2);
	CHECK(target_parse(&t, "eth1:111111111111111111111") == 2);
	CHECK(target_parse(&t, "averyveryverylongname") == 2);
	CHECK(target_parse(&t, ":1") == 2);
}

static void test_counts(void)
{
	const struct summary s = {
		.opt = &opt, .tally = &tally, .seconds = 1.5, .stopped_by = "signal",
		.socket = { .recv = 5, .lost = 1 }, .group = { .drop = 2, .kern = 3 },
	};
	char *text;

	opt.ntargets = 2;
	opt.write_path = "a \"b\"\n";
	opt.targets[0] = (struct target){ .name = "eth1", .ifindex = 3 };
	opt.targets[1] = (struct target){ .name = "eth2", .ifindex = 4 };
	tally_frame(&tally, 3, 0, 60);
	tally_frame(&tally, 3, 1, 61);
	tally_frame(&tally, 3, 0, 62);
	tally_frame(&tally, 9, 0, 100);
	CHECK(tally.frames == 4 && tally.bytes == 283 && tally.nlanes == 3);

	text = render(summary_json, &s);
	CHECK(!strcmp(text,
		"{\"captured\": 4, \"received\": 5, \"lost\": 1, \"dropped\": 2, "
		"\"passed_on\": 3, \"abandoned\": 0, \"bytes\": 283, \"seconds\": 1.500000, "
		"\"stopped_by\": \"signal\", \"file\": \"a \\\"b\\\"\\u000a\", \"devices\": ["
		"{\"name\": \"eth1\", \"ifindex\": 3, \"queues\": ["
		"{\"queue\": 0, \"captured\": 2, \"bytes\": 122}, "
		"{\"queue\": 1, \"captured\": 1, \"bytes\": 61}], "
		"\"captured\": 3, \"bytes\": 183}, "
		"{\"name\": \"eth2\", \"ifindex\": 4, \"queues\": [], "
		"\"captured\": 0, \"bytes\": 0}]}\n"));
	free(text);
	text = render(summary_text, &s);
	CHECK(strstr(text, "captured  4 frames, 283 bytes in 1.500 s (stopped by signal)\n"));
	CHECK(strstr(text, "  eth1 queue 1: 1 frames, 61 bytes\n"));
	CHECK(strstr(text, "  other queue 0: 1 frames, 100 bytes\n"));
	free(text);
}

static void test_many_lanes(void)
{
	static struct tally many;
	int i;

	for (i = 0; i < MAX_LANES + 10; i++)
		tally_frame(&many, i, 0, 1);
	CHECK(many.nlanes == MAX_LANES && many.frames == MAX_LANES + 10);
}

int main(void)
{
	test_targets();
	test_counts();
	test_many_lanes();
	return check_result("tally");
}
