// SPDX-License-Identifier: GPL-2.0
#include "yew_os.h"

static struct net_device *yew_dev;

static netdev_tx_t yew_xmit(struct sk_buff *skb, struct net_device *dev)
{
	skb_orphan(skb);
	skb->protocol = eth_type_trans(skb, dev);
	YEW_CALL(netif_rx, skb);
	return NETDEV_TX_OK;
}

static const struct net_device_ops yew_ops = {
	.ndo_start_xmit = yew_xmit,
};

static int __init yew_init(void)
{
	int err;

	yew_dev = alloc_etherdev(0);
	if (!yew_dev)
		return -ENOMEM;
	yew_dev->netdev_ops = &yew_ops;
	eth_hw_addr_random(yew_dev);
	err = register_netdev(yew_dev);
	if (err)
		free_netdev(yew_dev);
	return err;
}
module_init(yew_init);

static void __exit yew_exit(void)
{
	unregister_netdev(yew_dev);
	free_netdev(yew_dev);
}
module_exit(yew_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A software NIC whose calls are made of pieces");
