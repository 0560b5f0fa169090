#include <linux/netdevice.h>


#define DELIVER(napi, skb) \
	do { \
		(skb)->dev = (napi)->dev; \
		napi_gro_receive(napi, skb); \
	} while (0)
#define sis_rx netif_rx
#define outer(skb) sis_rx(skb)

static void rx(struct napi_struct *napi, struct sk_buff *skb)
{
	DELIVER(napi, skb);
	DELIVER(napi, skb);
}

static void rx_old(struct sk_buff *skb)
{
	outer(skb);
}
