// SPDX-License-Identifier: GPL-2.0-or-later
// What Coccinelle needs to do the same job: one rule for each common delivery function.
@@ expression napi, skb; @@
- napi_gro_receive(napi, skb)
+ pfq_gro_receive(napi, skb)

@@ expression napi; @@
- napi_gro_frags(napi)
+ pfq_gro_frags(napi)

@@ expression skb; @@
- netif_receive_skb(skb)
+ pfq_netif_receive_skb(skb)

@@ expression list; @@
- netif_receive_skb_list(list)
+ pfq_netif_receive_skb_list(list)

@@ expression skb; @@
- netif_rx(skb)
+ pfq_netif_rx(skb)

@@ expression skb; @@
- __netif_rx(skb)
+ __pfq_netif_rx(skb)
