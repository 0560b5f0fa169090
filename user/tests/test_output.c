// SPDX-License-Identifier: GPL-2.0-or-later
/* What the reader of a pipe sees, and when: nothing before the devices are bound. */
#include <fcntl.h>
#include <unistd.h>

#include "check.h"
#include "output.h"

static void test_pipe_gets_its_header_late(void)
{
	int saved = dup(STDOUT_FILENO);
	struct output output;
	char head[64];
	int ends[2];

	CHECK(!pipe2(ends, O_NONBLOCK | O_CLOEXEC));
	CHECK(dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO);
	CHECK(!output_open(&output, "-", 64));
	CHECK(read(ends[0], head, sizeof(head)) == -1);
	CHECK(!output_flush(&output));
	CHECK(read(ends[0], head, sizeof(head)) == 24);
	CHECK(dup2(saved, STDOUT_FILENO) == STDOUT_FILENO);
	close(saved);
	close(ends[0]);
	close(ends[1]);
}

static void test_full_disk_is_found_out_at_once(void)
{
	struct output output;

	CHECK(output_open(&output, "/dev/full", 64));
}

int main(void)
{
	test_pipe_gets_its_header_late();
	test_full_disk_is_found_out_at_once();
	return check_result("output");
}
