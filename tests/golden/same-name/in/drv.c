#include <linux/netdevice.h>


struct proto {
	int (*netif_rx)(struct sk_buff *skb);
};

struct napi_gro_receive {
	int x;
};

static int rx(struct proto *proto, struct sk_buff *skb)
{
	int netif_receive_skb = 0;
	struct napi_gro_receive s = { .x = 1 };

	if (netif_receive_skb)
		goto netif_rx;
	return proto->netif_rx(skb) + s.x;
netif_rx:
	return netif_receive_skb;
}
