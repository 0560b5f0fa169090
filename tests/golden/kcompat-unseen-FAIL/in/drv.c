#include <linux/netdevice.h>

#include "kcompat.h"

static void rx(struct sk_buff *skb)
{
	KC(netif_rx)(skb);
}
