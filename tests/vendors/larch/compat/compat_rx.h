/* SPDX-License-Identifier: GPL-2.0 */
/* How packets go up, under the names that new kernels have. */
#ifndef LARCH_COMPAT_RX_H
#define LARCH_COMPAT_RX_H

extern unsigned long larch_received;

static inline gro_result_t larch_gro(struct napi_struct *napi, struct sk_buff *skb, unsigned int queue)
{
	skb_record_rx_queue(skb, queue);
	return napi_gro_receive(napi, skb);
}

/* With and without the queue. */
#define __larch_gro_2(napi, skb) larch_gro(napi, skb, 0)
#define __larch_gro_3(napi, skb, queue) larch_gro(napi, skb, queue)
#define __larch_gro(_1, _2, _3, name, ...) name
#define napi_gro_receive(...) __larch_gro(__VA_ARGS__, __larch_gro_3, __larch_gro_2, )(__VA_ARGS__)

/* The same name inside: the preprocessor leaves it alone. */
#define netif_receive_skb(...) ({			\
	larch_received++;				\
	netif_receive_skb(__VA_ARGS__);			\
})

#ifdef LARCH_HAVE_RX_NI
#define larch_rx_any(skb) netif_rx_ni(skb)
#else
#define larch_rx_any netif_rx
#endif

#ifndef LARCH_HAVE_LISTS
static inline void larch_receive_list(struct list_head *list)
{
	struct sk_buff *skb, *next;

	list_for_each_entry_safe(skb, next, list, list)
		netif_receive_skb(skb);
}
#define netif_receive_skb_list(list) larch_receive_list(list)
#endif

#endif
