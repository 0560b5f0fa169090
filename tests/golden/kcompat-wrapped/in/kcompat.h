#ifdef NEED_OLD_RX
#define napi_gro_receive(_napi, _skb) netif_receive_skb(_skb)
#else
static inline int _kc_gro_receive(struct napi_struct *napi, struct sk_buff *skb)
{
	skb->dev = napi->dev;
	return napi_gro_receive(napi, skb);
}
#define napi_gro_receive(_napi, _skb) _kc_gro_receive(_napi, _skb)
#endif

int _kc_netif_rx(struct sk_buff *skb);
#define netif_rx _kc_netif_rx
