// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Socket options. The numbers, types and errors are those of PFQ 6.2; what is
 * not there yet says EOPNOTSUPP after the checks that PFQ 6.2 makes.
 *
 * User memory is read and written with no lock held. The length of an argument
 * must be exact.
 */
#include <linux/kernel.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/sockptr.h>
#include <linux/uaccess.h>
#include <net/sock.h>

#include <linux/pf_q.h>

#include "af_pfq.h"
#include "device.h"
#include "egress.h"
#include "filter.h"
#include "generic.h"
#include "group.h"
#include "netns.h"
#include "params.h"
#include "program.h"
#include "rx.h"
#include "shmem.h"
#include "stats.h"
#include "vlan.h"

/* --- setsockopt ----------------------------------------------------------- */

/*
 * An argument, copied in.
 */
union set_arg {
	int value;
	size_t size;
	struct pfq_so_enable enable;
	struct pfq_so_binding binding;
	struct pfq_so_fprog fprog;
	struct pfq_so_vlan_toggle vlan;
	struct pfq_so_group_computation computation;
	struct pfq_so_group_tap tap;
	struct pfq_so_group_generic generic;
};

static int set_enable(struct pfq_sock *ps, const union set_arg *arg)
{
	int ret;

	mutex_lock(&ps->lock);
	ret = pfq_sock_enable(ps, &arg->enable);
	mutex_unlock(&ps->lock);
	return ret;
}

static int set_disable(struct pfq_sock *ps, const union set_arg *arg)
{
	mutex_lock(&ps->lock);
	pfq_sock_disable(ps);
	mutex_unlock(&ps->lock);
	return 0;
}

static int set_tstamp(struct pfq_sock *ps, const union set_arg *arg)
{
	mutex_lock(&ps->lock);
	pfq_sock_set_tstamp(ps, arg->value);
	mutex_unlock(&ps->lock);
	return 0;
}

/* What the size of the shared memory depends on is fixed while there is one. */
static int set_geometry(struct pfq_sock *ps, size_t *field, size_t value)
{
	int ret = 0;

	mutex_lock(&ps->lock);
	if (rcu_access_pointer(ps->ring))
		ret = -EPERM;
	else
		*field = value;
	mutex_unlock(&ps->lock);
	return ret;
}

/* Bytes of a packet: a slot must be no larger than allowed. */
static int set_len(struct pfq_sock *ps, size_t *field, size_t len)
{
	if (len > pfq_max_slot_size || PFQ_SLOT_SIZE(len) > pfq_max_slot_size)
		return -EPERM;
	return set_geometry(ps, field, len);
}

static int set_slots(struct pfq_sock *ps, size_t *field, size_t slots)
{
	return slots > pfq_max_slots ? -EPERM : set_geometry(ps, field, slots);
}

static int set_rx_len(struct pfq_sock *ps, const union set_arg *arg)
{
	return set_len(ps, &ps->rx_len, arg->size);
}

static int set_rx_slots(struct pfq_sock *ps, const union set_arg *arg)
{
	return set_slots(ps, &ps->rx_slots, arg->size);
}

static int set_tx_len(struct pfq_sock *ps, const union set_arg *arg)
{
	return set_len(ps, &ps->tx_len, arg->size);
}

static int set_tx_slots(struct pfq_sock *ps, const union set_arg *arg)
{
	return set_slots(ps, &ps->tx_slots, arg->size);
}

static int set_weight(struct pfq_sock *ps, const union set_arg *arg)
{
	if (arg->value < 1 || arg->value > PFQ_WEIGHT_MAX)
		return -EPERM;
	mutex_lock(&ps->lock);
	pfq_sock_set_weight(ps, arg->value);
	mutex_unlock(&ps->lock);
	return 0;
}

/* A device is looked up in the socket's own namespace; rtnl_mutex keeps it there. */
static int bind_group(struct pfq_sock *ps, const struct pfq_so_binding *b)
{
	struct net_device *dev;

	if (!pfq_group_joined(ps, b->gid))
		return -EACCES;
	if (b->qindex < Q_ANY_QUEUE || b->qindex >= PFQ_MAX_QUEUES)
		return -EACCES;
	if (b->ifindex == Q_ANY_DEVICE)
		return pfq_device_bind_any(ps->net, sock_net(&ps->sk), b->gid,
					   b->qindex);
	dev = __dev_get_by_index(sock_net(&ps->sk), b->ifindex);
	return dev ? pfq_device_bind(ps->net, dev, b->gid, b->qindex) : -EACCES;
}

static int set_group_bind(struct pfq_sock *ps, const union set_arg *arg)
{
	int ret;

	rtnl_lock();
	mutex_lock(&pfq_mutex);
	ret = bind_group(ps, &arg->binding);
	mutex_unlock(&pfq_mutex);
	rtnl_unlock();
	if (!ret && READ_ONCE(ps->net->tap))
		pfq_rx_drain();	/* see rx_append_alike() */
	return ret;
}

static int set_group_unbind(struct pfq_sock *ps, const union set_arg *arg)
{
	const struct pfq_so_binding *b = &arg->binding;
	int ret = -EACCES;

	mutex_lock(&pfq_mutex);
	if (pfq_group_joined(ps, b->gid)) {
		pfq_device_unbind(ps->net, b->ifindex, b->gid, b->qindex);
		ret = 0;
	}
	mutex_unlock(&pfq_mutex);
	return ret;
}

static int set_group_leave(struct pfq_sock *ps, const union set_arg *arg)
{
	if (arg->value < 0 || arg->value >= Q_MAX_GROUP)
		return -EFAULT;
	pfq_group_leave(ps, arg->value);
	return 0;
}

static int set_group_tap(struct pfq_sock *ps, const union set_arg *arg)
{
	return pfq_group_set_tap(ps, arg->tap.gid, arg->tap.on);
}

static int set_group_generic(struct pfq_sock *ps, const union set_arg *arg)
{
	return pfq_generic_set(ps, arg->generic.gid, arg->generic.flags);
}

static int set_group_fprog(struct pfq_sock *ps, const union set_arg *arg)
{
	struct sock_fprog fcode = arg->fprog.fcode;

	return pfq_filter_set(ps, arg->fprog.gid, &fcode);
}

static int set_group_vlan_toggle(struct pfq_sock *ps, const union set_arg *arg)
{
	return pfq_vlan_toggle(ps, arg->vlan.gid, arg->vlan.toggle);
}

static int set_group_vlan(struct pfq_sock *ps, const union set_arg *arg)
{
	return pfq_vlan_set(ps, arg->vlan.gid, arg->vlan.vid, arg->vlan.toggle);
}

static int set_group_function(struct pfq_sock *ps, const union set_arg *arg)
{
	return pfq_program_set(ps, arg->computation.gid, arg->computation.prog);
}

static int set_egress_bind(struct pfq_sock *ps, const union set_arg *arg)
{
	return pfq_egress_bind(ps, arg->binding.ifindex, arg->binding.qindex);
}

static int set_egress_unbind(struct pfq_sock *ps, const union set_arg *arg)
{
	pfq_egress_unbind(ps);
	return 0;
}

static bool ifindex_exists(const struct pfq_sock *ps, int ifindex)
{
	bool found;

	rcu_read_lock();
	found = dev_get_by_index_rcu(sock_net(&ps->sk), ifindex);
	rcu_read_unlock();
	return found;
}

static int set_tx_bind(struct pfq_sock *ps, const union set_arg *arg)
{
	const struct pfq_so_binding *b = &arg->binding;

	if (b->tid < Q_NO_KTHREAD || b->qindex < Q_ANY_QUEUE)
		return -EPERM;
	if (b->ifindex != Q_ANY_DEVICE && !ifindex_exists(ps, b->ifindex))
		return -EPERM;
	return b->tid == Q_NO_KTHREAD ? -EOPNOTSUPP : -ESRCH;	/* no threads */
}

/* Nothing is bound for transmission, so there is nothing to undo. */
static int set_tx_unbind(struct pfq_sock *ps, const union set_arg *arg)
{
	return 0;
}

/* Nor to send. */
static int set_tx_xmit(struct pfq_sock *ps, const union set_arg *arg)
{
	return arg->value ? -EPERM : 0;
}

/**
 * struct set_option - an option of setsockopt(2)
 * @name: its number
 * @size: of its argument; 0 if it has none, which is given with any length
 * @enabled: only an enabled socket has it, whatever the argument
 * @set: does it
 */
struct set_option {
	int name;
	u16 size;
	bool enabled;
	int (*set)(struct pfq_sock *ps, const union set_arg *arg);
};

#define SIZE(member)	sizeof_field(union set_arg, member)

static const struct set_option set_options[] = {
	{ Q_SO_DISABLE, 0, false, set_disable },
	{ Q_SO_ENABLE, SIZE(enable), false, set_enable },
	{ Q_SO_SET_RX_TSTAMP, SIZE(value), false, set_tstamp },
	{ Q_SO_SET_RX_LEN, SIZE(size), false, set_rx_len },
	{ Q_SO_SET_RX_SLOTS, SIZE(size), false, set_rx_slots },
	{ Q_SO_SET_TX_LEN, SIZE(size), false, set_tx_len },
	{ Q_SO_SET_TX_SLOTS, SIZE(size), false, set_tx_slots },
	{ Q_SO_SET_WEIGHT, SIZE(value), false, set_weight },
	{ Q_SO_GROUP_BIND, SIZE(binding), false, set_group_bind },
	{ Q_SO_GROUP_UNBIND, SIZE(binding), false, set_group_unbind },
	{ Q_SO_GROUP_LEAVE, SIZE(value), false, set_group_leave },
	{ Q_SO_GROUP_FPROG, SIZE(fprog), false, set_group_fprog },
	{ Q_SO_GROUP_VLAN_FILT_TOGGLE, SIZE(vlan), false, set_group_vlan_toggle },
	{ Q_SO_GROUP_VLAN_FILT, SIZE(vlan), false, set_group_vlan },
	{ Q_SO_GROUP_FUNCTION, SIZE(computation), false, set_group_function },
	{ Q_SO_EGRESS_BIND, SIZE(binding), false, set_egress_bind },
	{ Q_SO_EGRESS_UNBIND, 0, false, set_egress_unbind },
	{ Q_SO_TX_BIND, SIZE(binding), false, set_tx_bind },
	{ Q_SO_TX_UNBIND, 0, false, set_tx_unbind },
	{ Q_SO_TX_QUEUE_XMIT, SIZE(value), true, set_tx_xmit },
	{ Q_SO_GROUP_TAP, SIZE(tap), false, set_group_tap },
	{ Q_SO_GROUP_GENERIC, SIZE(generic), false, set_group_generic },
};

#undef SIZE

static const struct set_option *set_find(int name)
{
	const struct set_option *option;

	for (option = set_options; option < set_options + ARRAY_SIZE(set_options); option++)
		if (option->name == name)
			return option;
	return NULL;
}

/**
 * pfq_setsockopt() - setsockopt(2) of a PF_Q socket
 * @sock: the socket
 * @level: ignored, but passed on
 * @optname: which option; one that PFQ does not know is a generic one
 * @optval: argument
 * @optlen: its length
 *
 * Context: Process context, may sleep.
 * Return: 0 or a negative errno.
 */
int pfq_setsockopt(struct socket *sock, int level, int optname,
		   sockptr_t optval, unsigned int optlen)
{
	const struct set_option *option = set_find(optname);
	struct pfq_sock *ps = pfq_sk(sock->sk);
	union set_arg arg;

	if (!option)
		return sock_setsockopt(sock, level, optname, optval, optlen);
	if (option->enabled && !rcu_access_pointer(ps->ring))
		return -EPERM;
	if (option->size && optlen != option->size)
		return -EINVAL;
	if (copy_from_sockptr(&arg, optval, option->size))
		return -EFAULT;
	return option->set(ps, &arg);
}

/* --- getsockopt ----------------------------------------------------------- */

static int get_group_join(struct pfq_sock *ps, char __user *optval)
{
	struct pfq_so_group_join arg;
	int gid;

	if (copy_from_user(&arg, optval, sizeof(arg)))
		return -EFAULT;
	gid = pfq_group_join(ps, arg.gid, arg.policy, arg.class_mask);
	if (gid < 0)
		return gid;
	arg.gid = gid;
	return copy_to_user(optval, &arg, sizeof(arg)) ? -EFAULT : 0;
}

static int get_id(struct pfq_sock *ps, char __user *optval)
{
	int arg;

	if (copy_from_user(&arg, optval, sizeof(arg)))
		return -EFAULT;
	if (arg != PFQ_VERSION_CODE)
		return -EPERM;
	return copy_to_user(optval, &ps->id, sizeof(ps->id)) ? -EFAULT : 0;
}

static int get_stats(struct pfq_sock *ps, char __user *optval)
{
	struct pfq_stats stats;

	pfq_stats_sum(ps->stats, &stats);
	return copy_to_user(optval, &stats, sizeof(stats)) ? -EFAULT : 0;
}

static int get_group_stats(struct pfq_sock *ps, char __user *optval)
{
	const struct pfq_group *g;
	struct pfq_stats stats;
	int ret = -EACCES;

	if (copy_from_user(&stats, optval, sizeof(stats)))
		return -EFAULT;
	if (stats.recv >= Q_MAX_GROUP)
		return -EFAULT;
	mutex_lock(&pfq_mutex);
	g = pfq_group_get(ps->net, stats.recv);
	if (g && pfq_group_access(ps, g)) {
		pfq_stats_sum(g->stats, &stats);
		ret = 0;
	}
	mutex_unlock(&pfq_mutex);
	if (ret)
		return ret;
	return copy_to_user(optval, &stats, sizeof(stats)) ? -EFAULT : 0;
}

/* They are written by programs, which there are none of: all zero. */
static int get_group_counters(struct pfq_sock *ps, char __user *optval)
{
	const struct pfq_group *g;
	bool access;
	u64 gid;

	if (copy_from_user(&gid, optval, sizeof(gid)))
		return -EFAULT;
	if (gid >= Q_MAX_GROUP)
		return -EFAULT;
	mutex_lock(&pfq_mutex);
	g = pfq_group_get(ps->net, gid);
	access = !g || pfq_group_access(ps, g);
	mutex_unlock(&pfq_mutex);
	if (!access)
		return -EACCES;
	return clear_user(optval, sizeof(struct pfq_counters)) ? -EFAULT : 0;
}

/* The options with a value that needs no argument. */
static void get_value(struct pfq_sock *ps, int optname, u64 *value)
{
	mutex_lock(&ps->lock);
	switch (optname) {
	case Q_SO_GET_STATUS:
		*value = rcu_access_pointer(ps->ring) ? 1 : 0;
		break;
	case Q_SO_GET_SHMEM_SIZE:
		*value = pfq_shmem_size(ps);
		break;
	case Q_SO_GET_RX_TSTAMP:
		*value = ps->tstamp;
		break;
	case Q_SO_GET_RX_SLOT_SIZE:
		*value = PFQ_SLOT_SIZE(ps->rx_len);
		break;
	case Q_SO_GET_RX_SLOTS:
		*value = ps->rx_slots;
		break;
	case Q_SO_GET_TX_SLOT_SIZE:
		*value = PFQ_SLOT_SIZE(ps->tx_len);
		break;
	case Q_SO_GET_TX_SLOTS:
		*value = ps->tx_slots;
		break;
	case Q_SO_GET_GROUPS:
		mutex_lock(&pfq_mutex);
		*value = pfq_group_mask(ps);
		mutex_unlock(&pfq_mutex);
		break;
	case Q_SO_GET_WEIGHT:
		*value = ps->weight;
		break;
	}
	mutex_unlock(&ps->lock);
}

static int get_int(struct pfq_sock *ps, int optname, char __user *optval)
{
	u64 value = 0;
	int arg;

	get_value(ps, optname, &value);
	arg = value;
	return copy_to_user(optval, &arg, sizeof(arg)) ? -EFAULT : 0;
}

static int get_u64(struct pfq_sock *ps, int optname, char __user *optval)
{
	u64 value = 0;

	get_value(ps, optname, &value);
	return copy_to_user(optval, &value, sizeof(value)) ? -EFAULT : 0;
}

/**
 * pfq_getsockopt() - getsockopt(2) of a PF_Q socket
 * @sock: the socket
 * @level: ignored
 * @optname: which option; -EFAULT if unknown
 * @optval: where the value goes; some options take an argument from there
 * @optlen: its length, which must be exact and is not written
 *
 * Context: Process context, may sleep.
 * Return: 0 or a negative errno.
 */
int pfq_getsockopt(struct socket *sock, int level, int optname,
		   char __user *optval, int __user *optlen)
{
	/* What takes an argument has a function; the rest are plain values. */
	static const struct {
		int size;
		int (*get)(struct pfq_sock *ps, char __user *optval);
	} opts[] = {
		[Q_SO_GROUP_JOIN] = { sizeof(struct pfq_so_group_join), get_group_join },
		[Q_SO_GET_ID] = { sizeof(int), get_id },
		[Q_SO_GET_STATUS] = { sizeof(int) },
		[Q_SO_GET_STATS] = { sizeof(struct pfq_stats), get_stats },
		[Q_SO_GET_SHMEM_SIZE] = { sizeof(u64) },
		[Q_SO_GET_RX_TSTAMP] = { sizeof(int) },
		[Q_SO_GET_RX_SLOT_SIZE] = { sizeof(u64) },
		[Q_SO_GET_RX_SLOTS] = { sizeof(u64) },
		[Q_SO_GET_TX_SLOT_SIZE] = { sizeof(u64) },
		[Q_SO_GET_TX_SLOTS] = { sizeof(u64) },
		[Q_SO_GET_GROUPS] = { sizeof(u64) },
		[Q_SO_GET_GROUP_STATS] = { sizeof(struct pfq_stats), get_group_stats },
		[Q_SO_GET_GROUP_COUNTERS] = { sizeof(struct pfq_counters), get_group_counters },
		[Q_SO_GET_WEIGHT] = { sizeof(int) },
	};
	struct pfq_sock *ps = pfq_sk(sock->sk);
	int len;

	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	if (optname < 0 || optname >= ARRAY_SIZE(opts) || !opts[optname].size)
		return -EFAULT;
	if (len != opts[optname].size)
		return -EINVAL;
	if (opts[optname].get)
		return opts[optname].get(ps, optval);
	if (len == sizeof(int))
		return get_int(ps, optname, optval);
	return get_u64(ps, optname, optval);
}
