#include <linux/netdevice.h>


static void rx(struct napi_struct *napi, struct sk_buff *skb)
{
#ifdef CONFIG_DRV_NAPI
	napi_gro_receive(napi, skb);
#else
	netif_rx(skb);
#endif
#if 0
	netif_receive_skb(skb);
#endif
}

#ifdef CONFIG_DRV_NAPI
#define DELIVER(skb) netif_receive_skb(skb)
#endif
