/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A frame in the hands of PFQ.
 *
 * Its skb has been changed in two ways, which pfq_frame_restore() undoes:
 * skb->data is at the MAC header, as a filter and a device that sends want it,
 * and the network header is set, to where skb->data was.
 */
#ifndef _PFQ_FRAME_H
#define _PFQ_FRAME_H

#include <linux/ktime.h>
#include <linux/skbuff.h>

/**
 * struct pfq_frame - a frame in a batch
 * @skb: the frame, from the MAC header on
 * @tstamp: when it came, or 0 if nobody wants to know
 * @ifindex: the device it came from
 * @queue: the hardware queue
 */
struct pfq_frame {
	struct sk_buff *skb;
	ktime_t tstamp;
	int ifindex;
	u16 queue;
};

/**
 * pfq_frame_expose() - have the data of an skb start at the MAC header
 * @skb: as a driver delivers it, skb->data at the network header
 *
 * An skb of a device that has no header stays as it is.
 */
static inline void pfq_frame_expose(struct sk_buff *skb)
{
	u32 len = 0;

	if (likely(skb_mac_header_was_set(skb)))
		len = skb->data - skb_mac_header(skb);
	skb_reset_network_header(skb);
	if (likely(len <= skb_headroom(skb)))
		__skb_push(skb, len);
}

/**
 * pfq_frame_restore() - have the data of an skb start where they did
 * @skb: what was given to pfq_frame_expose()
 */
static inline void pfq_frame_restore(struct sk_buff *skb)
{
	__skb_pull(skb, skb_network_offset(skb));
}

/**
 * pfq_frame_bytes() - look at bytes of a frame
 * @skb: the frame
 * @offset: of the first byte, from the MAC header on
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
