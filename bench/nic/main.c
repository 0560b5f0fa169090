// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The bench NIC as a network device; nic.h says what it is.
 */
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/slab.h>

#include "nic.h"

static unsigned int queues = 1;
module_param(queues, uint, 0444);
MODULE_PARM_DESC(queues, "Receive queues (1 to 64, default 1)");

#define NIC_QUEUES_MAX	64

static struct net_device *nic_dev;

static int queue_open(struct nic_queue *q)
{
	int ret;

	ret = nic_ring_alloc(q);
	if (ret)
		return ret;
	ret = xdp_rxq_info_reg(&q->rxq, q->nic->dev, q->index, q->napi.napi_id);
	if (ret)
		goto err_ring;
	ret = xdp_rxq_info_reg_mem_model(&q->rxq, MEM_TYPE_PAGE_SHARED, NULL);
	if (ret)
		goto err_rxq;
	napi_enable(&q->napi);
	mutex_lock(&q->busy);
	nic_headers_init(q);
	q->ready = true;
	mutex_unlock(&q->busy);
	return 0;

err_rxq:
	xdp_rxq_info_unreg(&q->rxq);
err_ring:
	nic_ring_free(q);
	return ret;
}

static void queue_close(struct nic_queue *q)
{
	mutex_lock(&q->busy);	/* a run that goes on sees that it is over */
	q->ready = false;
	mutex_unlock(&q->busy);
	napi_disable(&q->napi);
	xdp_rxq_info_unreg(&q->rxq);
	nic_ring_free(q);
}

static int nic_open(struct net_device *dev)
{
	struct nic *nic = netdev_priv(dev);
	unsigned int i;
	int ret;

	for (i = 0; i < nic->nqueues; i++) {
		ret = queue_open(nic->queue[i]);
		if (ret)
			goto err_close;
	}
	netif_tx_start_all_queues(dev);
	return 0;

err_close:
	while (i--)
		queue_close(nic->queue[i]);
	return ret;
}

static int nic_stop(struct net_device *dev)
{
	struct nic *nic = netdev_priv(dev);
	unsigned int i;

	netif_tx_stop_all_queues(dev);
	for (i = 0; i < nic->nqueues; i++)
		queue_close(nic->queue[i]);
	return 0;
}

/* The cable ends nowhere. */
static netdev_tx_t nic_xmit(struct sk_buff *skb, struct net_device *dev)
{
	dev_kfree_skb_any(skb);
	return NETDEV_TX_OK;
}

static void nic_stats(struct net_device *dev, struct rtnl_link_stats64 *stats)
{
	struct nic *nic = netdev_priv(dev);
	unsigned int i;

	for (i = 0; i < nic->nqueues; i++)
		stats->rx_packets += READ_ONCE(nic->queue[i]->counters.made);
	stats->rx_bytes = stats->rx_packets * READ_ONCE(nic->size);
}

static const struct net_device_ops nic_ops = {
	.ndo_open = nic_open,
	.ndo_stop = nic_stop,
	.ndo_start_xmit = nic_xmit,
	.ndo_get_stats64 = nic_stats,
	.ndo_bpf = nic_bpf,
	.ndo_validate_addr = eth_validate_addr,
	.ndo_set_mac_address = eth_mac_addr,
};

static int queue_create(struct nic *nic, unsigned int index)
{
	struct nic_queue *q = kvzalloc(sizeof(*q), GFP_KERNEL);

	if (!q)
		return -ENOMEM;
	q->nic = nic;
	q->index = index;
	q->way = &nic_ways[1];	/* napi_gro_receive */
	mutex_init(&q->busy);
	INIT_LIST_HEAD(&q->list);
	init_irq_work(&q->irq, nic_deliver_irq);
	netif_napi_add(nic->dev, &q->napi, nic_poll);
	nic->queue[index] = q;
	return 0;
}

static void queues_destroy(struct nic *nic)
{
	unsigned int i;

	for (i = 0; i < nic->nqueues && nic->queue[i]; i++) {
		netif_napi_del(&nic->queue[i]->napi);
		kvfree(nic->queue[i]);
	}
}

static int __init nic_init(void)
{
	struct net_device *dev;
	unsigned int i;
	struct nic *nic;
	int ret;

	if (!queues || queues > NIC_QUEUES_MAX)
		return -EINVAL;
	dev = alloc_etherdev_mqs(struct_size(nic, queue, queues), queues, queues);
	if (!dev)
		return -ENOMEM;
	nic = netdev_priv(dev);
	nic->dev = dev;
	nic->nqueues = queues;
	nic->size = NIC_FRAME_MIN;
	nic->flows = 256;
	nic->burst = NAPI_POLL_WEIGHT;
	strscpy(dev->name, "bench%d", sizeof(dev->name));
	dev->netdev_ops = &nic_ops;
	dev->sysfs_groups[0] = &nic_source_group;
	nic_set_xdp_features(dev);
	eth_hw_addr_random(dev);
	for (i = 0; i < queues; i++) {
		ret = queue_create(nic, i);
		if (ret)
			goto err_queues;
	}
	ret = register_netdev(dev);
	if (ret)
		goto err_queues;
	nic_dev = dev;
	return 0;

err_queues:
	queues_destroy(nic);
	free_netdev(dev);
	return ret;
}

static void __exit nic_exit(void)
{
	unregister_netdev(nic_dev);
	queues_destroy(netdev_priv(nic_dev));
	free_netdev(nic_dev);
}

module_init(nic_init);
module_exit(nic_exit);

MODULE_DESCRIPTION("A network device that makes the frames it receives, for benchmarks");
MODULE_LICENSE("GPL");
