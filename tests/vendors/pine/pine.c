// SPDX-License-Identifier: GPL-2.0
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/netdevice.h>

static struct net_device *pine_dev;

static netdev_tx_t pine_xmit(struct sk_buff *skb, struct net_device *dev)
{
	skb_orphan(skb);
	skb->protocol = eth_type_trans(skb, dev);
	netif_rx(skb);
	return NETDEV_TX_OK;
}

static const struct net_device_ops pine_ops = {
	.ndo_start_xmit = pine_xmit,
};

static int __init pine_init(void)
{
	int err;

	pine_dev = alloc_etherdev(0);
	if (!pine_dev)
		return -ENOMEM;
	pine_dev->netdev_ops = &pine_ops;
	eth_hw_addr_random(pine_dev);
	err = register_netdev(pine_dev);
	if (err)
		free_netdev(pine_dev);
	return err;
}
module_init(pine_init);

static void __exit pine_exit(void)
{
	unregister_netdev(pine_dev);
	free_netdev(pine_dev);
}
module_exit(pine_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("One file");
