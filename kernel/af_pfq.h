/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PF_Q sockets.
 */
#ifndef _PFQ_AF_PFQ_H
#define _PFQ_AF_PFQ_H

#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/sockptr.h>
#include <net/sock.h>

struct pfq_cpu_stats;
struct pfq_egress;
struct pfq_net;
struct pfq_ring;

/**
 * struct pfq_sock - a PF_Q socket
 * @sk: the generic part; must be first
 * @net: namespace of the socket
 * @id: index in &pfq_net.sock
 * @ring: memory shared with user space; NULL until enabled. Written under
 *	@lock and @map_lock, read under either or RCU
 * @egress: the device that sends the socket's frames, or NULL: they go to @ring.
 *	Written under pfq_mutex, read under RCU
 * @stats: counters
 * @tstamp: are slots to be timestamped? Written under @lock and pfq_mutex
 * @lock: guards what follows, and enabling and disabling
 * @rx_len: bytes kept of a received packet
 * @rx_slots: slots of one half of the Rx queue
 * @tx_len: bytes of a packet to send
 * @tx_slots: slots of one half of a Tx queue
 * @weight: share in steering, 1 .. 8; written under pfq_mutex too
 * @map_lock: keeps @ring alive during mmap(2)
 */
struct pfq_sock {
	struct sock sk;
	struct pfq_net *net;
	int id;
	struct pfq_ring __rcu *ring;
	struct pfq_egress __rcu *egress;
	struct pfq_cpu_stats __percpu *stats;
	bool tstamp;

	struct mutex lock;	/* sizes, enabling */
	size_t rx_len;
	size_t rx_slots;
	size_t tx_len;
	size_t tx_slots;
	int weight;

	struct mutex map_lock;	/* ring against mmap */
};

static inline struct pfq_sock *pfq_sk(const struct sock *sk)
{
	return (struct pfq_sock *)sk;
}

int pfq_sock_enable(struct pfq_sock *ps);
void pfq_sock_disable(struct pfq_sock *ps);
void pfq_sock_set_tstamp(struct pfq_sock *ps, bool on);
void pfq_sock_set_weight(struct pfq_sock *ps, int weight);

int pfq_setsockopt(struct socket *sock, int level, int optname,
		   sockptr_t optval, unsigned int optlen);
int pfq_getsockopt(struct socket *sock, int level, int optname,
		   char __user *optval, int __user *optlen);

int pfq_family_init(void);
void pfq_family_exit(void);

#endif /* _PFQ_AF_PFQ_H */
