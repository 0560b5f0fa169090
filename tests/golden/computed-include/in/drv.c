#include <linux/netdevice.h>

#define QUOTED(name) #name
#define GENERATION_HEADER(n) QUOTED(rx##n.h)
#define MADE(n) GENERATION_HEADER(n)
#include MADE(GENERATION)

int drv_poll(struct napi_struct *napi, struct sk_buff *skb)
{
	drv_up(napi, skb);
	return 1;
}
