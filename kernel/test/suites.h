/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The unit tests: one suite for each part of the core.
 */
#ifndef _PFQ_TEST_SUITES_H
#define _PFQ_TEST_SUITES_H

struct kunit_suite;

extern struct kunit_suite pfq_mask_suite;
extern struct kunit_suite pfq_ring_suite;
extern struct kunit_suite pfq_copy_suite;
extern struct kunit_suite pfq_group_suite;
extern struct kunit_suite pfq_steer_suite;
extern struct kunit_suite pfq_decide_suite;
extern struct kunit_suite pfq_filter_suite;

#endif /* _PFQ_TEST_SUITES_H */
