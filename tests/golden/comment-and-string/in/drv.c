#include <linux/netdevice.h>


/* netif_rx(skb) is what we did before; napi_gro_receive is better */
// netif_rx() \
   netif_rx() still the comment
static const char *const name = "netif_rx \" netif_rx";	/* Müller */
static const char quote = '"';

static void rx(struct napi_struct *napi, struct sk_buff *skb)
{
	napi_gro_receive(napi, skb); /* netif_rx */
}
