static inline void up(struct napi_struct *napi, struct sk_buff *skb)
{
	napi_gro_receive(napi, skb);
}

#define UP_LATER(skb) netif_rx(skb)
