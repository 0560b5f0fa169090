#include <linux/netdevice.h>

#include "inner/lib.h"

static void rx(struct napi_struct *napi, struct sk_buff *skb)
{
	up(napi, skb);
	UP_LATER(skb);
}
