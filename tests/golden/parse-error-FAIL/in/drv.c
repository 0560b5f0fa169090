#include <linux/netdevice.h>


static void rx(struct napi_struct *napi, struct sk_buff *skb)
{
	napi_gro_receive(napi, skb);
	skb->no_such_member = 1;
}
