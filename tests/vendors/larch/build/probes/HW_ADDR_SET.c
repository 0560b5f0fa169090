// SPDX-License-Identifier: GPL-2.0
#include <linux/etherdevice.h>
#include <linux/module.h>

void probe(struct net_device *dev, const u8 *address);
void probe(struct net_device *dev, const u8 *address)
{
	eth_hw_addr_set(dev, address);
}
MODULE_LICENSE("GPL");
