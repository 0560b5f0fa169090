// SPDX-License-Identifier: GPL-2.0
#include "larch.h"

netdev_tx_t larch_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct larch *larch = netdev_priv(dev);

	skb_orphan(skb);
	skb_queue_tail(&larch->ring, skb);
	napi_schedule(&larch->napi);
	return NETDEV_TX_OK;
}

void larch_test(struct larch *larch)
{
	struct sk_buff *skb = netdev_alloc_skb(larch->dev, ETH_ZLEN);

	if (skb) {
		skb_put_zero(skb, ETH_ZLEN);
		skb->protocol = eth_type_trans(skb, larch->dev);
		larch_rx_any(skb);
	}
}

static void larch_up(struct larch *larch, struct sk_buff *skb, struct list_head *batch)
{
	const struct larch_ops *ops = larch->ops;

	if (skb_is_nonlinear(skb))
		netif_receive_skb(skb);
	else if (skb_queue_len(&larch->ring) > 8)
		napi_gro_receive(&larch->napi, skb, 0);
	else if (ops->merged)
		ops->merged(&larch->napi, skb);
	else if (ops->plain)
		ops->plain(skb);
	else
		list_add_tail(&skb->list, batch);
}

int larch_poll(struct napi_struct *napi, int budget)
{
	struct larch *larch = container_of(napi, struct larch, napi);
	struct sk_buff *skb;
	LIST_HEAD(batch);
	int done;

	for (done = 0; done < budget && (skb = skb_dequeue(&larch->ring)); done++) {
		skb->protocol = eth_type_trans(skb, larch->dev);
		larch_up(larch, skb, &batch);
	}
	netif_receive_skb_list(&batch);
	if (done < budget)
		napi_complete_done(napi, done);
	return done;
}
