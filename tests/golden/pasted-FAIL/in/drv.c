#include <linux/netdevice.h>


#define METHOD(name) drv_##name

static int drv_netif_rx(struct sk_buff *skb)
{
	return !skb;
}

static int rx(struct sk_buff *skb)
{
	return METHOD(netif_rx)(skb);
}
