#include <linux/netdevice.h>

#include "kcompat.h"

static void rx(struct napi_struct *napi, struct sk_buff *skb)
{
	napi_gro_receive(napi, skb);
}
