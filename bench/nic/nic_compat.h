/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between kernels from 5.10 on, for the bench NIC; the rest of it
 * uses the newest spelling.
 */
#ifndef _NIC_COMPAT_H
#define _NIC_COMPAT_H

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/version.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/xdp.h>

/* baebdf48c360 in v5.18: netif_rx_ni() and netif_rx_any_context() went away. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 18, 0)
#define NIC_HAVE___NETIF_RX
#else
#define NIC_HAVE_NETIF_RX_NI
#endif

/* b48b89f9c189 in v6.1: the weight is 64 unless said otherwise. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#define netif_napi_add(dev, napi, poll) \
	((netif_napi_add)(dev, napi, poll, NAPI_POLL_WEIGHT))
#endif

/* b02e5a0ebb17 in v5.11: the queue's NAPI id. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
#define xdp_rxq_info_reg(rxq, dev, queue, napi_id) \
	((xdp_rxq_info_reg)(rxq, dev, queue))
#endif

/*
 * 43b5169d8355 and be9df4aff65f in v5.12: helpers to set up a buffer;
 * f450d539c05a in v5.12: skbs out of the NAPI cache.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 12, 0)
static inline void xdp_init_buff(struct xdp_buff *xdp, u32 frame_sz,
				 struct xdp_rxq_info *rxq)
{
	xdp->frame_sz = frame_sz;
	xdp->rxq = rxq;
}

static inline void xdp_prepare_buff(struct xdp_buff *xdp, unsigned char *hard_start,
				    int headroom, int data_len, const bool meta_valid)
{
	unsigned char *data = hard_start + headroom;

	xdp->data_hard_start = hard_start;
	xdp->data = data;
	xdp->data_end = data + data_len;
	xdp->data_meta = meta_valid ? data : data + 1;
}

#define napi_build_skb	build_skb
#endif

/* 66c0e13ad236 in v6.3: a driver says what it can do. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define nic_set_xdp_features(dev) \
	((dev)->xdp_features = NETDEV_XDP_ACT_BASIC | NETDEV_XDP_ACT_REDIRECT)
#else
#define nic_set_xdp_features(dev)	do { } while (0)
#endif

#endif /* _NIC_COMPAT_H */
