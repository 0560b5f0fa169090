#include <linux/netdevice.h>

#include "kcompat.h"

struct ops {
	int (*up)(struct sk_buff *skb);
};

static const struct ops ops = { .up = netif_rx };

static void rx(struct napi_struct *napi, struct sk_buff *skb)
{
	if (skb->len)
		napi_gro_receive(napi, skb);
	else
		ops.up(skb);
}
