// SPDX-License-Identifier: GPL-2.0
#include "swift.h"

static struct net_device *swift_netdev;

static int swift_open(struct net_device *dev)
{
	struct swift_adapter *adapter = netdev_priv(dev);

	napi_enable(&adapter->napi);
	netif_start_queue(dev);
	return 0;
}

static int swift_stop(struct net_device *dev)
{
	struct swift_adapter *adapter = netdev_priv(dev);

	netif_stop_queue(dev);
	napi_disable(&adapter->napi);
	skb_queue_purge(&adapter->ring);
	return 0;
}

static const struct net_device_ops swift_netdev_ops = {
	.ndo_open = swift_open,
	.ndo_stop = swift_stop,
	.ndo_start_xmit = swift_xmit,
};

static int __init swift_init(void)
{
	static const u8 address[ETH_ALEN] = { 0x02, 0x00, 0x00, 0x73, 0x77, 0x01 };
	struct swift_adapter *adapter;
	int err;

	swift_netdev = alloc_etherdev(sizeof(*adapter));
	if (!swift_netdev)
		return -ENOMEM;
	adapter = netdev_priv(swift_netdev);
	adapter->netdev = swift_netdev;
	skb_queue_head_init(&adapter->ring);
	swift_netdev->netdev_ops = &swift_netdev_ops;
	swift_netdev->ethtool_ops = &swift_ethtool_ops;
	eth_hw_addr_set(swift_netdev, address);
	swift_napi_add(swift_netdev, &adapter->napi, swift_poll);
	err = register_netdev(swift_netdev);
	if (err)
		free_netdev(swift_netdev);
	return err;
}
module_init(swift_init);

static void __exit swift_exit(void)
{
	unregister_netdev(swift_netdev);
	free_netdev(swift_netdev);
}
module_exit(swift_exit);

MODULE_DESCRIPTION("A software NIC that receives what it sends");
MODULE_LICENSE("GPL");
MODULE_VERSION(SWIFT_VERSION);
