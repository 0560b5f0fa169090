/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pages that a socket shares with user space: whose they are, who pays for
 * them, and how the kernel sees them.
 */
#ifndef _PFQ_PAGES_H
#define _PFQ_PAGES_H

#include <linux/types.h>

struct mm_struct;
struct page;
struct vm_area_struct;

/**
 * struct pfq_pages - pages, and the kernel's view of them
 * @addr: the kernel's view, contiguous
 * @page: the pages
 * @count: how many
 * @pinned: they are user space's, and pinned; else our own
 * @linear: @addr is an address of the linear map; else made by vmap()
 * @mm: the process that they are charged to as locked memory, or NULL
 */
struct pfq_pages {
	void *addr;
	struct page **page;
	unsigned long count;
	bool pinned;
	bool linear;
	struct mm_struct *mm;
};

int pfq_pages_alloc(struct pfq_pages *p, u64 size);
int pfq_pages_pin(struct pfq_pages *p, u64 start, u64 size);
int pfq_pages_map(const struct pfq_pages *p, struct vm_area_struct *vma);
void pfq_pages_free(struct pfq_pages *p);

#endif /* _PFQ_PAGES_H */
