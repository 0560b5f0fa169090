// SPDX-License-Identifier: GPL-2.0-or-later
/* AF_PACKET with TPACKET_V3: blocks of frames. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "peers.h"

#define BLOCK		(1U << 20)
#define BLOCKS		16U
#define FRAME		2048U	/* a bound only: frames lie densely in a block */
#define RETIRE_MS	10

static char *ring;
static unsigned int at;

static void tpacket_open(struct reader *r)
{
	const struct tpacket_req3 request = {
		.tp_block_size = BLOCK,
		.tp_block_nr = BLOCKS,
		.tp_frame_size = FRAME,
		.tp_frame_nr = BLOCK / FRAME * BLOCKS,
		.tp_retire_blk_tov = RETIRE_MS,
	};
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = r->ifindex,
	};
	int version = TPACKET_V3;

	_Static_assert(BLOCK / FRAME * BLOCKS >= SLOTS, "as many as the others");
	r->fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (r->fd < 0)
		die("socket(AF_PACKET)");
	if (setsockopt(r->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)))
		die("PACKET_VERSION");
	if (setsockopt(r->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)))
		die("PACKET_RX_RING");
	ring = mmap(NULL, (size_t)BLOCK * BLOCKS, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_POPULATE, r->fd, 0);
	if (ring == MAP_FAILED)
		die("mmap(AF_PACKET)");
	if (bind(r->fd, (const struct sockaddr *)&address, sizeof(address)))
		die("bind(AF_PACKET)");
}

static void fanout_open(struct reader *r)
{
	int fanout = 1 | PACKET_FANOUT_HASH << 16;

	tpacket_open(r);
	if (setsockopt(r->fd, SOL_PACKET, PACKET_FANOUT, &fanout, sizeof(fanout)))
		die("PACKET_FANOUT");
}

static unsigned int tpacket_read(struct reader *r)
{
	struct tpacket_block_desc *block = (void *)(ring + (size_t)at * BLOCK);
	const struct tpacket3_hdr *frame;
	unsigned int n, i;

	if (!(__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
		return 0;
	n = block->hdr.bh1.num_pkts;
	frame = (const void *)((char *)block + block->hdr.bh1.offset_to_first_pkt);
	for (i = 0; i < n; i++) {
		r->sum += frame->tp_len + *((const uint8_t *)frame + frame->tp_mac + 42);
		frame = (const void *)((const char *)frame + frame->tp_next_offset);
	}
	__atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	at = (at + 1) % BLOCKS;
	return n;
}

static void tpacket_close(struct reader *r)
{
	struct tpacket_stats_v3 stats = { 0 };
	socklen_t len = sizeof(stats);

	if (getsockopt(r->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len))
		die("PACKET_STATISTICS");
	r->lost = stats.tp_drops;
}

const struct mechanism tpacket3 = {
	.name = "tpacket3",
	.open = tpacket_open,
	.read = tpacket_read,
	.close = tpacket_close,
};

const struct mechanism tpacket3_fanout = {
	.name = "tpacket3-fanout",
	.open = fanout_open,
	.read = tpacket_read,
	.close = tpacket_close,
	.shared = 1,
};
