/* SPDX-License-Identifier: GPL-2.0 */
#ifndef YEW_OS_H
#define YEW_OS_H

#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/netdevice.h>

/* Under other systems these are others. */
#define YEW_OS(function) function
#define YEW_CALL(function, ...) __YEW_CALL(function, __VA_ARGS__)
#define __YEW_CALL(function, ...) yew_linux_##function(__VA_ARGS__)

static inline int yew_linux_netif_rx(struct sk_buff *skb)
{
	return YEW_OS(netif_rx)(skb);
}

#endif
