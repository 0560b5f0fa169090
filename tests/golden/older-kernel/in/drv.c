#include <linux/netdevice.h>


static void rx_in_process_context(struct sk_buff *skb)
{
	netif_rx_ni(skb);
}

static void rx_anywhere(struct sk_buff *skb)
{
	if (skb->len)
		netif_rx_any_context(skb);
	else
		netif_rx(skb);
}
