static inline void drv_up(struct napi_struct *napi, struct sk_buff *skb)
{
	napi_gro_receive(napi, skb);
}
