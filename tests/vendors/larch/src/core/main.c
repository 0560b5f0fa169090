// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

#include "larch.h"

unsigned long larch_received;

static struct net_device *larch_dev;
static unsigned int mode;
module_param(mode, uint, 0444);
MODULE_PARM_DESC(mode, "how packets go up");

static int larch_open(struct net_device *dev)
{
	struct larch *larch = netdev_priv(dev);

	napi_enable(&larch->napi);
	netif_start_queue(dev);
	larch_test(larch);
	return 0;
}

static int larch_stop(struct net_device *dev)
{
	struct larch *larch = netdev_priv(dev);

	netif_stop_queue(dev);
	napi_disable(&larch->napi);
	skb_queue_purge(&larch->ring);
	return 0;
}

static const struct net_device_ops larch_netdev_ops = {
	.ndo_open = larch_open,
	.ndo_stop = larch_stop,
	.ndo_start_xmit = larch_xmit,
};

static int __init larch_init(void)
{
	static const u8 address[ETH_ALEN] = { 0x02, 0x00, 0x6c, 0x61, 0x72, 0x01 };
	struct larch *larch;
	int err;

	if (mode >= larch_mode_count)
		return -EINVAL;
	larch_dev = alloc_etherdev(sizeof(*larch));
	if (!larch_dev)
		return -ENOMEM;
	larch = netdev_priv(larch_dev);
	larch->dev = larch_dev;
	larch->ops = &larch_modes[mode];
	skb_queue_head_init(&larch->ring);
	larch_dev->netdev_ops = &larch_netdev_ops;
	eth_hw_addr_set(larch_dev, address);
	larch_napi_add(larch_dev, &larch->napi, larch_poll);
	err = register_netdev(larch_dev);
	if (err)
		free_netdev(larch_dev);
	return err;
}
module_init(larch_init);

static void __exit larch_exit(void)
{
	pr_info("%lu packets received one by one\n", larch_received);
	unregister_netdev(larch_dev);
	free_netdev(larch_dev);
}
module_exit(larch_exit);

MODULE_LICENSE("Dual BSD/GPL");
MODULE_DESCRIPTION("A software NIC that chooses at run time how packets go up");
