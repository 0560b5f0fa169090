/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The batch of a CPU: frames that wait to be handled together (rx.c).
 */
#ifndef _PFQ_RX_BATCH_H
#define _PFQ_RX_BATCH_H

#include <linux/netdevice.h>
#include <linux/types.h>

#include "frame.h"
#include "params.h"

/**
 * enum rx_way - how a frame came to be in a batch
 * @RX_TAKEN: from the hook, and from the stack
 * @RX_TAPPED: a clone; the frame itself has gone on to the stack, and been counted
 * @RX_INCOMING: from generic capture, a clone too
 * @RX_OUTGOING: the same, of what a device sends
 */
enum rx_way {
	RX_TAKEN,
	RX_TAPPED,
	RX_INCOMING,
	RX_OUTGOING,
};

/**
 * struct rx_source - what frames in a row have in common
 * @dev: the device that they came from
 * @queue: its hardware queue
 * @way: how they came here (enum rx_way)
 */
struct rx_source {
	const struct net_device *dev;
	u16 queue;
	u8 way;
};

/**
 * struct rx_run - frames in a row of one source
 * @source: the source
 * @start: the first frame of the batch
 */
struct rx_run {
	struct rx_source source;
	unsigned int start;
};

/**
 * struct rx_batch - frames handled at once
 * @last: the source of the last run; no device if there is none
 * @alike: a frame of this device is taken without further questions if what
 *	follows is right too; NULL if there is none such
 * @mapping: its &sk_buff.queue_mapping
 * @origin: its &pfq_frame.origin
 * @len: how many frames
 * @runs: how many runs they make
 * @frame: the frames
 * @run: the runs
 */
struct rx_batch {
	struct rx_source last;
	const struct net_device *alike;
	struct pfq_origin origin;
	u16 mapping;
	unsigned int len;
	unsigned int runs;
	struct pfq_frame frame[PFQ_BATCH_MAX];
	struct rx_run run[PFQ_BATCH_MAX];
};

#endif /* _PFQ_RX_BATCH_H */
