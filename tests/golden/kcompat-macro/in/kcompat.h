static inline int compat_receive(struct napi_struct *napi, struct sk_buff *skb)
{
	return napi ? netif_receive_skb(skb) : 0;
}

#undef napi_gro_receive
#define napi_gro_receive(napi, skb) compat_receive(napi, skb)
