/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ELM_COM_H_
#define _ELM_COM_H_

#include <linux/etherdevice.h>
#include <linux/netdevice.h>
#include <linux/version.h>

#define ELM_RX(name) elm_rx_##name

typedef int (*elm_deliver_t)(struct sk_buff *skb);

/* How packets go up: chosen at run time. */
extern const elm_deliver_t elm_deliver[2];

struct elm {
	struct net_device *dev;
	struct napi_struct napi;
	struct sk_buff_head ring;
	unsigned int mode;
};

#if LINUX_VERSION_CODE < KERNEL_VERSION(4, 0, 0)
static inline void elm_up(struct elm *elm, struct sk_buff *skb)
{
	netif_receive_skb(skb);
}
#else
static inline void elm_up(struct elm *elm, struct sk_buff *skb)
{
	if (elm->mode < ARRAY_SIZE(elm_deliver))
		elm_deliver[elm->mode](skb);
	else
		napi_gro_receive(&elm->napi, skb);
}
#endif

int elm_poll(struct napi_struct *napi, int budget);
netdev_tx_t elm_xmit(struct sk_buff *skb, struct net_device *dev);

#endif
