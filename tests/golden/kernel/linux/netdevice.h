/* SPDX-License-Identifier: GPL-2.0-or-later */
/* As much of the kernel's header as the golden cases need. */
#ifndef _LINUX_NETDEVICE_H
#define _LINUX_NETDEVICE_H

struct net_device;
struct list_head;
struct sk_buff { struct net_device *dev; unsigned int len; };
struct napi_struct { struct net_device *dev; };
enum gro_result { GRO_MERGED, GRO_NORMAL };
typedef enum gro_result gro_result_t;

#define NET_RX_SUCCESS 0
#define NULL ((void *)0)
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

gro_result_t napi_gro_receive(struct napi_struct *napi, struct sk_buff *skb);
gro_result_t napi_gro_frags(struct napi_struct *napi);
int netif_receive_skb(struct sk_buff *skb);
void netif_receive_skb_list(struct list_head *head);
int netif_rx(struct sk_buff *skb);
int __netif_rx(struct sk_buff *skb);

#ifdef KERNEL_5_10
int netif_rx_ni(struct sk_buff *skb);
int netif_rx_any_context(struct sk_buff *skb);
#endif

#ifdef KERNEL_HAS_MACRO
#define netif_rx_ni(skb) netif_rx(skb)
#endif
#endif
