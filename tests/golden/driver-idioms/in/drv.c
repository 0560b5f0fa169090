#include <linux/netdevice.h>


struct sk_buff *next(struct sk_buff *skb);

static int arguments(struct sk_buff *skb)
{
	return netif_rx(next(next(skb))) == NET_RX_SUCCESS ? 0 : netif_receive_skb(next(skb));
}

static void arms(struct sk_buff *skb, int kind)
{
	switch (kind) {
	case 1: netif_rx(skb); break;
	default:
		if (kind)
			;
		else netif_receive_skb(skb);
	}
}

static void layout(struct napi_struct *napi, struct sk_buff *skb)
{
	(void) napi_gro_receive
		(napi,
		 skb);
	while (skb && netif_rx(skb) != NET_RX_SUCCESS) skb = next(skb);
}

static void list(struct list_head *head)
{
	do netif_receive_skb_list(head); while (0);
}

static int
old_style(skb)
	struct sk_buff *skb;
{
	return netif_rx(skb);
}
