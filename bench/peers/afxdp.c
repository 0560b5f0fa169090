// SPDX-License-Identifier: GPL-2.0-or-later
/* AF_XDP in copy mode behind a native program; and a native program that drops. */
#include <linux/if_xdp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "bpf.h"
#include "peers.h"

#define CHUNK	2048U
#define CHUNKS	(2 * SLOTS)

struct ring {
	uint32_t *producer;
	uint32_t *consumer;
	void *entries;
	uint32_t at;	/* ours: the producer of fill, the consumer of rx */
};

static struct ring fill, rx;
static char *chunks;

static void map_ring(int fd, struct ring *ring, const struct xdp_ring_offset *at, size_t entry,
		     off_t which)
{
	char *map = mmap(NULL, at->desc + SLOTS * entry, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_POPULATE, fd, which);

	if (map == MAP_FAILED)
		die("mmap(AF_XDP)");
	ring->producer = (uint32_t *)(map + at->producer);
	ring->consumer = (uint32_t *)(map + at->consumer);
	ring->entries = map + at->desc;
}

static void set(int fd, int option, const void *value, socklen_t len, const char *what)
{
	if (setsockopt(fd, SOL_XDP, option, value, len))
		die(what);
}

static void open_rings(int fd)
{
	struct xdp_mmap_offsets offsets;
	socklen_t len = sizeof(offsets);
	struct xdp_umem_reg umem = { 0 };
	int slots = SLOTS;
	uint32_t i;

	chunks = mmap(NULL, (size_t)CHUNK * CHUNKS, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (chunks == MAP_FAILED)
		die("mmap");
	umem.addr = (uintptr_t)chunks;
	umem.len = (uint64_t)CHUNK * CHUNKS;
	umem.chunk_size = CHUNK;
	set(fd, XDP_UMEM_REG, &umem, sizeof(umem), "XDP_UMEM_REG");
	set(fd, XDP_UMEM_FILL_RING, &slots, sizeof(slots), "XDP_UMEM_FILL_RING");
	set(fd, XDP_UMEM_COMPLETION_RING, &slots, sizeof(slots), "XDP_UMEM_COMPLETION_RING");
	set(fd, XDP_RX_RING, &slots, sizeof(slots), "XDP_RX_RING");
	if (getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &len))
		die("XDP_MMAP_OFFSETS");
	map_ring(fd, &rx, &offsets.rx, sizeof(struct xdp_desc), XDP_PGOFF_RX_RING);
	map_ring(fd, &fill, &offsets.fr, sizeof(uint64_t), (off_t)XDP_UMEM_PGOFF_FILL_RING);
	for (i = 0; i < SLOTS; i++)
		((uint64_t *)fill.entries)[i] = (uint64_t)i * CHUNK;
	fill.at = SLOTS;
	__atomic_store_n(fill.producer, fill.at, __ATOMIC_RELEASE);
}

/* return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_DROP); */
static void redirect(int fd, int ifindex)
{
	int sockets = bpf_map(BPF_MAP_TYPE_XSKMAP, 4, 4, 64);
	const struct bpf_insn insns[] = {
		{ .code = BPF_LDX | BPF_W | BPF_MEM, .dst_reg = 2, .src_reg = 1,
		  .off = offsetof(struct xdp_md, rx_queue_index) },
		{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD,
		  .imm = sockets },
		{ 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = XDP_DROP },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect_map },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int queue = 0;

	bpf_map_set(sockets, &queue, &fd);
	bpf_attach(bpf_program(insns, sizeof(insns) / sizeof(*insns)), ifindex);
}

static void afxdp_open(struct reader *r)
{
	const struct sockaddr_xdp address = {
		.sxdp_family = AF_XDP,
		.sxdp_ifindex = (uint32_t)r->ifindex,
		.sxdp_flags = XDP_COPY,
	};

	r->fd = socket(AF_XDP, SOCK_RAW, 0);
	if (r->fd < 0)
		die("socket(AF_XDP)");
	open_rings(r->fd);
	if (bind(r->fd, (const struct sockaddr *)&address, sizeof(address)))
		die("bind(AF_XDP)");
	redirect(r->fd, r->ifindex);
}

/* Chunks go back to the fill ring as they are read, in one go. */
static unsigned int afxdp_read(struct reader *r)
{
	uint32_t n = __atomic_load_n(rx.producer, __ATOMIC_ACQUIRE) - rx.at;
	const struct xdp_desc *entries = rx.entries;
	const struct xdp_desc *desc;
	uint32_t i;

	for (i = 0; i < n; i++) {
		desc = &entries[rx.at++ % SLOTS];
		r->sum += desc->len + ((const uint8_t *)chunks)[desc->addr + 42];
		((uint64_t *)fill.entries)[fill.at++ % SLOTS] = desc->addr & ~(uint64_t)(CHUNK - 1);
	}
	if (n) {
		__atomic_store_n(rx.consumer, rx.at, __ATOMIC_RELEASE);
		__atomic_store_n(fill.producer, fill.at, __ATOMIC_RELEASE);
	}
	return n;
}

static void afxdp_close(struct reader *r)
{
	struct xdp_statistics stats = { 0 };
	socklen_t len = sizeof(stats);

	if (getsockopt(r->fd, SOL_XDP, XDP_STATISTICS, &stats, &len))
		die("XDP_STATISTICS");
	r->lost = stats.rx_dropped + stats.rx_ring_full;
}

const struct mechanism afxdp_copy = {
	.name = "afxdp-copy",
	.open = afxdp_open,
	.read = afxdp_read,
	.close = afxdp_close,
};

static void drop_open(struct reader *r)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_DROP },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	bpf_attach(bpf_program(insns, sizeof(insns) / sizeof(*insns)), r->ifindex);
}

/* Nobody reads: it has no reader. */
const struct mechanism xdp_drop = {
	.name = "xdp-drop",
	.open = drop_open,
};
