// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The least that a core behind the hook can do: it takes every frame of every
 * accelerated driver and frees it at once. What PFQ costs more than this is
 * PFQ's own.
 */
#include <linux/module.h>
#include <linux/pfq_hook.h>
#include <linux/skbuff.h>

static bool floor_wants(const struct net_device *dev, unsigned int queue)
{
	return true;
}

static bool floor_receive(struct sk_buff *skb, unsigned int flags)
{
	napi_consume_skb(skb, flags & PFQ_HOOK_NAPI ? 1 : 0);
	return true;
}

static const struct pfq_hook_ops floor_ops = {
	.owner = THIS_MODULE,
	.wants = floor_wants,
	.receive = floor_receive,
};

static int __init floor_init(void)
{
	int ret = pfq_hook_register(&floor_ops);

	if (!ret)
		pfq_hook_bound_inc();
	return ret;
}

static void __exit floor_exit(void)
{
	pfq_hook_bound_dec();
	pfq_hook_unregister(&floor_ops);
}

module_init(floor_init);
module_exit(floor_exit);

MODULE_DESCRIPTION("A core that frees every frame, for benchmarks");
MODULE_LICENSE("GPL");
