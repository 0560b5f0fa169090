// SPDX-License-Identifier: GPL-2.0
#include "elm_com/elm_com.h"

netdev_tx_t elm_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct elm *elm = netdev_priv(dev);

	skb_orphan(skb);
	skb_queue_tail(&elm->ring, skb);
	napi_schedule(&elm->napi);
	return NETDEV_TX_OK;
}

int elm_poll(struct napi_struct *napi, int budget)
{
	struct elm *elm = container_of(napi, struct elm, napi);
	struct sk_buff *skb;
	int done;

	for (done = 0; done < budget && (skb = skb_dequeue(&elm->ring)); done++) {
		skb->protocol = eth_type_trans(skb, elm->dev);
		elm_up(elm, skb);
	}
	if (done < budget)
		napi_complete_done(napi, done);
	return done;
}
