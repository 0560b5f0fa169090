// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pins every size, offset and number of <linux/pf_q.h> that programs built
 * against PFQ 6.2 rely on. Nothing here runs: it compiles, or the header is
 * wrong. Compiled as C, as C++, and usable inside a kernel object too.
 */
#ifndef __KERNEL__
#include <stddef.h>
#endif
#include <linux/pf_q.h>

#if defined(__cplusplus) || defined(__KERNEL__)
#define PIN(cond) static_assert(cond, #cond)
#else
#define PIN(cond) _Static_assert(cond, #cond)
#endif
#define SIZE(type, n) PIN(sizeof(struct type) == (n))
#define AT(type, member, off, size)                                            \
	PIN(offsetof(struct type, member) == (off));                           \
	PIN(sizeof(((struct type *)0)->member) == (size))

PIN(sizeof(long) == 8);
PIN(PF_Q == 27);
PIN(PFQ_VERSION_CODE == 0x060100);
PIN(QIOCTX == 0x80045100);

PIN(Q_SO_DISABLE == 0);
PIN(Q_SO_ENABLE == 1);
PIN(Q_SO_SET_RX_TSTAMP == 2);
PIN(Q_SO_SET_RX_LEN == 3);
PIN(Q_SO_SET_RX_SLOTS == 4);
PIN(Q_SO_SET_RX_OFFSET == 5);
PIN(Q_SO_SET_TX_LEN == 6);
PIN(Q_SO_SET_TX_SLOTS == 7);
PIN(Q_SO_SET_WEIGHT == 8);
PIN(Q_SO_GROUP_BIND == 10);
PIN(Q_SO_GROUP_UNBIND == 11);
PIN(Q_SO_GROUP_JOIN == 12);
PIN(Q_SO_GROUP_LEAVE == 13);
PIN(Q_SO_GROUP_FPROG == 14);
PIN(Q_SO_GROUP_VLAN_FILT_TOGGLE == 15);
PIN(Q_SO_GROUP_VLAN_FILT == 16);
PIN(Q_SO_GROUP_FUNCTION == 17);
PIN(Q_SO_EGRESS_BIND == 18);
PIN(Q_SO_EGRESS_UNBIND == 19);
PIN(Q_SO_GET_ID == 20);
PIN(Q_SO_GET_STATUS == 21);
PIN(Q_SO_GET_STATS == 22);
PIN(Q_SO_GET_SHMEM_SIZE == 23);
PIN(Q_SO_GET_RX_TSTAMP == 24);
PIN(Q_SO_GET_RX_SLOT_SIZE == 25);
PIN(Q_SO_GET_RX_SLOTS == 26);
PIN(Q_SO_GET_RX_OFFSET == 27);
PIN(Q_SO_GET_TX_SLOT_SIZE == 28);
PIN(Q_SO_GET_TX_SLOTS == 29);
PIN(Q_SO_GET_GROUPS == 30);
PIN(Q_SO_GET_GROUP_STATS == 31);
PIN(Q_SO_GET_GROUP_COUNTERS == 32);
PIN(Q_SO_GET_WEIGHT == 33);
PIN(Q_SO_TX_BIND == 40);
PIN(Q_SO_TX_UNBIND == 41);
PIN(Q_SO_TX_QUEUE_XMIT == 42);
PIN(Q_SO_GROUP_TAP == 1024);

PIN(Q_CLASS_ANY == 0x7fffffffffffffffUL);
PIN(Q_CLASS_CONTROL == 0x8000000000000000UL);

SIZE(pfq_so_enable, 24);
AT(pfq_so_enable, user_addr, 0, 8);
AT(pfq_so_enable, user_size, 8, 8);
AT(pfq_so_enable, hugepage_size, 16, 8);

SIZE(pfq_so_binding, 12);
AT(pfq_so_binding, gid, 0, 4);
AT(pfq_so_binding, tid, 0, 4);
AT(pfq_so_binding, ifindex, 4, 4);
AT(pfq_so_binding, qindex, 8, 4);

SIZE(pfq_so_group_join, 16);
AT(pfq_so_group_join, gid, 0, 4);
AT(pfq_so_group_join, policy, 4, 4);
AT(pfq_so_group_join, class_mask, 8, 8);

SIZE(pfq_so_vlan_toggle, 12);
AT(pfq_so_vlan_toggle, gid, 0, 4);
AT(pfq_so_vlan_toggle, vid, 4, 4);
AT(pfq_so_vlan_toggle, toggle, 8, 4);

SIZE(pfq_so_group_computation, 16);
AT(pfq_so_group_computation, gid, 0, 4);
AT(pfq_so_group_computation, prog, 8, 8);

SIZE(pfq_so_fprog, 24);
AT(pfq_so_fprog, gid, 0, 4);
AT(pfq_so_fprog, fcode, 8, 16);
AT(pfq_so_fprog, fcode.len, 8, 2);
AT(pfq_so_fprog, fcode.filter, 16, 8);

SIZE(pfq_so_group_context, 24);
AT(pfq_so_group_context, context, 0, 8);
AT(pfq_so_group_context, size, 8, 8);
AT(pfq_so_group_context, gid, 16, 4);
AT(pfq_so_group_context, level, 20, 4);

SIZE(pfq_so_group_tap, 8);
AT(pfq_so_group_tap, gid, 0, 4);
AT(pfq_so_group_tap, on, 4, 4);

SIZE(pfq_stats, 64);
AT(pfq_stats, recv, 0, 8);
AT(pfq_stats, lost, 8, 8);
AT(pfq_stats, drop, 16, 8);
AT(pfq_stats, sent, 24, 8);
AT(pfq_stats, disc, 32, 8);
AT(pfq_stats, fail, 40, 8);
AT(pfq_stats, frwd, 48, 8);
AT(pfq_stats, kern, 56, 8);
SIZE(pfq_counters, 512);

SIZE(pfq_pkthdr, 32);
AT(pfq_pkthdr, tstamp.tv64, 0, 8);
AT(pfq_pkthdr, tstamp.tv.sec, 0, 4);
AT(pfq_pkthdr, tstamp.tv.nsec, 4, 4);
AT(pfq_pkthdr, caplen, 8, 2);
AT(pfq_pkthdr, len, 10, 2);
AT(pfq_pkthdr, info, 12, 20);
AT(pfq_pkthdr, info.ifindex, 12, 4);
AT(pfq_pkthdr, info.data.mark, 16, 4);
AT(pfq_pkthdr, info.data.copies, 16, 4);
AT(pfq_pkthdr, info.data.state, 20, 4);
AT(pfq_pkthdr, info.data.reserved, 20, 4);
AT(pfq_pkthdr, info.vlan.tci, 24, 2);
AT(pfq_pkthdr, info.queue, 26, 2);
AT(pfq_pkthdr, info.commit, 28, 4);

#ifndef __KERNEL__
SIZE(pfq_pcap_pkthdr, 48);
AT(pfq_pcap_pkthdr, ts, 0, 16);
AT(pfq_pcap_pkthdr, caplen, 16, 4);
AT(pfq_pcap_pkthdr, len, 20, 4);
AT(pfq_pcap_pkthdr, info, 24, 20);
#endif

SIZE(pfq_shared_queue, 2048);
AT(pfq_shared_queue, rx.shinfo, 0, 8);
AT(pfq_shared_queue, rx.len, 8, 4);
AT(pfq_shared_queue, rx.size, 12, 4);
AT(pfq_shared_queue, rx.slot_size, 16, 4);
AT(pfq_shared_queue, tx, 128, 384);
AT(pfq_shared_queue, tx.size, 128, 8);
AT(pfq_shared_queue, tx.prod.index, 256, 4);
AT(pfq_shared_queue, tx.prod.off0, 264, 8);
AT(pfq_shared_queue, tx.prod.off1, 272, 8);
AT(pfq_shared_queue, tx.cons.index, 384, 4);
AT(pfq_shared_queue, tx.cons.off, 392, 8);
AT(pfq_shared_queue, tx_async[0], 512, 384);
AT(pfq_shared_queue, tx_async[1], 896, 384);
AT(pfq_shared_queue, tx_async[3].size, 1664, 8);
AT(pfq_shared_queue, tx_async[3].prod.index, 1792, 4);
AT(pfq_shared_queue, tx_async[3].cons.index, 1920, 4);

PIN(PFQ_SLOT_SIZE(64) == 96);
PIN(PFQ_SLOT_SIZE(1514) == 1568);
PIN(PFQ_SLOT_SIZE(1520) == 1568);
PIN(PFQ_SLOT_SIZE(2016) == 2048);
