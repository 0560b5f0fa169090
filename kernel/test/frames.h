/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames as drivers deliver them.
 */
#ifndef _PFQ_TEST_FRAMES_H
#define _PFQ_TEST_FRAMES_H

#include <kunit/test.h>
#include <linux/types.h>

struct pfq_frame;

/* An Ethernet frame of which `linear` bytes are in a row, the rest in a page. */
void pfq_frame_make(struct kunit *test, struct pfq_frame *f, const u8 *bytes, u32 len,
		    u32 linear);
void pfq_frame_free(struct pfq_frame *f);

#endif /* _PFQ_TEST_FRAMES_H */
