/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters: one set per CPU, written by that CPU alone with bottom halves
 * disabled, summed on demand. docs/datapath.md lists what they count and the
 * laws they obey. Everything is 64 bits wide on 64-bit systems (compat.h admits
 * no others), so that a reader needs no sequence count.
 */
#ifndef _PFQ_STATS_H
#define _PFQ_STATS_H

#include <linux/percpu.h>
#include <linux/u64_stats_sync.h>

struct pfq_stats;

/**
 * struct pfq_cpu_stats - counters of a socket, a group or a namespace
 * @recv: frames received (socket: lost ones included)
 * @lost: frames that found no slot
 * @drop: frames refused by a filter
 * @disc: frames that a device endpoint could not forward
 * @frwd: frames that a device endpoint forwarded
 * @kern: frames passed on to the network stack
 */
struct pfq_cpu_stats {
	u64_stats_t recv;
	u64_stats_t lost;
	u64_stats_t drop;
	u64_stats_t disc;
	u64_stats_t frwd;
	u64_stats_t kern;
};

/**
 * struct pfq_device_stats - what became of the frames of a bound device
 * @handed: frames handed over by the driver that PFQ took notice of
 * @consumed: frames that ended in PFQ
 * @passed: frames that went to the network stack only
 * @both: frames that were captured and went to the network stack
 * @freed: frames thrown away for want of room in a batch
 */
struct pfq_device_stats {
	u64_stats_t handed;
	u64_stats_t consumed;
	u64_stats_t passed;
	u64_stats_t both;
	u64_stats_t freed;
};

/**
 * struct pfq_device_counts - a sum of struct pfq_device_stats
 * @handed: see struct pfq_device_stats, as all of them
 * @consumed: frames that ended in PFQ
 * @passed: frames to the stack only
 * @both: frames captured and passed on
 * @freed: frames thrown away
 */
struct pfq_device_counts {
	u64 handed;
	u64 consumed;
	u64 passed;
	u64 both;
	u64 freed;
};

/**
 * pfq_count() - count on this CPU
 * @counter: which one
 * @n: how many
 *
 * Context: Bottom halves disabled.
 */
static inline void pfq_count(u64_stats_t __percpu *counter, unsigned long n)
{
	u64_stats_add(this_cpu_ptr(counter), n);
}

struct pfq_cpu_stats __percpu *pfq_stats_alloc(void);
void pfq_stats_sum(const struct pfq_cpu_stats __percpu *stats, struct pfq_stats *sum);
void pfq_device_stats_sum(const struct pfq_device_stats __percpu *stats,
			  struct pfq_device_counts *sum);

#endif /* _PFQ_STATS_H */
