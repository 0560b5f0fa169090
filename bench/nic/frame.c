// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frames: UDP over IPv4 from many hosts to many hosts, none of them this one.
 */
#include <linux/etherdevice.h>
#include <linux/in.h>
#include <net/checksum.h>
#include <net/ip.h>

#include "nic.h"

#define NET_FROM	0x0a010000	/* 10.1.0.0/16 */
#define NET_TO		0x0a020000	/* 10.2.0.0/16 */

/**
 * nic_headers_init() - write what is the same in all frames of a queue
 * @q: the queue
 *
 * Context: Process context, the queue does not run.
 */
void nic_headers_init(struct nic_queue *q)
{
	static const u8 to[ETH_ALEN] = { 0x02, 0, 0, 0, 0, 0x02 };
	static const u8 from[ETH_ALEN] = { 0x02, 0, 0, 0, 0, 0x01 };
	struct nic_headers *h = &q->headers;
	unsigned int size = READ_ONCE(q->nic->size);

	memset(h, 0, sizeof(*h));
	ether_addr_copy(h->eth.h_dest, to);
	ether_addr_copy(h->eth.h_source, from);
	h->eth.h_proto = htons(ETH_P_IP);
	h->ip.version = 4;
	h->ip.ihl = 5;
	h->ip.ttl = 64;
	h->ip.protocol = IPPROTO_UDP;
	h->ip.frag_off = htons(IP_DF);
	h->ip.tot_len = htons(size - ETH_HLEN);
	h->ip.saddr = htonl(NET_FROM);
	h->ip.daddr = htonl(NET_TO | 0xffff);
	ip_send_check(&h->ip);
	h->udp.dest = htons(4789);
	h->udp.len = htons(size - ETH_HLEN - sizeof(h->ip));
	h->queue = htonl(q->index);
	q->flow = 0;
}

/*
 * RSS: all frames of a flow come by one queue. What one address gains the other
 * loses, so that the sum stays.
 */
static void headers_next(struct nic_queue *q)
{
	const struct nic *nic = q->nic;
	struct nic_headers *h = &q->headers;
	u16 flow = q->index + nic->nqueues * q->flow;

	h->ip.saddr = htonl(NET_FROM | flow);
	h->ip.daddr = htonl(NET_TO | (u16)~flow);
	h->udp.source = htons(flow);
	h->number = htonl((u32)q->counters.made);
	if (++q->flow * nic->nqueues >= READ_ONCE(nic->flows))
		q->flow = 0;
}

/**
 * nic_frame_write() - write the next frame of a queue
 * @q: the queue
 * @data: where
 *
 * Context: NAPI poll.
 */
void nic_frame_write(struct nic_queue *q, void *data)
{
	headers_next(q);
	memcpy(data, &q->headers, sizeof(q->headers));
	q->counters.made++;
}
