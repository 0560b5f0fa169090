// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sets of frames: each operation against what it means for every single frame.
 */
#include <kunit/test.h>
#include <linux/random.h>

#include "mask.h"
#include "test/suites.h"

#define FRAMES	127

static struct pfq_mask random_mask(void)
{
	struct pfq_mask m;

	get_random_bytes(&m, sizeof(m));
	return m;
}

static void mask_range(struct kunit *test)
{
	unsigned int start, end, i;
	struct pfq_mask m;

	for (end = 0; end <= FRAMES; end++) {
		for (start = 0; start <= end; start++) {
			m = pfq_mask_range(start, end);
			for (i = 0; i < 128; i++)
				if (pfq_mask_has(&m, i) != (i >= start && i < end))
					break;
			KUNIT_ASSERT_EQ_MSG(test, i, 128, "%u to %u", start, end);
			KUNIT_ASSERT_EQ(test, pfq_mask_weight(m), end - start);
			KUNIT_ASSERT_EQ(test, pfq_mask_empty(&m), start == end);
		}
	}
}

static void mask_set_and_clear(struct kunit *test)
{
	unsigned int i, k;

	for (i = 0; i < 128; i++) {
		struct pfq_mask m = {};

		pfq_mask_set(&m, i);
		pfq_mask_set(&m, i);
		for (k = 0; k < 128; k++)
			KUNIT_ASSERT_EQ(test, pfq_mask_has(&m, k), i == k);
		pfq_mask_clear(&m, i);
		KUNIT_ASSERT_TRUE(test, pfq_mask_empty(&m));
	}
}

static void mask_and_or(struct kunit *test)
{
	unsigned int round, i;

	for (round = 0; round < 100; round++) {
		struct pfq_mask a = random_mask(), b = random_mask();
		struct pfq_mask both = pfq_mask_and(a, b), any = a;

		pfq_mask_or(&any, b);
		for (i = 0; i < 128; i++) {
			KUNIT_ASSERT_EQ(test, pfq_mask_has(&both, i),
					pfq_mask_has(&a, i) && pfq_mask_has(&b, i));
			KUNIT_ASSERT_EQ(test, pfq_mask_has(&any, i),
					pfq_mask_has(&a, i) || pfq_mask_has(&b, i));
		}
		KUNIT_ASSERT_EQ(test, pfq_mask_weight(a) + pfq_mask_weight(b),
				pfq_mask_weight(both) + pfq_mask_weight(any));
	}
}

/* In ascending order, each once. */
static void mask_pop(struct kunit *test)
{
	unsigned int round, taken;
	int i, last;

	for (round = 0; round < 100; round++) {
		struct pfq_mask m = random_mask(), left = m;

		for (last = -1, taken = 0; (i = pfq_mask_pop(&left)) >= 0; last = i, taken++) {
			KUNIT_ASSERT_GT(test, i, last);
			KUNIT_ASSERT_TRUE(test, pfq_mask_has(&m, i));
		}
		KUNIT_ASSERT_EQ(test, taken, pfq_mask_weight(m));
		KUNIT_ASSERT_EQ(test, pfq_mask_pop(&left), -1);
	}
}

static struct kunit_case mask_cases[] = {
	KUNIT_CASE(mask_range),
	KUNIT_CASE(mask_set_and_clear),
	KUNIT_CASE(mask_and_or),
	KUNIT_CASE(mask_pop),
	{}
};

struct kunit_suite pfq_mask_suite = {
	.name = "pfq_mask",
	.test_cases = mask_cases,
};
