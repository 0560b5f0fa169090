#include <linux/netdevice.h>


#include "rx.h"

void poll_other(struct napi_struct *napi, struct sk_buff *skb)
{
	rx(napi, skb);
}
