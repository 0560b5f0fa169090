// SPDX-License-Identifier: GPL-2.0
#include "swift.h"

netdev_tx_t swift_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct swift_adapter *adapter = netdev_priv(dev);

	skb_orphan(skb);
	skb_queue_tail(&adapter->ring, skb);
	napi_schedule(&adapter->napi);
	return NETDEV_TX_OK;
}

static struct sk_buff *swift_fetch(struct swift_adapter *adapter)
{
	struct sk_buff *skb = skb_dequeue(&adapter->ring);

	if (skb)
		skb->protocol = eth_type_trans(skb, adapter->netdev);
	return skb;
}

static void swift_rx_skb(struct swift_adapter *adapter, struct sk_buff *skb)
{
	if (adapter->plain)
		netif_rx(skb);
	else
		/* napi_gro_receive() merges */
		napi_gro_receive(&adapter->napi, skb);
}

int swift_poll(struct napi_struct *napi, int budget)
{
	struct swift_adapter *adapter = container_of(napi, struct swift_adapter, napi);
	struct sk_buff *skb;
	LIST_HEAD(batch);
	int done = 0;

	while (done < budget && (skb = swift_fetch(adapter))) {
		if (adapter->batched)
			list_add_tail(&skb->list, &batch);
		else
			swift_rx_skb(adapter, skb);
		done++;
	}
	if (!list_empty(&batch))
		swift_receive_list(&batch);
	if (done < budget)
		napi_complete_done(napi, done);
	return done;
}
