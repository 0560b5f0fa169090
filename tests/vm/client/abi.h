/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PFQ 6.2 interface as its description gives it, written a second time and
 * on purpose without <linux/pf_q.h>: a mistake in our header must not hide
 * itself from the test.
 */
#ifndef CONFORMANCE_ABI_H
#define CONFORMANCE_ABI_H

#include <stdint.h>

#define FAMILY		27
#define VERSION		0x060100
#define PROTOCOL	0x0300			/* htons(ETH_P_ALL), little endian */
#define MAX_SOCKETS	64
#define MAX_GROUPS	64
#define MAX_SLOTS	262144UL
#define HDR		32UL
#define CONTROL_BLOCK	2048UL
#define MiB2		(2UL << 20)
#define IOC_TX		0x80045100UL

enum {
	SO_Q_DISABLE = 0, SO_Q_ENABLE, SO_Q_RX_TSTAMP, SO_Q_RX_LEN, SO_Q_RX_SLOTS,
	SO_Q_TX_LEN = 6, SO_Q_TX_SLOTS, SO_Q_WEIGHT,
	SO_Q_BIND = 10, SO_Q_UNBIND, SO_Q_JOIN, SO_Q_LEAVE, SO_Q_FPROG, SO_Q_VLAN_TOGGLE,
	SO_Q_VLAN_FILT, SO_Q_FUNCTION, SO_Q_EGRESS_BIND, SO_Q_EGRESS_UNBIND,
	GET_ID = 20, GET_STATUS, GET_STATS, GET_SHMEM_SIZE, GET_RX_TSTAMP, GET_RX_SLOT_SIZE,
	GET_RX_SLOTS, GET_RX_OFFSET, GET_TX_SLOT_SIZE, GET_TX_SLOTS, GET_GROUPS,
	GET_GROUP_STATS, GET_GROUP_COUNTERS, GET_WEIGHT,
	SO_Q_TX_BIND = 40, SO_Q_TX_UNBIND, SO_Q_TX_XMIT,
};

enum { UNDEFINED, PRIVATE, RESTRICTED, SHARED };

struct enable { uint64_t addr, size, hugepage_size; };
struct binding { int32_t gid, ifindex, qindex; };
struct join { int32_t gid, policy; uint64_t class_mask; };
struct vlan { int32_t gid, vid, toggle; };
struct computation { int32_t gid, pad; uint64_t prog; };
struct fprog { int32_t gid, pad; uint16_t len, pad2[3]; uint64_t filter; };
struct stats { uint64_t recv, lost, drop, sent, disc, fail, frwd, kern; };
struct counters { uint64_t counter[64]; };

struct slot {
	uint32_t sec, nsec;
	uint16_t caplen, len;
	int32_t ifindex;
	uint32_t mark, state;
	uint16_t tci, queue;
	uint32_t commit;
	uint8_t bytes[];
};

_Static_assert(sizeof(struct enable) == 24, "");
_Static_assert(sizeof(struct binding) == 12, "");
_Static_assert(sizeof(struct join) == 16, "");
_Static_assert(sizeof(struct computation) == 16, "");
_Static_assert(sizeof(struct fprog) == 24, "");
_Static_assert(sizeof(struct stats) == 64, "");
_Static_assert(sizeof(struct slot) == 32, "");

/* Offsets in the control block. */
#define RX_SHINFO	0
#define RX_LEN		8
#define RX_SIZE		12
#define RX_SLOT_SIZE	16
#define TX(i)		(128 + 384 * (i))	/* 0: synchronous; 1..4: asynchronous */
#define TX_SIZE		0
#define TX_PROD_INDEX	128
#define TX_PROD_OFF0	136
#define TX_PROD_OFF1	144
#define TX_CONS_INDEX	256
#define TX_CONS_OFF	264

#define SLOT_SIZE(caplen) ((HDR + (caplen) + 31UL) & ~31UL)

#endif
