#include <linux/netdevice.h>


struct adapter {
	int (*rx)(struct sk_buff *skb);
};

static int (*const fallback)(struct sk_buff *skb) = netif_receive_skb;

static void set(struct adapter *adapter, int polling)
{
	adapter->rx = polling ? netif_receive_skb : netif_rx;
	if (!adapter->rx)
		adapter->rx = &netif_rx;
	(netif_rx)(NULL);
}
