/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copying frames into the receive queue of a socket.
 */
#ifndef _PFQ_COPY_H
#define _PFQ_COPY_H

#include <linux/types.h>

#include "mask.h"

struct pfq_frame;
struct pfq_sock;

void pfq_copy(const struct pfq_sock *ps, const struct pfq_frame *frame,
	      const struct pfq_mask *wanted, const u32 *state);

void pfq_copy_wake(const struct pfq_sock *ps);

#endif /* _PFQ_COPY_H */
