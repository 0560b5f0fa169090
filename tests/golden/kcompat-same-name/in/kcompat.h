#define napi_gro_receive(_napi, _skb) \
	({ \
		(_skb)->dev = (_napi)->dev; \
		napi_gro_receive(_napi, _skb); \
	})
