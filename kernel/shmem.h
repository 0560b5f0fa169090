/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory shared with user space: its size, allocation and mapping.
 */
#ifndef _PFQ_SHMEM_H
#define _PFQ_SHMEM_H

#include <linux/types.h>

struct pfq_ring;
struct pfq_so_enable;
struct pfq_sock;
struct vm_area_struct;

u64 pfq_shmem_size(const struct pfq_sock *ps);
struct pfq_ring *pfq_shmem_alloc(const struct pfq_sock *ps,
				 const struct pfq_so_enable *arg);
int pfq_shmem_map(const struct pfq_ring *ring, struct vm_area_struct *vma);
void pfq_shmem_free(struct pfq_ring *ring);

#endif /* _PFQ_SHMEM_H */
