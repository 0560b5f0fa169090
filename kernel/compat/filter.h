/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * <linux/filter.h>, which is too large for compat.h to include everywhere.
 */
#ifndef _PFQ_COMPAT_FILTER_H
#define _PFQ_COMPAT_FILTER_H

#include <linux/filter.h>

/*
 * fb7dd8bca013 ("bpf: Refactor BPF_PROG_RUN into a function") in v5.15.
 */
#ifdef BPF_PROG_RUN
#define bpf_prog_run(prog, ctx)		BPF_PROG_RUN(prog, ctx)
#endif

#endif /* _PFQ_COMPAT_FILTER_H */
