#include <linux/netdevice.h>


#include "lib.c"

void poll(struct sk_buff *skb)
{
	ei_receive(skb);
}
