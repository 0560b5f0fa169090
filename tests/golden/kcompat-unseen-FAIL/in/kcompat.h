#define KC(name) kc_##name
#define kc_netif_rx(skb) (skb)->dev = NULL
