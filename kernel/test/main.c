// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pfq_test.ko: the code of pfq.ko, without what loads it, and unit tests of its parts.
 *
 * It opens no socket family and takes no frame: the parts are called from here, with
 * namespaces, sockets and frames made for the purpose (world.c, frames.c). Loading it
 * runs the tests; the results are in the kernel's log.
 */
#include <kunit/test.h>
#include <linux/module.h>

#include "suites.h"

kunit_test_suites(&pfq_mask_suite, &pfq_ring_suite, &pfq_copy_suite, &pfq_group_suite,
		  &pfq_steer_suite, &pfq_decide_suite, &pfq_filter_suite);

MODULE_DESCRIPTION("PFQ: unit tests of the core");
MODULE_LICENSE("GPL");
