static void ei_receive(struct sk_buff *skb)
{
	netif_rx(skb);
}
