#include <linux/netdevice.h>


static void rx(struct sk_buff *skb)
{
	netif_rx_ni(skb);
}
