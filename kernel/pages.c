// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pages that a socket shares with user space.
 *
 *              whose          charged to                kernel's view
 * alloc()      ours           memory cgroup (1)         vmap()
 * pin()        user space's   RLIMIT_MEMLOCK            linear map if they happen
 *                                                       to be contiguous (one huge
 *                                                       page), else vmap()
 *
 * (1) RLIMIT_MEMLOCK where the kernel cannot map pages that a cgroup is charged
 *     for; see compat.h.
 *
 * Pages of our own are counted: a mapping holds a reference to each, so what is
 * mapped outlives pfq_pages_free(), the socket and the module. Of memory that
 * user space supplies every single page is pinned, whatever is said about its
 * page size; nothing is concluded from one page about the next.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "pages.h"

/* Gives up rather than have somebody killed for a queue, and without a dump in the log. */
#define PAGES_GFP (PFQ_GFP_SHARED | __GFP_ZERO | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/* Allocates the array; there cannot be more pages than the machine has. */
static int pages_init(struct pfq_pages *p, u64 size)
{
	u64 count = PAGE_ALIGN(size) >> PAGE_SHIFT;

	memset(p, 0, sizeof(*p));
	if (count > totalram_pages())
		return -ENOMEM;
	p->page = kvcalloc(count, sizeof(*p->page),
			   GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	return p->page ? 0 : -ENOMEM;
}

static int pages_charge(struct pfq_pages *p, unsigned long count)
{
	int ret;

	ret = account_locked_vm(current->mm, count, true);
	if (ret)
		return ret;
	p->mm = current->mm;
	mmgrab(p->mm);
	return 0;
}

static void pages_uncharge(struct pfq_pages *p, unsigned long count)
{
	if (!p->mm)
		return;
	account_locked_vm(p->mm, count, false);
	mmdrop(p->mm);
}

static bool pages_contiguous(const struct pfq_pages *p)
{
	unsigned long first = page_to_pfn(p->page[0]);
	unsigned long i;

	for (i = 1; i < p->count; i++)
		if (page_to_pfn(p->page[i]) != first + i)
			return false;
	return true;
}

static int pages_view(struct pfq_pages *p)
{
	p->linear = p->pinned && pages_contiguous(p);
	if (p->linear)
		p->addr = page_address(p->page[0]);
	else
		p->addr = vmap(p->page, p->count, VM_MAP, PAGE_KERNEL);
	return p->addr ? 0 : -ENOMEM;
}

/* Gives back what is there of @charged pages, the array included. */
static void pages_release(struct pfq_pages *p, unsigned long charged)
{
	unsigned long i;

	if (p->pinned)
		unpin_user_pages_dirty_lock(p->page, p->count, true);
	else
		for (i = 0; i < p->count; i++)
			__free_page(p->page[i]);
	pages_uncharge(p, charged);
	kvfree(p->page);
}

/**
 * pfq_pages_alloc() - take pages of our own, all zero
 * @p: to be filled in; undefined on error
 * @size: bytes
 *
 * Context: Process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int pfq_pages_alloc(struct pfq_pages *p, u64 size)
{
	unsigned long count = PAGE_ALIGN(size) >> PAGE_SHIFT;
	int ret;

	ret = pages_init(p, size);
	if (ret)
		return ret;
	if (PFQ_CHARGE_MEMLOCK) {
		ret = pages_charge(p, count);
		if (ret)
			goto err_release;
	}
	ret = -ENOMEM;
	for (; p->count < count; p->count++) {
		if (fatal_signal_pending(current))
			goto err_release;
		p->page[p->count] = alloc_page(PAGES_GFP);
		if (!p->page[p->count])
			goto err_release;
		cond_resched();
	}
	ret = pages_view(p);
	if (ret)
		goto err_release;
	return 0;

err_release:
	pages_release(p, count);
	return ret;
}

/**
 * pfq_pages_pin() - use memory of the calling process
 * @p: to be filled in; undefined on error
 * @start: address of the memory, a multiple of PAGE_SIZE
 * @size: bytes; the caller knows that the addresses do not wrap
 *
 * Context: Process context, may sleep; takes mmap_lock.
 * Return: 0; -ENOMEM if too much would be locked, or part of it is not there or
 * not writable or cannot be pinned for long.
 */
int pfq_pages_pin(struct pfq_pages *p, u64 start, u64 size)
{
	unsigned long count = PAGE_ALIGN(size) >> PAGE_SHIFT;
	long got;
	int ret;

	ret = pages_init(p, size);
	if (ret)
		return ret;
	p->pinned = true;
	ret = pages_charge(p, count);
	if (ret)
		goto err_release;
	ret = -ENOMEM;
	while (p->count < count) {
		got = pin_user_pages_fast(start + (p->count << PAGE_SHIFT),
					  min_t(unsigned long, count - p->count,
						INT_MAX),
					  FOLL_WRITE | FOLL_LONGTERM,
					  p->page + p->count);
		if (got <= 0)
			goto err_release;
		p->count += got;
	}
	ret = pages_view(p);
	if (ret)
		goto err_release;
	return 0;

err_release:
	pages_release(p, count);
	return ret;
}

/**
 * pfq_pages_map() - map pages of our own into a process
 * @p: the pages
 * @vma: where; the first page goes to its start, whatever its offset
 *
 * Context: Process context, mmap_lock held for writing.
 * Return: 0, or -EINVAL if @vma is larger or the pages are not ours.
 */
int pfq_pages_map(const struct pfq_pages *p, struct vm_area_struct *vma)
{
	if (p->pinned || vma_pages(vma) > p->count)
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	return vm_map_pages_zero(vma, p->page, p->count);
}

/**
 * pfq_pages_free() - give the pages back
 * @p: the pages, which no CPU reaches through @p->addr any more
 *
 * Pages of our own that are still mapped live until they are unmapped.
 *
 * Context: Process context, may sleep; takes mmap_lock of the process that was
 * charged.
 */
void pfq_pages_free(struct pfq_pages *p)
{
	if (!p->linear)
		vunmap(p->addr);
	pages_release(p, p->count);
}
