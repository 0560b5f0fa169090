#include <linux/netdevice.h>


extern int netif_rx(struct sk_buff *skb);

static void rx(struct sk_buff *skb)
{
	netif_rx(skb);
}
