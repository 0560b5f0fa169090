/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _KCOMPAT_H_
#define _KCOMPAT_H_

#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>

#include "kcompat_generated_defs.h"

#ifndef HAVE_DEV_ADDR_MOD
static inline void _kc_eth_hw_addr_set(struct net_device *dev, const u8 *addr)
{
	memcpy(dev->dev_addr, addr, ETH_ALEN);
}
#define eth_hw_addr_set(dev, addr) _kc_eth_hw_addr_set(dev, addr)
#endif

#ifdef HAVE_NAPI_ADD_WEIGHT
#define swift_napi_add(dev, napi, poll) netif_napi_add(dev, napi, poll)
#else
#define swift_napi_add(dev, napi, poll) netif_napi_add(dev, napi, poll, 64)
#endif

/* Kernels before NAPI had its own context. */
#ifdef HAVE_ANCIENT_RX
#define napi_gro_receive(_napi, _skb) netif_receive_skb(_skb)
#define swift_receive_list(_list) _kc_receive_list(_list)
#else
static inline int _kc_gro_receive(struct napi_struct *napi, struct sk_buff *skb)
{
	skb->queue_mapping = 0;
	return napi_gro_receive(napi, skb);
}
#define napi_gro_receive(_napi, _skb) _kc_gro_receive(_napi, _skb)
#endif

#ifdef HAVE_SKB_LIST_RECEIVE
#define swift_receive_list(_list) netif_receive_skb_list(_list)
#endif

/* Defined in kcompat.c. */
int _kc_netif_rx(struct sk_buff *skb);
#define netif_rx(_skb) _kc_netif_rx(_skb)

#endif /* _KCOMPAT_H_ */
