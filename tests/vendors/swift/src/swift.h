/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _SWIFT_H_
#define _SWIFT_H_

#include "kcompat.h"

#define SWIFT_VERSION "1.2.3"
#define SWIFT_BUDGET 64

struct swift_adapter {
	struct net_device *netdev;
	struct napi_struct napi;
	struct sk_buff_head ring;
	bool batched;
	bool plain;
};

extern const struct ethtool_ops swift_ethtool_ops;

netdev_tx_t swift_xmit(struct sk_buff *skb, struct net_device *dev);
int swift_poll(struct napi_struct *napi, int budget);

#endif
