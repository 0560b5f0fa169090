// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Native XDP. A buffer that a program takes is given away; to transmit is not
 * among the things that this NIC can do.
 */
#include <linux/bpf.h>
#include <linux/bpf_trace.h>
#include <linux/filter.h>
#include <linux/mm.h>

#include "nic.h"

/**
 * nic_bpf() - ndo_bpf: install or remove a program
 * @dev: the device
 * @bpf: what is wanted
 *
 * Context: rtnl_mutex held.
 * Return: 0 or -EINVAL.
 */
int nic_bpf(struct net_device *dev, struct netdev_bpf *bpf)
{
	struct nic *nic = netdev_priv(dev);
	struct bpf_prog *old;

	if (bpf->command != XDP_SETUP_PROG)
		return -EINVAL;
	/* A poll that still runs the old one is waited for where it is freed. */
	old = xchg(&nic->prog, bpf->prog);
	if (old)
		bpf_prog_put(old);
	return 0;
}

static u32 xdp_refused(struct nic_queue *q, const struct bpf_prog *prog, u32 act)
{
	trace_xdp_exception(q->nic->dev, prog, act);
	return XDP_ABORTED;
}

/**
 * nic_xdp_buffer() - run the program on the next buffer, before there is an skb
 * @q: the queue
 * @prog: the program
 * @memory: the buffer
 * @headroom: where the frame starts; the program may change it
 * @len: its length; the same
 *
 * Context: NAPI poll.
 * Return: XDP_PASS; XDP_REDIRECT: the buffer has been given away; XDP_DROP or
 * XDP_ABORTED: it has not.
 */
u32 nic_xdp_buffer(struct nic_queue *q, const struct bpf_prog *prog, void *memory,
		   unsigned int *headroom, unsigned int *len)
{
	struct xdp_buff xdp;
	u32 act;

	xdp_init_buff(&xdp, NIC_TRUESIZE, &q->rxq);
	xdp_prepare_buff(&xdp, memory, *headroom, *len, false);
	act = bpf_prog_run_xdp(prog, &xdp);
	switch (act) {
	case XDP_PASS:
		*headroom = xdp.data - xdp.data_hard_start;
		*len = xdp.data_end - xdp.data;
		return act;
	case XDP_DROP:
		return act;
	case XDP_REDIRECT:
		if (!nic_ring_give(q))
			return XDP_ABORTED;
		if (xdp_do_redirect(q->nic->dev, &xdp, (struct bpf_prog *)prog))
			page_frag_free(memory);
		return act;
	default:
		return xdp_refused(q, prog, act);
	}
}

/**
 * nic_xdp_skb() - run the program on a frame that is an skb already
 * @q: the queue
 * @prog: the program
 * @skb: the frame, data at the MAC header
 *
 * Context: NAPI poll.
 * Return: XDP_PASS, or else the skb is to be freed.
 */
u32 nic_xdp_skb(struct nic_queue *q, const struct bpf_prog *prog, struct sk_buff *skb)
{
	struct xdp_buff xdp;
	int moved;
	u32 act;

	xdp_init_buff(&xdp, NIC_TRUESIZE, &q->rxq);
	xdp_prepare_buff(&xdp, skb->head, skb_headroom(skb), skb_headlen(skb), false);
	act = bpf_prog_run_xdp(prog, &xdp);
	switch (act) {
	case XDP_PASS:
		moved = (unsigned char *)xdp.data - skb->data;
		if (moved > 0)
			__skb_pull(skb, moved);
		else if (moved < 0)
			__skb_push(skb, -moved);
		__skb_trim(skb, xdp.data_end - xdp.data);
		return act;
	case XDP_DROP:
		return act;
	case XDP_REDIRECT:
		get_page(virt_to_head_page(skb->head));
		if (xdp_do_redirect(q->nic->dev, &xdp, (struct bpf_prog *)prog))
			page_frag_free(skb->head);
		return act;
	default:
		return xdp_refused(q, prog, act);
	}
}
