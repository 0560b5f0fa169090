/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A frame in the hands of PFQ.
 *
 * Its skb is as the driver delivered it: skb->data is at the network header, the
 * MAC header lies in front of it, and other headers are not set. Who needs it
 * otherwise changes it and changes it back, or owns it.
 */
#ifndef _PFQ_FRAME_H
#define _PFQ_FRAME_H

#include <linux/ktime.h>
#include <linux/skbuff.h>

/**
 * struct pfq_origin - where a frame comes from: one word, the same for many
 * @ifindex: the device
 * @queue: the hardware queue
 * @mac_len: bytes between the MAC header and skb->data
 */
struct pfq_origin {
	int ifindex;
	u16 queue;
	u16 mac_len;
} __aligned(8);

/**
 * struct pfq_frame - a frame in a batch
 * @skb: the frame
 * @tstamp: when it came, or 0 if nobody wants to know
 * @origin: where from
 */
struct pfq_frame {
	struct sk_buff *skb;
	ktime_t tstamp;
	struct pfq_origin origin;
};

/**
 * pfq_frame_mac_len() - bytes between the MAC header and skb->data
 * @skb: as a driver delivers it
 *
 * Return: Their number; 0 if the device has no such header. A header that is not
 * set is one far beyond skb->data.
 */
static inline u16 pfq_frame_mac_len(const struct sk_buff *skb)
{
	u32 headroom = skb_headroom(skb), len = headroom - skb->mac_header;

	return likely(len <= headroom && len <= U16_MAX) ? len : 0;
}

/**
 * pfq_frame_expose() - have the data of a frame's skb start at the MAC header
 * @skb: the skb
 * @mac_len: &pfq_origin.mac_len
 *
 * And set its network header.
 */
static inline void pfq_frame_expose(struct sk_buff *skb, u16 mac_len)
{
	skb_reset_network_header(skb);
	__skb_push(skb, mac_len);
}

/**
 * pfq_frame_bytes() - look at bytes of a frame
 * @skb: the skb
 * @offset: of the first byte, from the network header on
 * @len: how many
 * @buffer: room for so many, used if they do not lie in a row
 *
 * Return: Where they are, or NULL if the frame ends before, or is not readable.
 */
static inline const void *pfq_frame_bytes(const struct sk_buff *skb, u32 offset,
					  u32 len, void *buffer)
{
	u64 end = (u64)offset + len;

	if (likely(end <= skb_headlen(skb)))
		return skb->data + offset;
	if (end > skb->len || skb_copy_bits(skb, offset, buffer, len))
		return NULL;
	return buffer;
}

#endif /* _PFQ_FRAME_H */
