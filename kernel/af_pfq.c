// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PF_Q sockets: creation, release, poll, mmap. Options are in sockopt.c.
 *
 * A socket gets packets while two things hold: it has a ring (it is enabled),
 * and a group it is member of is bound to a device. It is reached by the data
 * path only through its id in a group, so leaving all groups and one grace
 * period make it unreachable.
 */
#include <linux/capability.h>
#include <linux/if_ether.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/poll.h>
#include <net/sock.h>

#include <linux/pf_q.h>

#include "af_pfq.h"
#include "egress.h"
#include "group.h"
#include "netns.h"
#include "params.h"
#include "ring.h"
#include "shmem.h"
#include "stats.h"
#include "steer.h"

/**
 * pfq_sock_set_tstamp() - switch timestamps of received packets on or off
 * @ps: the socket
 * @on: on or off
 *
 * Context: Process context; takes pfq_mutex.
 */
void pfq_sock_set_tstamp(struct pfq_sock *ps, bool on)
{
	struct pfq_net *pn = ps->net;

	mutex_lock(&pfq_mutex);
	if (ps->tstamp != on) {
		WRITE_ONCE(ps->tstamp, on);
		WRITE_ONCE(pn->tstamp_users, pn->tstamp_users + (on ? 1 : -1));
	}
	mutex_unlock(&pfq_mutex);
}

/**
 * pfq_sock_set_weight() - set a socket's share in steering
 * @ps: the socket
 * @weight: 1 .. 8
 *
 * Context: Process context; the caller holds ps->lock.
 */
void pfq_sock_set_weight(struct pfq_sock *ps, int weight)
{
	lockdep_assert_held(&ps->lock);

	mutex_lock(&pfq_mutex);
	WRITE_ONCE(ps->weight, weight);
	pfq_steer_update_sock(ps);
	mutex_unlock(&pfq_mutex);
}

/**
 * pfq_sock_enable() - give a socket its queues
 * @ps: the socket
 * @arg: where the memory comes from
 *
 * Context: Process context; the caller holds ps->lock.
 * Return: 0 (also if enabled already), or as pfq_shmem_alloc().
 */
int pfq_sock_enable(struct pfq_sock *ps, const struct pfq_so_enable *arg)
{
	struct pfq_ring *ring;

	lockdep_assert_held(&ps->lock);

	if (rcu_access_pointer(ps->ring))
		return 0;
	ring = pfq_shmem_alloc(ps, arg);
	if (IS_ERR(ring))
		return PTR_ERR(ring);
	mutex_lock(&ps->map_lock);
	rcu_assign_pointer(ps->ring, ring);
	mutex_unlock(&ps->map_lock);

	mutex_lock(&pfq_mutex);
	pfq_steer_update_sock(ps);
	mutex_unlock(&pfq_mutex);
	return 0;
}

/* Takes the ring away from mmap and the data path; to be freed after a grace period. */
static struct pfq_ring *sock_detach_ring(struct pfq_sock *ps)
{
	struct pfq_ring *ring;

	mutex_lock(&ps->map_lock);
	ring = rcu_replace_pointer(ps->ring, NULL, lockdep_is_held(&ps->map_lock));
	mutex_unlock(&ps->map_lock);
	return ring;
}

/**
 * pfq_sock_disable() - leave all groups and drop the queues
 * @ps: the socket
 *
 * When this returns the data path does not know the socket. Memory that user
 * space still maps lives on until it is unmapped.
 *
 * Context: Process context, waits for a grace period; the caller holds ps->lock.
 */
void pfq_sock_disable(struct pfq_sock *ps)
{
	struct pfq_ring *ring;
	HLIST_HEAD(dead);

	lockdep_assert_held(&ps->lock);

	mutex_lock(&pfq_mutex);
	pfq_group_leave_all(ps, &dead);
	ring = sock_detach_ring(ps);
	synchronize_net();
	pfq_group_free(&dead);
	mutex_unlock(&pfq_mutex);
	pfq_shmem_free(ring);
}

/* Gives the socket the lowest free id. */
static int sock_publish(struct pfq_sock *ps)
{
	struct pfq_net *pn = ps->net;
	int ret = -EBUSY;
	int id;

	mutex_lock(&pfq_mutex);
	for (id = 0; id < pfq_max_sockets; id++) {
		if (rcu_access_pointer(pn->sock[id]))
			continue;
		ps->id = id;
		rcu_assign_pointer(pn->sock[id], ps);
		ret = 0;
		break;
	}
	mutex_unlock(&pfq_mutex);
	return ret;
}

static void sock_unpublish(struct pfq_sock *ps)
{
	mutex_lock(&pfq_mutex);
	RCU_INIT_POINTER(ps->net->sock[ps->id], NULL);
	mutex_unlock(&pfq_mutex);
}

static int pfq_release(struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct pfq_sock *ps;

	if (!sk)
		return 0;
	ps = pfq_sk(sk);

	pfq_egress_unbind(ps);
	mutex_lock(&ps->lock);
	pfq_sock_disable(ps);
	mutex_unlock(&ps->lock);
	pfq_sock_set_tstamp(ps, false);
	sock_unpublish(ps);

	sock_orphan(sk);
	sock->sk = NULL;
	sock_put(sk);
	return 0;
}

static __poll_t pfq_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	struct pfq_sock *ps = pfq_sk(sock->sk);
	struct pfq_ring *ring;
	__poll_t mask = 0;

	sock_poll_wait(file, sock, wait);

	rcu_read_lock();
	ring = rcu_dereference(ps->ring);
	if (ring && pfq_ring_readable(ring, READ_ONCE(ps->sk.sk_rcvlowat)))
		mask = EPOLLIN | EPOLLRDNORM;
	rcu_read_unlock();
	return mask;
}

static int pfq_mmap(struct file *file, struct socket *sock,
		    struct vm_area_struct *vma)
{
	struct pfq_sock *ps = pfq_sk(sock->sk);
	struct pfq_ring *ring;
	int ret = -EINVAL;

	mutex_lock(&ps->map_lock);
	ring = rcu_dereference_protected(ps->ring, lockdep_is_held(&ps->map_lock));
	if (ring)
		ret = pfq_shmem_map(ring, vma);
	mutex_unlock(&ps->map_lock);
	return ret;
}

/* Other requests, the interface ones included, are served by the socket layer. */
static int pfq_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	struct pfq_sock *ps = pfq_sk(sock->sk);

	if (cmd != QIOCTX)
		return -ENOIOCTLCMD;
	if (arg)
		return -EINVAL;
	return rcu_access_pointer(ps->ring) ? 0 : -EPERM;
}

static const struct proto_ops pfq_proto_ops = {
	.family		= PF_Q,
	.owner		= THIS_MODULE,
	.release	= pfq_release,
	.bind		= sock_no_bind,
	.connect	= sock_no_connect,
	.socketpair	= sock_no_socketpair,
	.accept		= sock_no_accept,
	.getname	= sock_no_getname,
	.poll		= pfq_poll,
	.ioctl		= pfq_ioctl,
	.listen		= sock_no_listen,
	.shutdown	= sock_no_shutdown,
	.setsockopt	= pfq_setsockopt,
	.getsockopt	= pfq_getsockopt,
	.sendmsg	= sock_no_sendmsg,
	.recvmsg	= sock_no_recvmsg,
	.mmap		= pfq_mmap,
};

static struct proto pfq_proto = {
	.name		= "PFQ",
	.owner		= THIS_MODULE,
	.obj_size	= sizeof(struct pfq_sock),
};

static void pfq_sock_destruct(struct sock *sk)
{
	free_percpu(pfq_sk(sk)->stats);
}

/*
 * May the caller capture what this namespace sees? Root of a container is root
 * of a user namespace that it made itself, so that it takes a parameter.
 */
static bool sock_allowed(const struct net *net)
{
	if (pfq_allow_userns)
		return ns_capable(net->user_ns, CAP_NET_ADMIN);
	return capable(CAP_NET_ADMIN);
}

static int pfq_create(struct net *net, struct socket *sock, int protocol, int kern)
{
	struct pfq_sock *ps;
	struct sock *sk;
	int ret;

	if (!sock_allowed(net))
		return -EPERM;
	if (sock->type != SOCK_RAW)
		return -ESOCKTNOSUPPORT;
	if (protocol != (__force int)htons(ETH_P_ALL))
		return -EPROTONOSUPPORT;

	sk = sk_alloc(net, PF_Q, GFP_KERNEL, &pfq_proto, kern);
	if (!sk)
		return -ENOMEM;
	sock->ops = &pfq_proto_ops;
	sock_init_data(sock, sk);
	sk->sk_destruct = pfq_sock_destruct;

	ps = pfq_sk(sk);
	ps->net = pfq_net(net);
	mutex_init(&ps->lock);
	mutex_init(&ps->map_lock);
	ps->rx_len = pfq_max_slot_size - sizeof(struct pfq_pkthdr);
	ps->tx_len = ps->rx_len;
	ps->weight = 1;

	ret = -ENOMEM;
	ps->stats = pfq_stats_alloc();
	if (!ps->stats)
		goto err_put;
	ret = sock_publish(ps);
	if (ret)
		goto err_put;
	return 0;

err_put:
	sock_orphan(sk);
	sock->sk = NULL;
	sock_put(sk);
	return ret;
}

static const struct net_proto_family pfq_family = {
	.family	= PF_Q,
	.create	= pfq_create,
	.owner	= THIS_MODULE,
};

/**
 * pfq_family_init() - let user space open PF_Q sockets
 *
 * Context: Module load.
 * Return: 0 or a negative errno.
 */
int __init pfq_family_init(void)
{
	int ret;

	ret = proto_register(&pfq_proto, 0);
	if (ret)
		return ret;
	ret = sock_register(&pfq_family);
	if (ret) {
		if (ret == -EEXIST)
			pr_err("address family %d is taken, probably by pf_ring: unload that module first\n",
			       PF_Q);
		proto_unregister(&pfq_proto);
	}
	return ret;
}

/**
 * pfq_family_exit() - no more sockets; none is open
 *
 * Context: Module unload.
 */
void pfq_family_exit(void)
{
	sock_unregister(PF_Q);
	proto_unregister(&pfq_proto);
}
