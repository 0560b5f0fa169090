// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

#include "elm_com/elm_com.h"

static struct net_device *elm_dev;

static unsigned int mode = 2;
module_param(mode, uint, 0444);
MODULE_PARM_DESC(mode, "how packets go up: 0, 1 or 2");

void elm_set_mode(unsigned int wanted)
{
	struct elm *elm = netdev_priv(elm_dev);

	elm->mode = wanted;
}
EXPORT_SYMBOL_GPL(elm_set_mode);

static int elm_open(struct net_device *dev)
{
	struct elm *elm = netdev_priv(dev);

	napi_enable(&elm->napi);
	netif_start_queue(dev);
	return 0;
}

static int elm_stop(struct net_device *dev)
{
	struct elm *elm = netdev_priv(dev);

	netif_stop_queue(dev);
	napi_disable(&elm->napi);
	skb_queue_purge(&elm->ring);
	return 0;
}

static const struct net_device_ops elm_ops = {
	.ndo_open = elm_open,
	.ndo_stop = elm_stop,
	.ndo_start_xmit = elm_xmit,
};

static int __init elm_init(void)
{
	struct elm *elm;
	int err;

	elm_dev = alloc_etherdev(sizeof(*elm));
	if (!elm_dev)
		return -ENOMEM;
	elm = netdev_priv(elm_dev);
	elm->dev = elm_dev;
	elm->mode = mode;
	skb_queue_head_init(&elm->ring);
	elm_dev->netdev_ops = &elm_ops;
	eth_hw_addr_random(elm_dev);
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
	netif_napi_add(elm_dev, &elm->napi, elm_poll, 64);
#else
	netif_napi_add(elm_dev, &elm->napi, elm_poll);
#endif
	err = register_netdev(elm_dev);
	if (err)
		free_netdev(elm_dev);
	else
		pr_info("elm for %s\n", ELM_KERNEL);
	return err;
}
module_init(elm_init);

static void __exit elm_exit(void)
{
	unregister_netdev(elm_dev);
	free_netdev(elm_dev);
}
module_exit(elm_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A software NIC with code that it shares");
