// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/etherdevice.h>
#include <linux/mm.h>
#include <linux/skbuff.h>

#include "frame.h"
#include "test/frames.h"

#define HEADROOM	64

/* The MAC header is always in a row: no driver delivers it otherwise. */
void pfq_frame_make(struct kunit *test, struct pfq_frame *f, const u8 *bytes, u32 len,
		    u32 linear)
{
	struct sk_buff *skb = alloc_skb(HEADROOM + len, GFP_KERNEL);
	struct page *page;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, skb);
	linear = clamp(linear, (u32)ETH_HLEN, len);
	skb_reserve(skb, HEADROOM);
	skb_put_data(skb, bytes, linear);
	if (len > linear) {
		page = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, page);
		memcpy(page_address(page), bytes + linear, len - linear);
		skb_add_rx_frag(skb, 0, page, 0, len - linear, PAGE_SIZE);
	}
	skb_reset_mac_header(skb);
	skb->protocol = ((const struct ethhdr *)bytes)->h_proto;
	__skb_pull(skb, ETH_HLEN);
	f->skb = skb;
	f->tstamp = 0;
	f->origin = (struct pfq_origin) {
		.ifindex = 7, .queue = 3, .mac_len = pfq_frame_mac_len(skb),
	};
}

void pfq_frame_free(struct pfq_frame *f)
{
	kfree_skb(f->skb);
}
