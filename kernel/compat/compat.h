/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between kernels: the only file with version conditionals.
 *
 * It is included before everything else in every file (see Kbuild). Each block
 * is about one interface and says what changed, where and when; the rest of
 * the code uses the newest spelling. A probe (#ifdef of a macro) is preferred
 * to a version number, because distributions backport.
 */
#ifndef _PFQ_COMPAT_H
#define _PFQ_COMPAT_H

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/version.h>
#include <linux/local_lock.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/preempt.h>
#include <linux/skbuff.h>
#include <linux/smp.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 10, 0)
#error "PFQ needs Linux 5.10 or newer"
#endif

#ifndef CONFIG_64BIT
#error "the layout of PFQ's shared memory is that of 64-bit systems"
#endif

/*
 * Which receive entry points exist, and so which twins pfq_hook.ko exports.
 *
 * baebdf48c360 ("net: dev: Makes sure netif_rx() can be invoked in any
 * context.") in v5.18: netif_rx() took over the work of netif_rx_ni() and
 * netif_rx_any_context(), which went away in the same release, and
 * __netif_rx() appeared.
 *
 * "net: gro: decouple GRO from the NAPI layer" in v6.15: napi_gro_receive()
 * became an inline around the exported gro_receive_skb().
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 18, 0)
#define PFQ_HAVE___NETIF_RX
#else
#define PFQ_HAVE_NETIF_RX_NI
#define PFQ_HAVE_NETIF_RX_ANY_CONTEXT
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
#define PFQ_HAVE_GRO_RECEIVE_SKB
#endif

/*
 * 625788b58445 ("net: add per-cpu storage and net->core_stats") in v5.18:
 * the counter of frames that the core drops became per-CPU.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 18, 0)
static inline void dev_core_stats_rx_dropped_inc(struct net_device *dev)
{
	atomic_long_inc(&dev->rx_dropped);
}
#endif

/*
 * c5bcab755822 ("locking/local_lock: Add local nested BH locking
 * infrastructure.") in v6.11: per-CPU data that disabled bottom halves protect
 * gets a lock that is real on PREEMPT_RT and checked by lockdep elsewhere.
 * Before, disabled bottom halves were the lock on PREEMPT_RT too.
 */
#ifndef local_lock_nested_bh
#define local_lock_nested_bh(lock)	do { } while (0)
#define local_unlock_nested_bh(lock)	do { } while (0)
#endif

/*
 * 18b2db3b0385 ("mm: Convert page kmemcg type to a page memcg flag") in v5.11:
 * before, the mark of a page that a memory cgroup is charged for lay where the
 * number of its mappings is counted, so that it could not be mapped into a
 * process. There, queues count as locked memory instead.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 11, 0)
#define PFQ_GFP_SHARED		GFP_KERNEL_ACCOUNT
#define PFQ_CHARGE_MEMLOCK	false
#else
#define PFQ_GFP_SHARED		GFP_KERNEL
#define PFQ_CHARGE_MEMLOCK	true
#endif

/*
 * bc292ab00f6c ("mm: introduce vma->vm_flags wrapper functions") in v6.3:
 * vm_flags is read-only.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags |= flags;
}
#endif

/*
 * 555bb4ccd1dd ("preempt: Provide preempt_[dis|en]able_nested()") in v6.1.
 */
#ifndef preempt_disable_nested
#define preempt_disable_nested()				\
do {								\
	if (IS_ENABLED(CONFIG_PREEMPT_RT))			\
		preempt_disable();				\
} while (0)

static __always_inline void preempt_enable_nested(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		preempt_enable();
}
#endif

/*
 * b824c3e16c19 ("net: Provide a PREEMPT_RT specific check for
 * netdev_queue::_xmit_lock") in v7.0, and in the stable releases of 6.18 and 6.19:
 * netif_tx_owned(). Without it a CPU is the owner, also on PREEMPT_RT, where up to
 * v6.17 sections with bottom halves disabled exclude each other on a CPU.
 */
static inline bool pfq_compat_tx_owned(struct netdev_queue *txq)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
	return netif_tx_owned(txq, smp_processor_id());
#else
	return READ_ONCE(txq->xmit_lock_owner) == smp_processor_id();
#endif
}

/*
 * a1ac9c8acec1 ("net: Add skb->mono_delivery_time to distinguish mono delivery_time
 * from (rcv) timestamp") in v5.18: what lies in skb->tstamp may be the time at which
 * TCP wanted the frame to be sent, by another clock; it survives forwarding (veth).
 * Before, nothing told the one from the other.
 */
static inline ktime_t pfq_compat_tstamp(const struct sk_buff *skb)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 18, 0)
	return skb_tstamp(skb);
#else
	return 0;
#endif
}

static inline void pfq_compat_clear_tstamp(struct sk_buff *skb)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 18, 0)
	skb_set_delivery_time(skb, 0, 0);
#else
	skb->tstamp = 0;
#endif
}

/*
 * 97dc7cd92ac6 ("ptp: Support late timestamp determination") in v5.19: what lies in
 * the place of the NIC's timestamp may be a pointer (igc), which the driver turns
 * into a time.
 */
static inline ktime_t pfq_compat_hwtstamp(struct sk_buff *skb)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 19, 0)
	if (skb_shinfo(skb)->tx_flags & SKBTX_HW_TSTAMP_NETDEV)
		return netdev_get_tstamp(skb->dev, skb_hwtstamps(skb), false);
#endif
	return skb_hwtstamps(skb)->hwtstamp;
}

#endif /* _PFQ_COMPAT_H */
