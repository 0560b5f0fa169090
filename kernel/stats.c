// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Counters: allocation and sums.
 */
#include <linux/kernel.h>
#include <linux/string.h>

#include <linux/pf_q.h>

#include "stats.h"

/**
 * pfq_stats_alloc() - allocate counters for every CPU
 *
 * Context: Process context, may sleep.
 * Return: The counters, all zero, to be freed by free_percpu(); or NULL.
 */
struct pfq_cpu_stats __percpu *pfq_stats_alloc(void)
{
	return netdev_alloc_pcpu_stats(struct pfq_cpu_stats);
}

/**
 * pfq_stats_sum() - add up the counters of all CPUs
 * @stats: the counters
 * @sum: where the sums go; counters that are not kept are zero
 *
 * Context: Any.
 */
void pfq_stats_sum(const struct pfq_cpu_stats __percpu *stats, struct pfq_stats *sum)
{
	u64 recv, lost, drop, kern;
	unsigned int start;
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		const struct pfq_cpu_stats *s = per_cpu_ptr(stats, cpu);

		do {
			start = u64_stats_fetch_begin(&s->syncp);
			recv = u64_stats_read(&s->recv);
			lost = u64_stats_read(&s->lost);
			drop = u64_stats_read(&s->drop);
			kern = u64_stats_read(&s->kern);
		} while (u64_stats_fetch_retry(&s->syncp, start));

		sum->recv += recv;
		sum->lost += lost;
		sum->drop += drop;
		sum->kern += kern;
	}
}

/**
 * pfq_device_stats_sum() - add up the counters of a device over all CPUs
 * @stats: the counters
 * @sum: where the sums go
 *
 * Context: Any.
 */
void pfq_device_stats_sum(const struct pfq_device_stats __percpu *stats,
			  struct pfq_device_counts *sum)
{
	struct pfq_device_counts c;
	unsigned int start;
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		const struct pfq_device_stats *s = per_cpu_ptr(stats, cpu);

		do {
			start = u64_stats_fetch_begin(&s->syncp);
			c.handed = u64_stats_read(&s->handed);
			c.consumed = u64_stats_read(&s->consumed);
			c.passed = u64_stats_read(&s->passed);
			c.both = u64_stats_read(&s->both);
			c.freed = u64_stats_read(&s->freed);
		} while (u64_stats_fetch_retry(&s->syncp, start));

		sum->handed += c.handed;
		sum->consumed += c.consumed;
		sum->passed += c.passed;
		sum->both += c.both;
		sum->freed += c.freed;
	}
}
