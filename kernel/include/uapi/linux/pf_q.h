/* SPDX-License-Identifier: GPL-2.0-or-later WITH Linux-syscall-note */
/*
 * PF_Q: the contract between the PFQ core module and user programs.
 *
 * A PF_Q socket is configured by socket options (all of them below), and its
 * packets are read from memory shared with the kernel. A program
 *
 *   1. opens socket(PF_Q, SOCK_RAW, htons(ETH_P_ALL));
 *   2. checks the version with Q_SO_GET_ID;
 *   3. sizes its queues: Q_SO_SET_RX_LEN, Q_SO_SET_RX_SLOTS, ...;
 *   4. enables the socket with Q_SO_ENABLE and maps Q_SO_GET_SHMEM_SIZE bytes;
 *   5. joins a group (Q_SO_GROUP_JOIN, through getsockopt) and binds the group
 *      to devices and queues (Q_SO_GROUP_BIND);
 *   6. waits with poll(2) and reads the Rx queue (struct pfq_shared_rx_queue).
 *
 * The length of an option's argument must be exactly the size of its type.
 * The level argument of setsockopt and getsockopt is ignored; use PF_Q.
 *
 * Everything here is fixed: programs built against PFQ 6.2 use these numbers
 * and layouts. The section "Extensions" at the end is ours.
 * LP64 only; usable from C, C++ and inside the kernel.
 */
#ifndef _UAPI_LINUX_PF_Q_H
#define _UAPI_LINUX_PF_Q_H

#include <linux/const.h>
#include <linux/types.h>
#include <linux/ioctl.h>
#include <linux/filter.h>
#include <asm/byteorder.h>

#ifndef __KERNEL__
#include <sys/time.h>
#endif

/* Address family. ntop's PF_RING uses the same number: one of them at a time. */
#ifndef PF_Q
#define PF_Q				27
#endif

/* What Q_SO_GET_ID expects; anything else is refused with EPERM. */
#define PFQ_MAJOR			6
#define PFQ_MINOR			1
#define PFQ_PATCHLEVEL			0
#define PFQ_VERSION(a, b, c)		(((a) << 16) | ((b) << 8) | (c))
#define PFQ_VERSION_CODE		PFQ_VERSION(PFQ_MAJOR, PFQ_MINOR, PFQ_PATCHLEVEL)

/* ioctl: transmit the synchronous Tx queue; the argument must be 0. */
#define QIOCTX				_IOR('Q', 0, int)

/* --- constants ---------------------------------------------------------- */

#define Q_ANY_DEVICE			(-1)
#define Q_ANY_QUEUE			(-1)
#define Q_ANY_GROUP			(-1)
#define Q_ANY_KTHREAD			0xbadbee
#define Q_NO_KTHREAD			(-1)

/* Sockets and groups are numbered 0 .. Q_MAX_ID - 1. */
#define Q_MAX_ID			64
#define Q_MAX_GROUP			64
#define Q_MAX_COUNTERS			64
#define Q_MAX_TX_QUEUES			4
#define Q_MAX_RX_NAPI			4
#define Q_MAX_SOCKQUEUE_LEN		262144

#define Q_TSTAMP_OFF			0
#define Q_TSTAMP_ON			1

#define Q_VLAN_PRIO_MASK		0xe000
#define Q_VLAN_VID_MASK			0x0fff
#define Q_VLAN_TAG_PRESENT		0x1000
#define Q_VLAN_UNTAG			0
#define Q_VLAN_ANYTAG			(-1)

/*
 * Group policy: who else may join. The first join with a policy other than
 * UNDEFINED fixes it; joining with UNDEFINED gives no membership.
 */
#define Q_POLICY_GROUP_UNDEFINED	0
#define Q_POLICY_GROUP_PRIVATE		1	/* the owning socket alone */
#define Q_POLICY_GROUP_RESTRICTED	2	/* sockets of the same process */
#define Q_POLICY_GROUP_SHARED		3	/* any socket */

/* Classes: which members of a group receive a packet. */
#define Q_CLASS(n)			(1UL << (n))
#define Q_CLASS_MAX			64
#define Q_CLASS_DEFAULT			Q_CLASS(0)
#define Q_CLASS_USER_PLANE		Q_CLASS(1)
#define Q_CLASS_CONTROL_PLANE		Q_CLASS(2)
#define Q_CLASS_CONTROL			Q_CLASS(63)	/* management; no packets */
#define Q_CLASS_ANY			(~Q_CLASS_CONTROL)

/* Flow keys of the function steer_key. Bit 8 is not used. */
#define Q_KEY_ETH_TYPE			_BITUL(0)
#define Q_KEY_ETH_SRC			_BITUL(1)
#define Q_KEY_ETH_DST			_BITUL(2)
#define Q_KEY_IP_SRC			_BITUL(3)
#define Q_KEY_IP_DST			_BITUL(4)
#define Q_KEY_IP_PROTO			_BITUL(5)
#define Q_KEY_IP_ECN			_BITUL(6)
#define Q_KEY_IP_DSCP			_BITUL(7)
#define Q_KEY_SRC_PORT			_BITUL(9)
#define Q_KEY_DST_PORT			_BITUL(10)
#define Q_KEY_ICMP_TYPE			_BITUL(11)
#define Q_KEY_ICMP_CODE			_BITUL(12)

/* --- socket options ----------------------------------------------------- */

/* setsockopt; the argument's type is given at the right */
#define Q_SO_DISABLE			0	/* none, any length */
#define Q_SO_ENABLE			1	/* struct pfq_so_enable */
#define Q_SO_SET_RX_TSTAMP		2	/* int */
#define Q_SO_SET_RX_LEN			3	/* size_t: bytes kept of a packet */
#define Q_SO_SET_RX_SLOTS		4	/* size_t: slots of one half */
#define Q_SO_SET_RX_OFFSET		5	/* not implemented */
#define Q_SO_SET_TX_LEN			6	/* size_t */
#define Q_SO_SET_TX_SLOTS		7	/* size_t */
#define Q_SO_SET_WEIGHT			8	/* int, 1 .. 8 */

#define Q_SO_GROUP_BIND			10	/* struct pfq_so_binding */
#define Q_SO_GROUP_UNBIND		11	/* struct pfq_so_binding */
#define Q_SO_GROUP_JOIN			12	/* getsockopt: struct pfq_so_group_join */
#define Q_SO_GROUP_LEAVE		13	/* int: gid */
#define Q_SO_GROUP_FPROG		14	/* struct pfq_so_fprog */
#define Q_SO_GROUP_VLAN_FILT_TOGGLE	15	/* struct pfq_so_vlan_toggle */
#define Q_SO_GROUP_VLAN_FILT		16	/* struct pfq_so_vlan_toggle */
#define Q_SO_GROUP_FUNCTION		17	/* struct pfq_so_group_computation */
#define Q_SO_EGRESS_BIND		18	/* struct pfq_so_binding, gid unused */
#define Q_SO_EGRESS_UNBIND		19	/* none */

/* getsockopt */
#define Q_SO_GET_ID			20	/* int: PFQ_VERSION_CODE in, id out */
#define Q_SO_GET_STATUS			21	/* int: 1 if enabled */
#define Q_SO_GET_STATS			22	/* struct pfq_stats */
#define Q_SO_GET_SHMEM_SIZE		23	/* size_t */
#define Q_SO_GET_RX_TSTAMP		24	/* int */
#define Q_SO_GET_RX_SLOT_SIZE		25	/* size_t */
#define Q_SO_GET_RX_SLOTS		26	/* size_t */
#define Q_SO_GET_RX_OFFSET		27	/* not implemented */
#define Q_SO_GET_TX_SLOT_SIZE		28	/* size_t */
#define Q_SO_GET_TX_SLOTS		29	/* size_t */
#define Q_SO_GET_GROUPS			30	/* unsigned long: bit per gid */
#define Q_SO_GET_GROUP_STATS		31	/* struct pfq_stats, gid in .recv */
#define Q_SO_GET_GROUP_COUNTERS		32	/* struct pfq_counters, gid in [0] */
#define Q_SO_GET_WEIGHT			33	/* int */

/* setsockopt, transmission */
#define Q_SO_TX_BIND			40	/* struct pfq_so_binding, tid */
#define Q_SO_TX_UNBIND			41	/* none */
#define Q_SO_TX_QUEUE_XMIT		42	/* int: queue, 0 */

/**
 * struct pfq_so_enable - memory for the queues (Q_SO_ENABLE)
 * @user_addr: start of memory supplied by the caller (huge pages)
 * @user_size: its size in bytes
 * @hugepage_size: size of its pages; 0: the kernel supplies the memory, and
 *	the caller maps it with mmap(2) on the socket
 */
struct pfq_so_enable {
	__u64 user_addr;
	__u64 user_size;
	__u64 hugepage_size;
};

/**
 * struct pfq_so_binding - a group (or Tx thread) and a device queue
 * @gid: group, for Q_SO_GROUP_BIND and Q_SO_GROUP_UNBIND
 * @tid: Tx thread, for Q_SO_TX_BIND; Q_NO_KTHREAD is the synchronous queue
 * @ifindex: device; Q_ANY_DEVICE is a wildcard where one makes sense
 * @qindex: hardware queue, or Q_ANY_QUEUE
 */
struct pfq_so_binding {
	__extension__ union {
		__s32 gid;
		__s32 tid;
	};
	__s32 ifindex;
	__s32 qindex;
};

/**
 * struct pfq_so_group_join - join a group (Q_SO_GROUP_JOIN, by getsockopt)
 * @gid: group, or Q_ANY_GROUP for the lowest free one, written back
 * @policy: one of Q_POLICY_GROUP_*
 * @class_mask: classes to be member of; must not be 0
 */
struct pfq_so_group_join {
	__s32 gid;
	__s32 policy;
	__u64 class_mask;
};

/**
 * struct pfq_so_vlan_toggle - VLAN filter of a group
 * @gid: group
 * @vid: VLAN id, 0 (Q_VLAN_UNTAG) for untagged, -1 (Q_VLAN_ANYTAG) for 1..4094
 * @toggle: 1 on, 0 off
 */
struct pfq_so_vlan_toggle {
	__s32 gid;
	__s32 vid;
	__s32 toggle;
};

/**
 * struct pfq_lang_functional_arg_descr - an argument of a function
 * @addr: a pointer to the value; 0 if absent, or if it is a function
 * @size: its size (of one element); of a function its index; 0 for strings
 * @nelem: number of elements of a list, or -1
 *
 * An argument that is absent is all zero.
 */
struct pfq_lang_functional_arg_descr {
#ifdef __KERNEL__
	const void __user *addr;
#else
	const void *addr;
#endif
	__u64 size;
	__s64 nelem;
};

/**
 * struct pfq_lang_functional_descr - a function of a program
 * @symbol: its name
 * @arg: its arguments
 * @next: index of the function that follows; any number that is no index: none
 */
struct pfq_lang_functional_descr {
#ifdef __KERNEL__
	const char __user *symbol;
#else
	const char *symbol;
#endif
	struct pfq_lang_functional_arg_descr arg[8];
	__s64 next;
};

/**
 * struct pfq_lang_computation_descr - a program
 * @size: number of functions
 * @entry_point: index of the first one that runs
 * @fun: the functions
 */
struct pfq_lang_computation_descr {
	__u64 size;
	__u64 entry_point;
	struct pfq_lang_functional_descr fun[];
};

/**
 * struct pfq_so_group_computation - program of a group (Q_SO_GROUP_FUNCTION)
 * @gid: group
 * @prog: descriptor of the computation, in user memory
 */
struct pfq_so_group_computation {
	__s32 gid;
#ifdef __KERNEL__
	struct pfq_lang_computation_descr __user *prog;
#else
	struct pfq_lang_computation_descr *prog;
#endif
};

/**
 * struct pfq_so_fprog - classic BPF filter of a group (Q_SO_GROUP_FPROG)
 * @gid: group
 * @fcode: the filter; length 0 removes it
 */
struct pfq_so_fprog {
	__s32 gid;
	struct sock_fprog fcode;
};

/**
 * struct pfq_so_group_context - reserved: declared, used by no option
 * @context: memory of the context
 * @size: its size
 * @gid: group
 * @level: level
 */
struct pfq_so_group_context {
#ifdef __KERNEL__
	void __user *context;
#else
	void *context;
#endif
	__u64 size;
	__s32 gid;
	__s32 level;
};

/**
 * struct pfq_stats - counters of a socket or a group
 * @recv: frames handed to the socket (lost ones included) or to the group
 * @lost: frames that found no free slot
 * @drop: frames that the group's filters refused
 * @sent: frames transmitted
 * @disc: frames discarded on forwarding
 * @fail: frames that could not be transmitted
 * @frwd: frames forwarded to devices
 * @kern: frames passed on to the network stack
 */
struct pfq_stats {
	__u64 recv;
	__u64 lost;
	__u64 drop;
	__u64 sent;
	__u64 disc;
	__u64 fail;
	__u64 frwd;
	__u64 kern;
};

/**
 * struct pfq_counters - counters that a group's program may count in
 * @counter: values; on entry counter[0] is the gid
 */
struct pfq_counters {
	__u64 counter[Q_MAX_COUNTERS];
};

/* --- shared memory ------------------------------------------------------ */

/*
 *   offset                    content
 *   0                         struct pfq_shared_queue
 *   2048                      Rx half 0: rx.len slots of rx.slot_size bytes
 *   2048 + rx.size            Rx half 1
 *   TX0 = 2048 + 2 * rx.size  synchronous Tx queue, half 0 and half 1
 *   TX0 + 2 * tx.size * (1+i) asynchronous Tx queue i, half 0 and half 1
 *
 * A slot is a struct pfq_pkthdr followed by the bytes of the packet, rounded
 * up to PFQ_SLOT_ALIGNMENT. The mapping's size is what Q_SO_GET_SHMEM_SIZE
 * says: the above, rounded up to 2 MiB; an exact multiple gets 2 MiB more.
 *
 * Reading the Rx queue. shinfo holds a version v (high 32 bits) and a length
 * (low 32 bits). The kernel reserves slots by adding to shinfo, fills them in
 * half (v & 1) and stores commit = v with release semantics. A reader
 *
 *   1. loads shinfo; length 0 means nothing to read;
 *   2. if (v + 1) is 0 or 1 (modulo 2^32), sets commit of every slot of the
 *      next half to (v & 1), since old values could be mistaken for v + 1;
 *   3. exchanges shinfo for (v + 1) << 32: the kernel fills the other half
 *      from here on. The value that comes back has the final length; it may
 *      exceed rx.len, and only min(length, rx.len) slots are meant;
 *   4. reads each of them once load-acquire(commit) == v; those not yet
 *      committed are being filled at that moment.
 *
 * The half stays valid until the same reader's next exchange.
 */

#define PFQ_SLOT_ALIGNMENT		32
#define PFQ_SLOT_ALIGN(s) \
	(((s) + (PFQ_SLOT_ALIGNMENT - 1)) & ~((__u64)PFQ_SLOT_ALIGNMENT - 1))
#define PFQ_SLOT_SIZE(caplen)		PFQ_SLOT_ALIGN(sizeof(struct pfq_pkthdr) + (caplen))

/* The parts of pfq_shared_rx_queue.shinfo. */
#define PFQ_SHINFO_LEN(shinfo)		((__u32)(shinfo))
#define PFQ_SHINFO_VER(shinfo)		((__u32)((__u64)(shinfo) >> 32))
#define PFQ_SHINFO(ver, len)		(((__u64)(__u32)(ver) << 32) | (__u32)(len))

/**
 * struct pfq_pkthdr_info - what is known of a packet besides its bytes
 * @ifindex: device it came from
 * @data: Rx: mark of the packet, and state of the group's program;
 *	Tx: number of copies to send
 * @vlan: tag that the NIC took out of the packet; tci is 0 if none
 * @queue: hardware queue it came from
 * @commit: version of the half; the slot is valid when they are equal
 */
struct pfq_pkthdr_info {
	__s32 ifindex;
	struct {
		__extension__ union {
			__u32 mark;
			__u32 copies;
		};
		__extension__ union {
			__u32 state;
			__u32 reserved;
		};
	} data;
	union {
		__extension__ struct {
#if defined(__LITTLE_ENDIAN_BITFIELD)
			__u16 vid:12, res:1, prio:3;
#elif defined(__BIG_ENDIAN_BITFIELD)
			__u16 prio:3, res:1, vid:12;
#else
#error "no bit-field order"
#endif
		};
		__u16 tci;
	} vlan;
	__u16 queue;
	__u32 commit;
};

/**
 * struct pfq_pkthdr - header of a slot, before the bytes of the packet
 * @tstamp: CLOCK_REALTIME at reception, if timestamping is on
 * @caplen: bytes stored (Rx), bytes to send (Tx)
 * @len: length of the packet
 * @info: see struct pfq_pkthdr_info
 */
struct pfq_pkthdr {
	union {
		__u64 tv64;
		struct {
			__u32 sec;
			__u32 nsec;
		} tv;
	} tstamp;
	__u16 caplen;
	__u16 len;
	struct pfq_pkthdr_info info;
};

#ifndef __KERNEL__
/**
 * struct pfq_pcap_pkthdr - what the pcap backend hands to callbacks
 * @ts: time of reception
 * @caplen: bytes captured
 * @len: length of the packet
 * @info: as in struct pfq_pkthdr
 */
struct pfq_pcap_pkthdr {
	struct timeval ts;
	__u32 caplen;
	__u32 len;
	struct pfq_pkthdr_info info;
};
#endif

/**
 * struct pfq_shared_rx_queue - the part of the control block for Rx
 * @shinfo: version and length; accessed atomically by both sides
 * @len: slots of one half
 * @size: bytes of one half
 * @slot_size: bytes of a slot
 */
struct pfq_shared_rx_queue {
	__u64 shinfo;
	__u32 len;
	__u32 size;
	__u32 slot_size;
} __attribute__((aligned(128)));

/**
 * struct pfq_shared_tx_queue - the part of the control block for one Tx queue
 * @size: bytes of one half; written by the kernel
 * @prod: index and bytes produced in each half; written by the user
 * @cons: index and bytes consumed in the current half; written by the kernel
 */
struct pfq_shared_tx_queue {
	__u64 size;
	struct {
		__u32 index;
		__s64 off0;
		__s64 off1;
	} __attribute__((aligned(128))) prod;
	struct {
		__u32 index;
		__s64 off;
	} __attribute__((aligned(128))) cons;
} __attribute__((aligned(128)));

/**
 * struct pfq_shared_queue - the control block, at the start of the mapping
 * @rx: receive queue
 * @tx: synchronous transmit queue
 * @tx_async: asynchronous transmit queues
 */
struct pfq_shared_queue {
	struct pfq_shared_rx_queue rx;
	struct pfq_shared_tx_queue tx;
	struct pfq_shared_tx_queue tx_async[Q_MAX_TX_QUEUES];
} __attribute__((aligned(128)));

/* --- Extensions --------------------------------------------------------- */

/*
 * Not known to PFQ 6.2, whose kernel answers ENOPROTOOPT. Numbers start at
 * 1024, clear of the generic SO_* options, which take unknown numbers.
 */
#define Q_SO_GROUP_TAP			1024	/* setsockopt: struct pfq_so_group_tap */
#define Q_SO_GROUP_GENERIC		1025	/* setsockopt: struct pfq_so_group_generic */

/**
 * struct pfq_so_group_tap - pass a group's frames on to the network stack
 * @gid: group; the caller must be a member, else EACCES
 * @on: 1: frames of the group are captured and passed on; 0 (default): the
 *	group takes them from the stack
 */
struct pfq_so_group_tap {
	__s32 gid;
	__s32 on;
};

#define Q_GENERIC_INCOMING		0x1
#define Q_GENERIC_OUTGOING		0x2

/**
 * struct pfq_so_group_generic - capture where the driver is not accelerated
 * @gid: group; the caller must be a member, else EACCES
 * @flags: Q_GENERIC_*: which frames; 0: none. The default is what the module's
 *	parameters capture_incoming and capture_outgoing say (0). Frames are
 *	copied; an accelerated device is not concerned
 */
struct pfq_so_group_generic {
	__s32 gid;
	__u32 flags;
};

#endif /* _UAPI_LINUX_PF_Q_H */
