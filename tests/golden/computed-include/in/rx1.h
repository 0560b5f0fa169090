static inline void drv_up(struct napi_struct *napi, struct sk_buff *skb)
{
	netif_receive_skb(skb);
}
