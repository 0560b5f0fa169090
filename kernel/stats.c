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
	return alloc_percpu_gfp(struct pfq_cpu_stats, GFP_KERNEL_ACCOUNT);
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
	const struct pfq_cpu_stats *s;
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		s = per_cpu_ptr(stats, cpu);
		sum->recv += u64_stats_read(&s->recv);
		sum->lost += u64_stats_read(&s->lost);
		sum->drop += u64_stats_read(&s->drop);
		sum->disc += u64_stats_read(&s->disc);
		sum->frwd += u64_stats_read(&s->frwd);
		sum->kern += u64_stats_read(&s->kern);
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
	const struct pfq_device_stats *s;
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		s = per_cpu_ptr(stats, cpu);
		sum->handed += u64_stats_read(&s->handed);
		sum->consumed += u64_stats_read(&s->consumed);
		sum->passed += u64_stats_read(&s->passed);
		sum->both += u64_stats_read(&s->both);
		sum->freed += u64_stats_read(&s->freed);
	}
}
