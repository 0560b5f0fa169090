#include <linux/netdevice.h>


static void rx(struct napi_struct *napi, struct sk_buff *skb)
{
	napi_gro_receive(napi, skb);
}

static int rx_old(struct sk_buff *skb, struct list_head *list, struct napi_struct *napi)
{
	netif_receive_skb_list(list);
	napi_gro_frags(napi);
	__netif_rx(skb);
	if (skb->len)
		return netif_receive_skb(skb);
	return netif_rx(skb);
}
