#include <linux/netdevice.h>


#define CALL(fn, skb) fn(skb)

static int rx(struct napi_struct *napi, struct sk_buff *skb)
{
	if (unlikely(netif_rx(skb) != NET_RX_SUCCESS))
		return 1;
	return CALL(netif_receive_skb, skb);
}
