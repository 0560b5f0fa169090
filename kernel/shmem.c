// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory shared with user space. The layout is drawn in <linux/pf_q.h>; where
 * the memory comes from is the business of pages.c.
 *
 * There is room for the Tx queues, which nothing uses yet, because the library
 * computes offsets from the whole.
 */
#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <linux/pf_q.h>

#include "af_pfq.h"
#include "ring.h"
#include "shmem.h"

#define SHMEM_UNIT	(2UL << 20)

static_assert(sizeof(struct pfq_shared_queue) == 2048);
static_assert(sizeof(struct pfq_pkthdr) == 32);

/* The word that CPUs share shares no cache line with slots, and no header of a slot lies in two. */
static_assert(IS_ALIGNED(sizeof(struct pfq_shared_queue), SMP_CACHE_BYTES));
static_assert(sizeof(struct pfq_pkthdr) <= PFQ_SLOT_ALIGNMENT &&
	      IS_ALIGNED(SMP_CACHE_BYTES, PFQ_SLOT_ALIGNMENT));

/* Bytes of one half; at most 2^18 slots of 2^16 bytes, so nothing overflows. */
static u64 rx_half(const struct pfq_sock *ps)
{
	return ps->rx_slots * PFQ_SLOT_SIZE(ps->rx_len);
}

static u64 tx_half(const struct pfq_sock *ps)
{
	return ps->tx_slots * PFQ_SLOT_SIZE(ps->tx_len);
}

/**
 * pfq_shmem_size() - bytes of shared memory that a socket needs
 * @ps: the socket
 *
 * Context: Process context; the caller holds ps->lock.
 * Return: The size, a multiple of 2 MiB.
 */
u64 pfq_shmem_size(const struct pfq_sock *ps)
{
	u64 total = sizeof(struct pfq_shared_queue) + 2 * rx_half(ps) +
		    2 * (1 + Q_MAX_TX_QUEUES) * tx_half(ps);

	lockdep_assert_held(&ps->lock);

	return (1 + total / SHMEM_UNIT) * SHMEM_UNIT;
}

/*
 * Writes the control block, and the commit values that version 0 starts from.
 * Memory of user space need not be zero.
 */
static void shmem_format(struct pfq_ring *ring, const struct pfq_sock *ps)
{
	struct pfq_shared_queue *q = ring->shared;
	struct pfq_pkthdr *slot;
	unsigned int i, half;
	u32 n;

	memset(q, 0, sizeof(*q));
	q->rx.len = ring->slots;
	q->rx.size = rx_half(ps);
	q->rx.slot_size = ring->slot_size;
	q->tx.size = tx_half(ps);
	for (i = 0; i < Q_MAX_TX_QUEUES; i++)
		q->tx_async[i].size = tx_half(ps);

	for (half = 0; half < 2; half++)
		for (n = 0; n < ring->slots; n++) {
			slot = ring->half[half] + (size_t)n * ring->slot_size;
			slot->info.commit = !half;
		}
}

/*
 * PFQ 6.2 believes what it is told about the pages. Here it does not matter
 * how large they are, only that the memory starts with one.
 */
static int shmem_pin(struct pfq_pages *p, const struct pfq_so_enable *arg, u64 size)
{
	if (!arg->user_addr || !arg->user_size)
		return -EFAULT;
	if (!PAGE_ALIGNED(arg->user_addr) ||
	    !access_ok((void __user *)(uintptr_t)arg->user_addr, arg->user_size))
		return -EFAULT;
	if (size > arg->user_size)
		return -ENOMEM;
	return pfq_pages_pin(p, arg->user_addr, size);
}

/**
 * pfq_shmem_alloc() - get and format the shared memory of a socket
 * @ps: the socket
 * @arg: where the memory comes from
 *
 * Context: Process context, may sleep; the caller holds ps->lock.
 * Return: The ring, to be freed by pfq_shmem_free(); an ERR_PTR of -EFAULT if
 * user space says that it has the memory but not where, or not at the start of
 * a page; of -ENOMEM in all other cases.
 */
struct pfq_ring *pfq_shmem_alloc(const struct pfq_sock *ps,
				 const struct pfq_so_enable *arg)
{
	struct pfq_ring *ring;
	int ret;

	lockdep_assert_held(&ps->lock);

	/* The size of a half is 32 bits wide in the control block. */
	if (rx_half(ps) > U32_MAX)
		return ERR_PTR(-ENOMEM);
	ring = kzalloc(sizeof(*ring), GFP_KERNEL_ACCOUNT);
	if (!ring)
		return ERR_PTR(-ENOMEM);
	ring->size = pfq_shmem_size(ps);
	if (arg->hugepage_size)
		ret = shmem_pin(&ring->pages, arg, ring->size);
	else
		ret = pfq_pages_alloc(&ring->pages, ring->size);
	if (ret) {
		kfree(ring);
		return ERR_PTR(ret);
	}
	ring->shared = ring->pages.addr;
	ring->slots = ps->rx_slots;
	ring->slot_size = PFQ_SLOT_SIZE(ps->rx_len);
	ring->caplen = ps->rx_len;
	ring->half[0] = (void *)ring->shared + sizeof(struct pfq_shared_queue);
	ring->half[1] = ring->half[0] + rx_half(ps);
	shmem_format(ring, ps);
	return ring;
}

/**
 * pfq_shmem_map() - map the shared memory into a process
 * @ring: the ring
 * @vma: where; the offset is ignored
 *
 * Context: Process context, mmap_lock held for writing.
 * Return: 0, or -EINVAL if @vma is larger than the memory, or the memory is the
 * process' own.
 */
int pfq_shmem_map(const struct pfq_ring *ring, struct vm_area_struct *vma)
{
	return pfq_pages_map(&ring->pages, vma);
}

/**
 * pfq_shmem_free() - free the shared memory
 * @ring: the ring that no CPU can reach any more, or NULL
 *
 * Pages that are still mapped live until they are unmapped.
 *
 * Context: Process context, may sleep.
 */
void pfq_shmem_free(struct pfq_ring *ring)
{
	if (!ring)
		return;
	pfq_pages_free(&ring->pages);
	kfree(ring);
}
