// SPDX-License-Identifier: GPL-2.0
#include "kcompat.h"

#undef netif_rx

int _kc_netif_rx(struct sk_buff *skb)
{
	if (unlikely(!skb->dev)) {
		dev_kfree_skb_any(skb);
		return NET_RX_DROP;
	}
	return netif_rx(skb);
}
