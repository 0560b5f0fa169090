#include <linux/netdevice.h>

static struct sk_buff *rx(struct napi_struct *napi, /* where it came in */
			  struct sk_buff *skb)
{
	if (!skb)
		return (void *)0;
	napi_gro_receive(napi, skb);
	return skb;
}
