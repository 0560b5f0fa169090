/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LARCH_H
#define LARCH_H

struct larch;

/* How a queue hands its packets up; which one is used is a matter of the mode. */
struct larch_ops {
	const char *name;
	gro_result_t (*merged)(struct napi_struct *napi, struct sk_buff *skb);
	int (*plain)(struct sk_buff *skb);
};

extern const struct larch_ops larch_modes[];
extern const unsigned int larch_mode_count;

struct larch {
	struct net_device *dev;
	struct napi_struct napi;
	struct sk_buff_head ring;
	const struct larch_ops *ops;
};

int larch_poll(struct napi_struct *napi, int budget);
netdev_tx_t larch_xmit(struct sk_buff *skb, struct net_device *dev);
void larch_test(struct larch *larch);

#endif
