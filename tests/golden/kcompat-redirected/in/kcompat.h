#undef napi_gro_receive
#define napi_gro_receive(_napi, _skb) netif_receive_skb(_skb)
#define napi_gro_receive_list(_napi, _list) netif_receive_skb_list(_list)
