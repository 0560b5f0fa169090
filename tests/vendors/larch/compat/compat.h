/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LARCH_COMPAT_H
#define LARCH_COMPAT_H

#include <linux/etherdevice.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>

#include "generated.h"
#include "compat_rx.h"

#ifndef LARCH_HAVE_HW_ADDR_SET
#define eth_hw_addr_set(dev, address) memcpy((dev)->dev_addr, address, ETH_ALEN)
#endif

#ifdef LARCH_HAVE_NAPI_WEIGHT
#define larch_napi_add(dev, napi, poll) netif_napi_add(dev, napi, poll, NAPI_POLL_WEIGHT)
#else
#define larch_napi_add(dev, napi, poll) netif_napi_add(dev, napi, poll)
#endif

#endif
