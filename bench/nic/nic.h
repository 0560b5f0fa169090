/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bench NIC: a network device without hardware that makes the frames it
 * receives, for measuring what becomes of them.
 *
 *   run (a write to sysfs) --> credit --> NAPI poll: up to 64 frames
 *                                            |
 *                             ring of page halves, as a NIC fills them
 *                                            |
 *                           XDP --- DROP / PASS / REDIRECT ---> AF_XDP, ...
 *                                            |
 *                            skb --> one of the delivery functions
 *
 * With "frames_as skbs" the skb is built before XDP, as in veth and other
 * virtual devices; with "pages" after it, as in a NIC.
 *
 * A queue is run by one process at a time, which holds its mutex for one poll.
 * What the poll needs of the settings is read with READ_ONCE().
 */
#ifndef _BENCH_NIC_H
#define _BENCH_NIC_H

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/irq_work.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/xdp.h>

#define NIC_RING	512	/* buffers of a queue; a power of two */
#define NIC_TRUESIZE	2048	/* of a buffer: half a page */
#define NIC_HEADROOM	192	/* as NICs leave where XDP may come */
#define NIC_FRAME_MIN	60
#define NIC_FRAME_MAX	1514

struct bpf_prog;

/**
 * struct nic_headers - the start of a frame; the rest is never written
 * @eth: to another host, as what a mirror port brings
 * @ip: addresses say the flow; their sum is constant, and so is the checksum
 * @udp: the source port says the flow too
 * @queue: queue of the frame
 * @number: number of the frame in its queue
 * @pad: up to the smallest frame
 */
struct nic_headers {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	__be32 queue;
	__be32 number;
	u8 pad[10];
} __packed;

static_assert(sizeof(struct nic_headers) == NIC_FRAME_MIN);

/**
 * struct nic_buffer - a page, of which one half is next to be filled
 * @page: the page
 * @offset: of the half
 * @bias: references to the page that are ours
 */
struct nic_buffer {
	struct page *page;
	u16 offset;
	u16 bias;
};

/**
 * struct nic_counters - what a queue did
 * @made: frames made
 * @freed: frames freed here at once
 * @delivered: frames handed to a delivery function
 * @xdp_drop: frames that XDP dropped
 * @xdp_redirect: frames that XDP redirected
 * @failed: frames that there was no memory for
 */
struct nic_counters {
	u64 made;
	u64 freed;
	u64 delivered;
	u64 xdp_drop;
	u64 xdp_redirect;
	u64 failed;
};

struct nic;
struct nic_way;

/**
 * struct nic_queue - a receive queue
 * @napi: its NAPI context
 * @nic: the device
 * @way: how frames are handed on; changes under @busy alone
 * @index: number of the queue
 * @next: buffer to be filled next
 * @credit: frames that the poll may still make
 * @flow: flow of the next frame
 * @headers: start of the next frame
 * @counters: see struct nic_counters
 * @rxq: XDP's view of the queue
 * @list: frames that are delivered together, or not from the poll
 * @irq: brings @list into a hard interrupt
 * @busy: who runs the queue
 * @ready: is the device up? Guarded by @busy
 * @ring: the buffers
 */
struct nic_queue {
	struct napi_struct napi;
	struct nic *nic;
	const struct nic_way *way;
	unsigned int index;
	unsigned int next;
	unsigned int credit;
	unsigned int flow;
	struct nic_headers headers;
	struct nic_counters counters;
	struct xdp_rxq_info rxq;
	struct list_head list;
	struct irq_work irq;
	struct mutex busy;	/* one runner at a time */
	bool ready;
	struct nic_buffer ring[NIC_RING];
};

/**
 * struct nic_way - a way to hand frames on
 * @name: what it is called in sysfs
 * @skb: is called for each frame; NULL: it is freed where it was made
 * @poll_end: is called at the end of each poll
 * @process: is called after the poll, in process context
 * @frags: the frame is wanted as a fragment of napi->skb
 */
struct nic_way {
	const char *name;
	void (*skb)(struct nic_queue *q, struct sk_buff *skb);
	void (*poll_end)(struct nic_queue *q);
	void (*process)(struct nic_queue *q);
	bool frags;
};

/**
 * struct nic - the device
 * @dev: its net_device
 * @prog: XDP program or NULL
 * @size: bytes of a frame
 * @flows: how many different flows
 * @burst: frames of a poll
 * @skbs: frames are skbs from the start
 * @nqueues: number of queues
 * @queue: the queues
 */
struct nic {
	struct net_device *dev;
	struct bpf_prog *prog;
	unsigned int size;
	unsigned int flows;
	unsigned int burst;
	bool skbs;
	unsigned int nqueues;
	struct nic_queue *queue[];
};

extern const struct nic_way nic_ways[];
extern const unsigned int nic_ways_count;
extern const struct attribute_group nic_source_group;

int nic_ring_alloc(struct nic_queue *q);
void nic_ring_free(struct nic_queue *q);

/* The memory of the next buffer. */
static inline void *nic_ring_memory(struct nic_queue *q)
{
	const struct nic_buffer *b = &q->ring[q->next % NIC_RING];

	return page_address(b->page) + b->offset;
}

/* The next buffer is used up, and can be used again at once. */
static inline void nic_ring_keep(struct nic_queue *q)
{
	q->next++;
}

bool nic_ring_give(struct nic_queue *q);

void nic_headers_init(struct nic_queue *q);
void nic_frame_write(struct nic_queue *q, void *data);

int nic_bpf(struct net_device *dev, struct netdev_bpf *bpf);
u32 nic_xdp_buffer(struct nic_queue *q, const struct bpf_prog *prog, void *memory,
		   unsigned int *headroom, unsigned int *len);
u32 nic_xdp_skb(struct nic_queue *q, const struct bpf_prog *prog, struct sk_buff *skb);

int nic_poll(struct napi_struct *napi, int budget);
void nic_deliver_irq(struct irq_work *irq);

#endif /* _BENCH_NIC_H */
