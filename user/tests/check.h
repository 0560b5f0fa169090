/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Assertions of the unit tests: a failure names its place, and main() returns 1. */
#ifndef PFQ_TESTS_CHECK_H
#define PFQ_TESTS_CHECK_H

#include <stdio.h>

static int check_count, check_failures;

#define CHECK(cond)                                                                \
	do {                                                                       \
		check_count++;                                                     \
		if (!(cond)) {                                                     \
			check_failures++;                                          \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__,         \
				__LINE__, #cond);                                  \
		}                                                                  \
	} while (0)

static inline int check_result(const char *name)
{
	printf("%s: %d checks, %d failed\n", name, check_count, check_failures);
	return check_failures ? 1 : 0;
}

#endif
