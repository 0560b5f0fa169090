#include <linux/netdevice.h>

#include "kcompat.h"

#undef netif_rx

int _kc_netif_rx(struct sk_buff *skb)
{
	return skb->dev ? netif_rx(skb) : NET_RX_SUCCESS;
}
