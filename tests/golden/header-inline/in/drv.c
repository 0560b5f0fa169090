#include <linux/netdevice.h>


#include "rx.h"

void poll(struct napi_struct *napi, struct sk_buff *skb)
{
	rx(napi, skb);
}
