// SPDX-License-Identifier: GPL-2.0
#include "elm_com/elm_com.h"

const elm_deliver_t elm_deliver[2] = { netif_receive_skb, netif_rx };
