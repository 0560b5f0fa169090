struct sk_buff;
struct queue;

static int netif_rx(struct sk_buff *skb)
{
	return !skb;
}

static int napi_gro_receive(struct queue *queue, struct sk_buff *skb);

int poll(struct queue *queue, struct sk_buff *skb)
{
	return netif_rx(skb) + napi_gro_receive(queue, skb);
}

static int napi_gro_receive(struct queue *queue, struct sk_buff *skb)
{
	return !queue || !skb;
}
